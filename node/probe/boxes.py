"""A small reader of ISO-BMFF, for looking only (ISO/IEC 14496-12): init segments and movie fragments.

Own code on purpose: the packager's tables would read back what the packager wrote wrong. `Broken` says where the
bytes end to make sense. Nothing is allocated by a size that the bytes only claim.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts"})
_DEEPEST = 8
_MOST_SAMPLES = 1 << 20
NOT_SYNC = 0x10000  # sample_is_non_sync_sample (8.8.3.1)


class Broken(Exception):
    """The bytes are not what their boxes say."""


@dataclass(slots=True)
class Box:
    """`start` counts from the first byte that was given, `body` is what follows the header."""

    type: bytes
    start: int
    size: int
    body: memoryview
    inner: list[Box] = field(default_factory=list)

    def all(self, kind: bytes) -> list[Box]:
        return [box for box in self.inner if box.type == kind]

    def find(self, *path: bytes) -> Box | None:
        """The first box along a path of types."""
        here: Box | None = self
        for kind in path:
            here = next((box for box in here.inner if box.type == kind), None) if here else None
        return here


def read(data: bytes | memoryview, *, cut: bool = False) -> list[Box]:
    """All boxes at file level. `cut`: the last one may be an mdat that is not all there. Raises Broken."""
    return list(_boxes(memoryview(data), 0, 0, cut=cut))


def _boxes(view: memoryview, at: int, depth: int, *, cut: bool = False) -> Iterator[Box]:
    if depth > _DEEPEST:
        raise Broken(f"boxes deeper than {_DEEPEST} at byte {at}")
    here = 0
    while here < len(view):
        if len(view) - here < 8:
            raise Broken(f"{len(view) - here} bytes behind the last box at byte {at + here}")
        size, kind = struct.unpack_from(">I4s", view, here)
        head = 8
        if size == 1:
            if len(view) - here < 16:
                raise Broken(f"a box header cut short at byte {at + here}")
            size, head = struct.unpack_from(">Q", view, here + 8)[0], 16
        elif size == 0:
            size = len(view) - here
        if cut and kind == b"mdat":
            size = min(size, len(view) - here)
        if size < head or size > len(view) - here:
            name = kind.decode("latin-1")
            raise Broken(f"{name!r} of {size} bytes at byte {at + here}, where {len(view) - here} are left")
        box = Box(kind, at + here, size, view[here + head : here + size])
        if kind in _CONTAINERS:
            box.inner = list(_boxes(box.body, at + here + head, depth + 1))
        yield box
        here += size


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One trak with its trex. `codec` as RFC 6381 spells it where the reader knows how, else the entry's type.

    `shift` is the media time that an edit list presents first (8.6.6), in the timescale.
    """

    id: int
    handler: str
    timescale: int
    codec: str
    width: int = 0
    height: int = 0
    shift: int = 0
    defaults: tuple[int, int, int] = (0, 0, 0)  # trex: duration, size, flags


@dataclass(slots=True, kw_only=True)
class Init:
    boxes: list[str]
    brands: tuple[str, ...]
    tracks: dict[int, Track]
    samples: int  # entries in the sample tables: 0 in an init segment
    durations: list[int]  # of mvhd and tkhd
    has_mvex: bool

    @property
    def main(self) -> Track | None:
        """What EXTINF counts: video before audio before anything else (3)."""
        order = {"vide": 0, "soun": 1}
        return min(self.tracks.values(), key=lambda track: order.get(track.handler, 2), default=None)


def init(data: bytes | memoryview) -> Init:
    """Raises Broken."""
    top = read(data)
    ftyp = next((box for box in top if box.type == b"ftyp"), None)
    moov = next((box for box in top if box.type == b"moov"), None)
    found = Init(
        boxes=[box.type.decode("latin-1") for box in top],
        brands=_brands(ftyp.body) if ftyp else (),
        tracks={},
        samples=0,
        durations=[],
        has_mvex=bool(moov and moov.find(b"mvex")),
    )
    if moov is None:
        return found
    mvex = moov.find(b"mvex")
    defaults = {}
    for trex in mvex.all(b"trex") if mvex else ():
        track, _, duration, size, flags = unpack(">5I", trex, 4)
        defaults[track] = (duration, size, flags)
    if mvhd := moov.find(b"mvhd"):
        found.durations.append(_duration(mvhd, 16, 24))
    for trak in moov.all(b"trak"):
        if tkhd := trak.find(b"tkhd"):
            found.durations.append(_duration(tkhd, 20, 28))
        stbl = trak.find(b"mdia", b"minf", b"stbl")
        for box in stbl.inner if stbl else ():
            if box.type in (b"stts", b"ctts", b"stsc", b"stco", b"co64"):
                found.samples += unpack(">I", box, 4)[0]
            elif box.type in (b"stsz", b"stz2"):
                found.samples += unpack(">I", box, 8)[0]
        track_ = _track(trak, defaults)
        found.tracks[track_.id] = track_
    return found


