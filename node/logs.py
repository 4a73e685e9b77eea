"""Structured logs: one JSON object a line on standard error; the supervisor keeps them per role.

Secrets never reach a log: stream keys, tokens and authorisation fields are dropped by name, as the last guard
behind the rule that nobody hands them over.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog

_SECRET = ("key", "token", "secret", "authorization", "authorisation", "password", "passphrase")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Unbreakable:
    """A text stream whose reader may be gone: then lines are lost, and the role goes on.

    A role whose supervisor was killed has a broken pipe for standard error just while it drains; a log call that
    raises there would cut the drain short.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


def _is_news(record: logging.LogRecord) -> bool:
    """A peer that leaves in the middle of an answer is no fault, whatever aiohttp makes of it."""
    fault = record.exc_info[1] if record.exc_info else None
    return not (record.name.startswith("aiohttp.") and isinstance(fault, ConnectionError))


def set_up(role: str, worker: int, level: str, stream: TextIO | None = None) -> None:
    """Route structlog and the standard library's logging to JSON lines on `stream`, by default standard error."""
    out: Any = _Unbreakable(stream or sys.stderr)

    def name_role(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"role": role, "worker": worker, **event}

    chain: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_role,
        drop_secrets,
        # without the values of variables: a key is in some of them
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[*chain, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.addFilter(_is_news)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def drop_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace the value of any field whose name speaks of a secret."""
    for name in event:
        if any(word in name.lower() for word in _SECRET) and name not in ("key_id",):
            event[name] = "(dropped)"
    return event
