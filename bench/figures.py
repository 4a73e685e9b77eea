"""What a benchmark hands back, and the page that is made of it."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from node.settings import cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One table. `how` says what was run, so that another can run it; `lacked` names what could not be compared."""

    title: str
    how: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    lacked: tuple[str, ...] = ()


def page(tables: Sequence[Figures], facts: Sequence[str]) -> str:
    """The page in Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Measured by `make bench` on one machine, and true for that one: run it on yours.",
        "",
        *[f"* {fact}" for fact in facts],
    ]
    for table in tables:
        lines += ["", f"## {table.title}", "", table.how, ""]
        lines += [f"| {' | '.join(table.columns)} |", f"|{'---|' * len(table.columns)}"]
        lines += [f"| {' | '.join(row)} |" for row in table.rows]
        lines += ["", *[f"Not measured: {what}." for what in table.lacked]] if table.lacked else []
    return "\n".join(lines) + "\n"


def machine(day: str) -> list[str]:
    """Facts of this machine; `day` is the date of the run."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.+)$", text, re.M)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"), re.M)
    return [
        f"{day}, {platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"{model[1] if model else platform.machine()}, {cores()} cores, "
        f"{int(memory[1]) // (1 << 20) if memory else '?'} GiB of memory",
    ]
