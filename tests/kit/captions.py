"""CEA-608 captions for tests: octet pairs as an encoder sends them, and films that carry them in their SEI.

`Caption608` writes one field's pairs picture by picture (ANSI/CTA-608-E); `with_captions` puts them into every picture
of a film (ATSC A/53 part 4, 6.2.3), in the order in which pictures are shown.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from packager.boxes import box
from packager.index import FileKey, Index, IndexTrack, build
from packager.init import init_segment
from packager.moof import moof_and_mdat_head
from packager.movie import read_movie

RCL, BS, DER, RU2, RU3, RDC, TR, EDM, CR, ENM, EOC = 0x20, 0x21, 0x24, 0x25, 0x26, 0x29, 0x2A, 0x2C, 0x2D, 0x2E, 0x2F
_ROWS = {
    1: (0x11, 0x40), 2: (0x11, 0x60), 3: (0x12, 0x40), 4: (0x12, 0x60), 5: (0x15, 0x40), 6: (0x15, 0x60),
    7: (0x16, 0x40), 8: (0x16, 0x60), 9: (0x17, 0x40), 10: (0x17, 0x60), 11: (0x10, 0x40), 12: (0x13, 0x40),
    13: (0x13, 0x60), 14: (0x14, 0x40), 15: (0x14, 0x60),
}  # fmt: skip


def odd(octet: int) -> int:
    """With its parity bit."""
    return octet if octet.bit_count() & 1 else octet | 0x80


@dataclass
class Caption608:
    """Pairs of one channel, one a picture: `channel` 1 or 2 of its field."""

    channel: int = 1
    pairs: list[tuple[int, int]] = field(default_factory=list)

    @property
    def _of(self) -> int:
        return 8 if self.channel == 2 else 0

    def code(self, second: int, first: int = 0x14) -> Caption608:
        """A control code, twice as it has to be."""
        self.pairs += [(first | self._of, second)] * 2
        return self

    def at(self, row: int, column: int = 0, *, italic: bool = False, underline: bool = False) -> Caption608:
        first, second = _ROWS[row]
        attribute = 0x0E if italic else 0x10 | column // 4 << 1
        return self.code(second | attribute | underline, first)

    def text(self, words: str) -> Caption608:
        octets = words.encode("ascii")
        octets += b"\0" * (len(octets) % 2)
        self.pairs += [(octets[at], octets[at + 1]) for at in range(0, len(octets), 2)]
        return self

    def until(self, picture: int) -> Caption608:
        """Nothing to say up to this picture."""
        assert len(self.pairs) <= picture, f"too late: {len(self.pairs)} pairs were sent"
        self.pairs += [(0, 0)] * (picture - len(self.pairs))
        return self

    def pop_on(self, words: str, *, shown: int, gone: int = 0, row: int = 15, italic: bool = False) -> Caption608:
        """Loaded in time, shown from picture `shown` on (its first end of caption), erased at `gone`."""
        self.code(RCL).code(ENM)
        for at, line in enumerate(words.split("\n")):
            self.at(row - words.count("\n") + at, italic=italic).text(line)
        self.until(shown).code(EOC)
        return self.until(gone).code(EDM) if gone else self


def sei(field_1: tuple[int, int], field_2: tuple[int, int], *, hevc: bool = False) -> bytes:
    """One SEI unit with a pair for each field, with emulation prevention."""
    packets = b"".join(
        bytes((0xFC | kind, odd(first), odd(second))) for kind, (first, second) in ((0, field_1), (1, field_2))
    )
    payload = b"\xb5\x00\x31GA94\x03" + bytes((0x40 | 2, 0xFF)) + packets + b"\xff"
    body = bytes((4, len(payload))) + payload + b"\x80"
    escaped = bytearray()
    for octet in body:
        if octet <= 3 and escaped[-2:] == b"\0\0":
            escaped.append(3)
        escaped.append(octet)
    return (b"\x4e\x01" if hevc else b"\x06") + bytes(escaped)


def with_captions(film: bytes, field_1: list[tuple[int, int]], field_2: list[tuple[int, int]] | None = None) -> bytes:
    """The film's picture alone, fragmented, with a caption SEI in front of every picture's slices."""
    index = index_of(film)
    track = index.video[0]
    rows = track.samples
    shown = rows["dts"] + rows["cto"] - track.shift
    order = np.argsort(np.argsort(shown, kind="stable"), kind="stable").tolist()
    hevc = not track.format.codec.startswith("avc")

    def pair(pairs: list[tuple[int, int]] | None, at: int) -> tuple[int, int]:
        return pairs[at] if pairs and at < len(pairs) else (0, 0)

    samples = []
    for row, place in zip(rows, order, strict=True):
        unit = sei(pair(field_1, place), pair(field_2, place), hevc=hevc)
        at, size = int(row["offset"]), int(row["size"])
        samples.append(_before_slices(film[at : at + size], struct.pack(">I", len(unit)) + unit, hevc))
    sync = np.zeros(len(rows), np.bool_)
    sync[track.sync] = True
    head = moof_and_mdat_head(
        sequence=1,
        tfdt=int(rows["dts"][0]),
        duration=np.diff(rows["dts"], append=track.end_dts),
        size=np.array([len(sample) for sample in samples], np.int64),
        cto=rows["cto"].astype(np.int64) - track.shift,
        sync=sync,
    )
    return init_segment(track.format) + head + b"".join(samples) + box(b"free")


def index_of(film: bytes) -> Index:
    return build(read_movie(memoryview(film)), FileKey(len(film), 1, 1))


def video_of(film: bytes) -> IndexTrack:
    return index_of(film).video[0]


def _before_slices(sample: bytes, unit: bytes, hevc: bool) -> bytes:
    at = 0
    while at < len(sample):
        kind = sample[at + 4] >> 1 & 0x3F if hevc else sample[at + 4] & 0x1F
        if kind < 32 if hevc else 1 <= kind <= 5:
            break
        at += 4 + int.from_bytes(sample[at : at + 4], "big")
    return sample[:at] + unit + sample[at:]