def _brands(body: memoryview) -> tuple[str, ...]:
    text = bytes(body)
    return tuple(text[at : at + 4].decode("latin-1") for at in (0, *range(8, len(text) - 3, 4)))


def unpack(form: str, box: Box, at: int) -> tuple[int, ...]:
    """Fields of a box's body. Raises Broken."""
    try:
        return struct.unpack_from(form, box.body, at)
    except struct.error as fault:
        raise Broken(f"{box.type.decode('latin-1')!r} at byte {box.start} is cut short") from fault


def _duration(box: Box, short: int, long: int) -> int:
    """Of mvhd, tkhd: version 1 has 64 bits."""
    version = unpack(">B", box, 0)[0]
    return unpack(">Q", box, long)[0] if version == 1 else unpack(">I", box, short)[0]


def _track(trak: Box, defaults: dict[int, tuple[int, int, int]]) -> Track:
    tkhd, mdhd = trak.find(b"tkhd"), trak.find(b"mdia", b"mdhd")
    hdlr, stsd = trak.find(b"mdia", b"hdlr"), trak.find(b"mdia", b"minf", b"stbl", b"stsd")
    if not (tkhd and mdhd and hdlr and stsd):
        raise Broken(f"the trak at byte {trak.start} lacks tkhd, mdhd, hdlr or stsd")
    number = unpack(">I", tkhd, 20 if unpack(">B", tkhd, 0)[0] == 1 else 12)[0]
    timescale = unpack(">I", mdhd, 20 if unpack(">B", mdhd, 0)[0] == 1 else 12)[0]
    if timescale == 0:
        raise Broken(f"the mdhd at byte {mdhd.start} has timescale 0")
    handler = bytes(hdlr.body[8:12]).decode("latin-1")
    codec, width, height = "", 0, 0
    for entry in _boxes(stsd.body[8:], stsd.start + 16, _DEEPEST - 2):
        codec = _codec(entry, handler)
        if handler == "vide":
            width, height = unpack(">HH", entry, 24)
        break
    return Track(
        id=number,
        handler=handler,
        timescale=timescale,
        codec=codec,
        width=width,
        height=height,
        shift=_shift(trak.find(b"edts", b"elst")),
        defaults=defaults.get(number, (0, 0, 0)),
    )


def _shift(elst: Box | None) -> int:
    """The media time of the first edit that is not empty."""
    if elst is None:
        return 0
    version, count = unpack(">B3xI", elst, 0)
    form, width = (">Qq", 20) if version == 1 else (">Ii", 12)
    for number in range(min(count, 16)):
        time = unpack(form, elst, 8 + number * width)[1]
        if time >= 0:
            return time
    return 0


def _codec(entry: Box, handler: str) -> str:
    """RFC 6381 3.3; of encrypted entries the original format counts (frma)."""
    kind = entry.type.decode("latin-1")
    inner = {}
    head = {"vide": 78, "soun": 28}.get(handler)
    if head is not None and len(entry.body) >= head:
        try:
            inner = {box.type: box for box in _boxes(entry.body[head:], entry.start + 8 + head, _DEEPEST - 1)}
        except Broken:
            return kind
    if kind in ("encv", "enca") and (sinf := inner.get(b"sinf")):
        frma = next((box for box in _boxes(sinf.body, sinf.start + 8, _DEEPEST - 1) if box.type == b"frma"), None)
        kind = bytes(frma.body[:4]).decode("latin-1") if frma else kind
    if (avcc := inner.get(b"avcC")) and len(avcc.body) >= 4:
        return f"{kind}.{bytes(avcc.body[1:4]).hex()}"
    if (hvcc := inner.get(b"hvcC")) and len(hvcc.body) >= 13:
        return _hevc(kind, bytes(hvcc.body))
    if (av1c := inner.get(b"av1C")) and len(av1c.body) >= 3:
        one, two = av1c.body[1], av1c.body[2]
        depth = (12 if two & 0x20 else 10) if two & 0x40 else 8
        return f"av01.{one >> 5}.{one & 31:02d}{'H' if two & 0x80 else 'M'}.{depth:02d}"
    if kind == "mp4a" and (esds := inner.get(b"esds")):
        return _aac(bytes(esds.body))
    return kind


def _hevc(kind: str, body: bytes) -> str:
    """ISO/IEC 14496-15 annex E: compatibility flags in reverse bit order, trailing zero octets dropped."""
    space = ("", "A", "B", "C")[body[1] >> 6]
    compatible = int(f"{int.from_bytes(body[2:6]):032b}"[::-1], 2)
    tier = "H" if body[1] & 0x20 else "L"
    octets = body[6:12].rstrip(b"\0")
    return ".".join(
        [kind, f"{space}{body[1] & 31}", f"{compatible:x}", f"{tier}{body[12]}", *(f"{o:x}" for o in octets)]
    )


