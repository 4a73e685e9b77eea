"""From the octets of a request to headers and fragments, while they come: no I/O, and bounded whatever is sent.

A body is a row of boxes (ISO/IEC 14496-12 4.2). Kept is only the box that is being read, and the `moof` before an
`mdat`. What is not needed (`free`, `sidx`, boxes of unknown type) is passed over without being kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from base.problems import Problem

_KEPT = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"emsg", b"prft", b"mfra"})
_BEGINS = _KEPT | {b"free", b"skip", b"sidx", b"ssix", b"uuid", b"meta", b"pdin"}
MAX_BOX = 1 << 20
MAX_MDAT = 64 << 20
_MOST = {b"mdat": MAX_MDAT, b"moof": 8 << 20, b"moov": 4 << 20}
# Boxes that a body may have before it holds a header or a fragment: a row of empty boxes is no media.
_MOST_BOXES = 10_000
_NTP_OFFSET_S = 2_208_988_800  # 1900 to 1970 (RFC 5905 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderCame:
    """A `moov`, whole."""

    moov: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentCame:
    """`data` is the `moof` and the `mdat` behind it; `base`: the octet of the body at which the moof began.

    `brands` of the `styp` before it; `produced_ms`: the encoder's wall clock from `prft`, UTC, 0 if it said none.
    """

    data: bytes
    moof: int
    base: int
    brands: tuple[str, ...] = ()
    produced_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCame:
    """An `emsg`, whole."""

    box: bytes


@dataclass(frozen=True, slots=True)
class EndCame:
    """`mfra` or a segment with brand `lmsg` went before: no more media of these tracks (DASH-IF ingest 6.2)."""


Came = HeaderCame | FragmentCame | EventCame | EndCame


class BoxReader:
    """One request's body. `feed` octets; `finish` at its end tells whether a box was left unfinished."""

    def __init__(self) -> None:
        self._have = bytearray()
        self._skip = 0
        self._at = 0  # octets of the body before what is in `_have`
        self._boxes = 0
        self._moof: tuple[bytes, int] | None = None
        self._brands: tuple[str, ...] = ()
        self._produced_ms = 0

    def feed(self, octets: bytes) -> Iterator[Came]:
        """Raises Problem malformed or too-large."""
        if self._skip:
            dropped = min(self._skip, len(octets))
            self._skip -= dropped
            self._at += dropped
            octets = octets[dropped:]
        self._have += octets
        while (whole := self._next()) is not None:
            kind, box = whole
            yield from self._box(kind, box)

    def finish(self) -> bool:
        """Was the body whole? False: it was cut off inside of a box, or before the mdat of a moof."""
        return not self._have and not self._skip and self._moof is None

    def _next(self) -> tuple[bytes, bytes] | None:
        """The next box that is kept, once all of it is there."""
        while True:
            have = self._have
            if len(have) < 8:
                return None
            size, kind = struct.unpack_from(">I4s", have)
            head = 8
            if size == 1:
                if len(have) < 16:
                    return None
                (size,) = struct.unpack_from(">Q", have, 8)
                head = 16
            if self._at == 0 and kind not in _BEGINS:
                raise Problem("malformed", "the body is no MP4: push CMAF headers and segments")
            if size < head:  # also 0, to the end of the file: a body that is sent piecewise has none
                raise Problem("malformed", f"this is no row of MP4 boxes: {size} octets for a box at {self._at}")
            self._boxes += 1
            if self._boxes > _MOST_BOXES:
                raise Problem("malformed", f"{_MOST_BOXES} boxes without media: send CMAF")
            if kind not in _KEPT:
                dropped = min(size, len(have))
                del have[:dropped]
                self._at += dropped
                self._skip = size - dropped
                if self._skip:
                    return None
                continue
            if size > (most := _MOST.get(kind, MAX_BOX)):
                raise Problem(
                    "too-large", f"box {kind.decode('latin-1')} has {size} octets, {most >> 20} MiB are taken"
                )
            if len(have) < size:
                self._boxes -= 1  # it is looked at again
                return None
            box = bytes(memoryview(have)[:size])
            del have[:size]
            self._at += size
            return kind, box

    def _box(self, kind: bytes, box: bytes) -> Iterator[Came]:
        if self._moof is not None and kind != b"mdat":
            raise Problem("malformed", f"a moof is followed by {kind.decode('latin-1')}, not by its mdat")
        match kind:
            case b"moov":
                self._boxes = 0
                yield HeaderCame(moov=box)
            case b"styp":
                self._brands = _brands(box)
            case b"prft":
                self._produced_ms = _produced_ms(box)
            case b"emsg":
                yield EventCame(box=box)
            case b"moof":
                self._moof = box, self._at - len(box)
            case b"mdat":
                self._boxes = 0
                if self._moof is not None:
                    yield self._fragment(box)
                    if "lmsg" in self._brands:
                        yield EndCame()
            case b"mfra":
                yield EndCame()

    def _fragment(self, mdat: bytes) -> FragmentCame:
        assert self._moof is not None
        (moof, base), self._moof = self._moof, None
        produced_ms, self._produced_ms = self._produced_ms, 0
        return FragmentCame(data=moof + mdat, moof=len(moof), base=base, brands=self._brands, produced_ms=produced_ms)


def _brands(box: bytes) -> tuple[str, ...]:
    """Major and compatible brands (14496-12 4.3, 8.16.2)."""
    names = [box[8:12], *(box[at : at + 4] for at in range(16, min(len(box) - 3, 16 + 4 * 64), 4))]
    return tuple(name.decode("latin-1") for name in names)


def _produced_ms(box: bytes) -> int:
    """ProducerReferenceTimeBox (8.16.5): NTP time, 32.32."""
    if len(box) < 24:
        raise Problem("malformed", "box prft is too short")
    ntp = int.from_bytes(box[16:24], "big")
    return max(0, (ntp * 1000 >> 32) - _NTP_OFFSET_S * 1000)
