"""What an uploader sends: one file as the body, or several, one behind the other.

POST /api/v1/assets?filename=film.mkv                              the file
POST /api/v1/assets?title=Tour&file=1000:1080p.mp4&file=500:de.m4a  1000 octets of the first, then 500 of the second
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from base.problems import Problem

MOST_FILES = 32
_LONGEST_NAME = 255
_FILE = re.compile(r"([1-9][0-9]{0,15}):(.+)", re.DOTALL)
# Boxes that a file of the ISO base media file format or of QuickTime may begin with.
_BEGINNINGS = frozenset((b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot", b"sidx"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A file that is announced. `length` in octets, None if it is not known."""

    name: str
    length: int | None


def described(files: Sequence[str], filename: str, length: int | None) -> list[Described]:
    """The files of a body of `length` octets. Raises Problem malformed if they are not as long as it."""
    if not files:
        return [Described(name=_base(filename), length=length)]
    if len(files) > MOST_FILES:
        raise Problem("malformed", f"file: give at most {MOST_FILES}", field="file")
    found = []
    for text in files:
        read = _FILE.fullmatch(text)
        if read is None or len(_base(read[2])) > _LONGEST_NAME:
            raise Problem("malformed", "file: give its octets and its name, such as file=1000:film.mp4", field="file")
        found.append(Described(name=_base(read[2]), length=int(read[1])))
    if length is None or sum(file.length or 0 for file in found) != length:
        raise Problem("malformed", "file: the octets of all files must add up to Content-Length", field="file")
    return found


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


class Incoming:
    """The stream of a body, given out file by file."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._held = b""

    async def is_mp4(self) -> bool:
        """What the next file's first octets say; nothing is taken."""
        while len(self._held) < 8:
            try:
                self._held += await anext(self._body)
            except StopAsyncIteration:
                break
        return self._held[4:8] in _BEGINNINGS

    async def file(self, length: int | None) -> AsyncIterator[bytes]:
        """The next `length` octets, or all that is left. Raises Problem malformed if the body ends before."""
        left = length
        while left is None or left > 0:
            piece = self._held
            if not piece:
                try:
                    piece = await anext(self._body)
                except StopAsyncIteration:
                    if left is None:
                        return
                    raise Problem("malformed", f"the body ended {left} octets early: send it again") from None
            self._held = b""
            if left is not None:
                self._held = piece[left:]
                piece = piece[:left]
                left -= len(piece)
            yield piece
