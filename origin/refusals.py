"""What becomes of an upload that is refused: it is counted, and a disk that takes no more is said as a Problem."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from base.problems import Problem
from node.process import Context

log = structlog.get_logger("refusals")


@contextmanager
def counted(ctx: Context, title: str, what: str) -> Iterator[None]:
    """Around the storing of `what` (the marks, say) of an asset or channel. Raises Problem: its own, or busy."""
    try:
        yield
    except Problem as problem:
        ctx.metrics.counter("origin_refused", kind=problem.kind.name).inc()
        raise
    except OSError as fault:
        log.error("upload.not_stored", title=title, what=what, fault=str(fault))
        ctx.metrics.counter("origin_refused", kind="busy").inc()
        raise Problem("busy", f"the origin cannot store {what}: {fault.strerror or fault}") from fault