def _aac(body: bytes) -> str:
    """mp4a.<object type>.<audio object type> from the descriptors of esds (ISO/IEC 14496-1 7.2.6)."""
    at = 4
    kind = 0
    while at + 2 <= len(body):
        tag = body[at]
        at += 1
        while at < len(body) and body[at] & 0x80:
            at += 1
        at += 1
        if tag == 3:
            at += 3  # ES_ID, flags without dependencies
        elif tag == 4 and at < len(body):
            kind = body[at]
            at += 13
        elif tag == 5 and at + 1 < len(body):
            audio = body[at] >> 3
            if audio == 31:
                audio = 32 + ((body[at] & 7) << 3 | body[at + 1] >> 5)
            return f"mp4a.{kind:02X}.{audio}"
        else:
            break
    return f"mp4a.{kind:02X}" if kind else "mp4a"


@dataclass(slots=True, kw_only=True)
class Run:
    """One traf. Per sample: duration, size, flags, composition offset. Times in the track's timescale."""

    track: int
    start: int  # of its moof
    tfdt: int | None
    base_is_moof: bool
    durations: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    outside: bool = False  # some data lies outside of the bytes that were given

    @property
    def duration(self) -> int:
        return sum(self.durations)

    @property
    def earliest(self) -> int:
        """The earliest presentation time."""
        at = self.tfdt or 0
        found = []
        for duration, offset in zip(self.durations, self.offsets, strict=True):
            found.append(at + offset)
            at += duration
        return min(found, default=at)


@dataclass(slots=True)
class Fragments:
    """A segment or a part. `data`: the octets of all mdat boxes, which its samples share."""

    boxes: list[str]
    runs: list[Run]
    data: int

    def of(self, track: int) -> list[Run]:
        return [run for run in self.runs if run.track == track]


def fragments(data: bytes | memoryview, init_: Init | None, *, cut: bool = False) -> Fragments:
    """Raises Broken. `init_` gives the defaults of trex; `cut` as in `read`."""
    top = read(data, cut=cut)
    runs: list[Run] = []
    for moof in (box for box in top if box.type == b"moof"):
        runs += [_run(traf, moof.start, len(data), init_) for traf in moof.all(b"traf")]
    return Fragments(
        [box.type.decode("latin-1") for box in top], runs, sum(len(box.body) for box in top if box.type == b"mdat")
    )


def _run(traf: Box, moof: int, end: int, init_: Init | None) -> Run:
    tfhd = traf.find(b"tfhd")
    if tfhd is None:
        raise Broken(f"the traf at byte {traf.start} has no tfhd")
    head, track = unpack(">II", tfhd, 0)
    said = head & 0xFFFFFF
    known = init_.tracks.get(track) if init_ else None
    duration, size, flags = known.defaults if known else (0, 0, 0)
    at = 8
    base = moof
    if said & 0x1:
        base, at = unpack(">Q", tfhd, at)[0], at + 8
    if said & 0x2:
        at += 4
    if said & 0x8:
        duration, at = unpack(">I", tfhd, at)[0], at + 4
    if said & 0x10:
        size, at = unpack(">I", tfhd, at)[0], at + 4
    if said & 0x20:
        flags = unpack(">I", tfhd, at)[0]
    tfdt = traf.find(b"tfdt")
    time = None
    if tfdt:
        time = unpack(">Q" if unpack(">B", tfdt, 0)[0] == 1 else ">I", tfdt, 4)[0]
    run = Run(track=track, start=moof, tfdt=time, base_is_moof=not said & 0x1)
    here = base
    for trun in traf.all(b"trun"):
        here = _samples(trun, run, (duration, size, flags), base, here)
        run.outside |= here > end
    return run


def _samples(trun: Box, run: Run, defaults: tuple[int, int, int], base: int, here: int) -> int:
    """Adds the trun's samples; returns where its data ends (8.8.8)."""
    head, count = unpack(">II", trun, 0)
    said, at = head & 0xFFFFFF, 8
    signed = head >> 24 > 0
    if said & 0x1:
        here, at = base + unpack(">i", trun, at)[0], at + 4
    first = None
    if said & 0x4:
        first, at = unpack(">I", trun, at)[0], at + 4
    width = 4 * (said >> 8 & 0xF).bit_count()
    if count > _MOST_SAMPLES or count * width > len(trun.body) - at:
        raise Broken(f"the trun at byte {trun.start} says {count} samples, and has no room for them")
    for number in range(count):
        duration, size, flags = defaults
        offset = 0
        if said & 0x100:
            duration, at = unpack(">I", trun, at)[0], at + 4
        if said & 0x200:
            size, at = unpack(">I", trun, at)[0], at + 4
        if said & 0x400:
            flags, at = unpack(">I", trun, at)[0], at + 4
        elif number == 0 and first is not None:
            flags = first
        if said & 0x800:
            offset, at = unpack(">i" if signed else ">I", trun, at)[0], at + 4
        run.durations.append(duration)
        run.sizes.append(size)
        run.flags.append(flags)
        run.offsets.append(offset)
        here += size
    return here
