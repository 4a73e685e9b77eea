"""CMAF headers as they are pushed: `ftyp` and `moov`, one track or several (ISO/IEC 14496-12 8; DASH-IF ingest 6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from base.media import Format
from packager import aac, entries, fragments, languages
from packager.boxes import Box, child, children, fields, full, malformed, walk

MAX_TRACKS = 16
_ROLES = "urn:mpeg:dash:role:2011"
_SETS = "urn:dashif:ingest:switchingset_id"
_LONGEST_EDIT_S = 60
_OPUS_SAMPLES = 960


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One track of a header. `handler`: vide, soun, meta, ..; `format` is None for what is neither video nor audio.

    `shift`: presentation = decode + composition offset - shift, from the edit list, in the track's timescale.
    `lengths`: octets of a NAL unit's length (1, 2, 4; 0 where samples are no NAL units).
    """

    track_id: int
    handler: str
    format: Format | None
    timescale: int
    shift: int = 0
    lengths: int = 0
    bitrate: int = 0
    role: str = ""
    switching_set: str = ""
    defaults: fragments.Defaults = field(default_factory=fragments.Defaults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`digest` tells a header that was sent again from another one."""

    digest: bytes
    sources: tuple[Source, ...]


def read_header(moov: bytes) -> Header:
    """`moov` is the whole box. Raises Problem unplayable: a codec that is not taken, encrypted, damaged."""
    data = memoryview(moov)
    (box,) = walk(data, 0, len(data))
    defaults = fragments.read_trex(data, box)
    mvhd = child(data, box, "mvhd")
    movie_scale = _timescale(data, mvhd)
    traks = [found for found in walk(data, box.body, box.end) if found.type == "trak"]
    if not 0 < len(traks) <= MAX_TRACKS:
        raise malformed(f"a header has 1 to {MAX_TRACKS} tracks, not {len(traks)}")
    sources = tuple(_source(data, trak, movie_scale, defaults) for trak in traks)
    if len({source.track_id for source in sources}) != len(sources):
        raise malformed("two tracks have one track_ID")
    return Header(digest=hashlib.sha256(moov).digest(), sources=sources)


def _source(data: memoryview, trak: Box, movie_scale: int, defaults: dict[int, fragments.Defaults]) -> Source:
    tkhd = child(data, trak, "tkhd")
    (track_id,) = fields(data, tkhd, "I", 20 if full(data, tkhd)[0] else 12)
    mdhd = child(data, trak, "mdia/mdhd")
    timescale = _timescale(data, mdhd)
    hdlr = child(data, trak, "mdia/hdlr")
    handler = bytes(data[hdlr.body + 8 : hdlr.body + 12]).decode("latin-1")
    kind = {"vide": "video", "soun": "audio"}.get(handler)
    made = Source(
        track_id=track_id,
        handler=handler,
        format=None,
        timescale=timescale,
        shift=_shift(data, trak, timescale, movie_scale),
        defaults=defaults.get(track_id, fragments.Defaults()),
    )
    for scheme, value in _kinds(data, trak):
        if scheme == _ROLES:
            made = replace(made, role=value)
        elif scheme == _SETS:
            made = replace(made, switching_set=value)
    if kind is None:
        return made
    stsd = child(data, trak, "mdia/minf/stbl/stsd")
    found = list(walk(data, stsd.body + 8, stsd.end))
    if len(found) != 1:
        raise malformed(f"a CMAF header has one sample entry, not {len(found)}")  # 23000-19 7.5.10
    entry, language = found[0], _language(data, trak, mdhd)
    fmt = entries.read_format(data, entry, kind=kind, timescale=timescale, language=language)
    inner = {box.type: box for box in walk(data, entry.body + (78 if kind == "video" else 28), entry.end)}
    bitrate = fields(data, inner["btrt"], "I", 8)[0] if "btrt" in inner else 0
    return replace(made, format=_complete(data, fmt, inner), lengths=_lengths(data, inner), bitrate=bitrate)


def _complete(data: memoryview, fmt: Format, inner: dict[str, Box]) -> Format:
    """How long a frame of sound lasts, which the sample entry does not say in the track's timescale."""
    samples = 0
    if fmt.codec.startswith("mp4a.40") and "esds" in inner:
        _, specific = aac.read_esds(bytes(data[inner["esds"].body + 4 : inner["esds"].end]))
        samples = aac.audio_specific_config(specific).samples
    elif fmt.codec == "opus":
        samples = _OPUS_SAMPLES
    if not samples or not fmt.sample_rate or samples * fmt.timescale % fmt.sample_rate:
        return fmt
    return replace(fmt, sample_duration=samples * fmt.timescale // fmt.sample_rate)


def _lengths(data: memoryview, inner: dict[str, Box]) -> int:
    """lengthSizeMinusOne of avcC and hvcC (14496-15 5.3.3.1.2, 8.3.3.1.2)."""
    for name, at in (("avcC", 4), ("hvcC", 21)):
        if name in inner:
            size = (fields(data, inner[name], "B", at)[0] & 3) + 1
            if size == 3:
                raise malformed(f"{name} says that NAL unit lengths have 3 octets")
            return size
    return 0


def _shift(data: memoryview, trak: Box, timescale: int, movie_scale: int) -> int:
    """elst (8.6.6): a delay by empty edits, and the media time at which presentation begins."""
    edts = children(data, trak).get("edts")
    elst = children(data, edts).get("elst") if edts else None
    if elst is None:
        return 0
    version, _ = full(data, elst)
    delay = 0
    for i in range(min(fields(data, elst, "I")[0], 8)):
        duration, media_time = fields(data, elst, "Qq" if version else "Ii", 8 + i * (20 if version else 12))
        if media_time >= 0:
            shift = media_time - round(delay * timescale / movie_scale)
            if abs(shift) > _LONGEST_EDIT_S * timescale:
                raise malformed("its edit list moves a track by more than a minute")
            return shift
        delay += duration
    return 0


def _timescale(data: memoryview, box: Box) -> int:
    (scale,) = fields(data, box, "I", 20 if full(data, box)[0] else 12)
    if not 0 < scale <= 1_000_000_000:
        raise malformed(f"box {box.type} has timescale {scale}")
    return scale


def _language(data: memoryview, trak: Box, mdhd: Box) -> str:
    """elng (8.4.6) where it is there, else mdhd's three letters."""
    elng = children(data, child(data, trak, "mdia")).get("elng")
    if elng is not None:
        return languages.code(bytes(data[elng.body + 4 : elng.end]).split(b"\0")[0].decode("latin-1"))
    (packed,) = fields(data, mdhd, "H", 32 if full(data, mdhd)[0] else 20)
    return languages.code("".join(chr((packed >> at & 0x1F) + 0x60) for at in (10, 5, 0)))


def _kinds(data: memoryview, trak: Box) -> list[tuple[str, str]]:
    """kind boxes of the track's udta (8.10.4): scheme and value."""
    udta = children(data, trak).get("udta")
    found = []
    if udta is not None:
        for box in walk(data, udta.body, udta.end):
            if box.type == "kind":
                scheme, _, rest = bytes(data[box.body + 4 : box.end]).partition(b"\0")
                value = rest.partition(b"\0")[0]
                found.append((scheme.decode("ascii", "replace"), value.decode("utf-8", "replace")[:64]))
    return found
