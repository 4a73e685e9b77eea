"""A role's log on disk: bytes are appended, the file is turned over by size, the oldest turn is dropped."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

LARGEST = 10 << 20
TURNS = 3
_KEPT_LINES = 40


class LogFile:
    """`origin-0.log`, `origin-0.log.1`, `origin-0.log.2`: at most `turns` files of about `largest` bytes.

    A file is turned over between lines only. A disk that is full or gone costs log lines, never the role.
    """

    def __init__(self, path: Path, *, largest: int = LARGEST, turns: int = TURNS) -> None:
        self.path = path
        self.tail: deque[str] = deque(maxlen=_KEPT_LINES)
        self._largest, self._turns = largest, turns
        self._rest = b""
        self._file: int | None = None
        self._size = 0

    def write(self, chunk: bytes) -> list[str]:
        """Take what a pipe gave, in any cut. Returns the lines that it completed."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > 1 << 20:  # no line is that long: do not keep it in memory
            whole, self._rest = [*whole, self._rest], b""
        lines = [line.decode(errors="replace") for line in whole]
        self.tail.extend(line for line in lines if line)
        if whole:
            self._append(b"".join(line + b"\n" for line in whole))
        return lines

    def close(self) -> None:
        if self._rest:
            self.write(b"\n")
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, block: bytes) -> None:
        try:
            if self._file is None:
                self._open()
            elif self._size + len(block) > self._largest:
                self._turn()
            assert self._file is not None
            self._size += os.write(self._file, block)
        except OSError:
            return

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._file).st_size

    def _turn(self) -> None:
        assert self._file is not None
        os.close(self._file)
        self._file = None
        for age in range(self._turns - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{age - 1}") if age > 1 else self.path
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{age}"))
        self._open()


class LogStream:
    """A LogFile as the text stream that node/logs.py writes to."""

    def __init__(self, file: LogFile) -> None:
        self._file = file

    def write(self, text: str) -> int:
        self._file.write(text.encode())
        return len(text)

    def flush(self) -> None:
        """Every write is complete."""
