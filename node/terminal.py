"""What the supervisor shows to people: lines, and on a terminal one line of progress that is rewritten in place."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TextIO

_CLEAR = "\r\x1b[K"


class Screen:
    """Writes to standard error where standard output belongs to --json, else to standard output."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self.verbose = verbose
        self._stream = stream
        self._tty = stream.isatty()
        self._waiting = ""

    def line(self, text: str = "") -> None:
        self._put((_CLEAR if self._waiting else "") + text + "\n" + self._waiting)

    def waiting_for(self, names: Sequence[str]) -> None:
        """Show who is still awaited; nobody: clear the line. Only on a terminal: elsewhere it would be noise."""
        if not self._tty:
            return
        shown = f"waiting for {', '.join(names)} ..." if names else ""
        if shown != self._waiting:
            self._put((_CLEAR if self._waiting else "") + shown)
            self._waiting = shown

    def log_line(self, name: str, line: str) -> None:
        if self.verbose:
            self.line(f"{name}: {line}")

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal was closed: the roles go on
            self._stream.write(text)
            self._stream.flush()


def columns(rows: Sequence[tuple[str, str]], indent: str = "  ") -> list[str]:
    """Two columns, the second one aligned."""
    width = max((len(left) for left, _ in rows), default=0)
    return [f"{indent}{left:<{width}}  {right}".rstrip() for left, right in rows]
