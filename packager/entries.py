"""Sample entries (`stsd`): made from an encoder's configuration, and read from a file into a Format.

ISO/IEC 14496-12 8.5.2 and 12.1.3, 12.2.3; 14496-14 (mp4a); 14496-15 (avc1, hvc1); TS 102 366 annex F
(ac-3, ec-3); Opus in ISO-BMFF 4.3 (Opus); AV1 in ISO-BMFF 2.2 (av01); FLAC in ISO-BMFF 3.3 (fLaC).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from base.media import Format
from base.problems import Problem
from packager import aac, ac3, av1, avc, codecs, flac, hevc, opus
from packager.boxes import Box, box, fields, fullbox, malformed, walk

_VISUAL = 78  # octets of a VisualSampleEntry before its boxes
_AUDIO = 28  # octets of an AudioSampleEntry before its boxes
_UNSPECIFIED = (2, 2, 2)  # colours (ITU-T H.273)


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """Colours as a source says them beside its stream.

    `codes`: primaries, transfer characteristics and matrix (ITU-T H.273), full range; `mastering`: x, y of green, blue,
    red and white in 1/50000, then greatest and least luminance in 1/10000 cd/m2; `light`: MaxCLL and MaxFALL in cd/m2.
    """

    codes: tuple[int, int, int, bool] | None = None
    mastering: tuple[int, ...] | None = None
    light: tuple[int, int] | None = None


def avc_format(avcc: bytes, timescale: int = 90000) -> Format:
    """The format of a track whose encoder sent this avcC. Raises Problem unplayable."""
    sps, _ = avc.parameter_sets(avcc)
    if not sps:
        raise Problem("unplayable", "the H.264 configuration (avcC) has no sequence parameter set")
    return _video("avc1", "avcC", avcc, avc.picture(sps[0]), timescale)


def hevc_format(hvcc: bytes, timescale: int = 90000) -> Format:
    """The format of a track whose encoder sent this hvcC. Raises Problem unplayable."""
    sps = hevc.parameter_sets(hvcc).get(hevc.SPS)
    if not sps:
        raise Problem("unplayable", "the HEVC configuration (hvcC) has no sequence parameter set")
    return _video("hvc1", "hvcC", hvcc, hevc.picture(sps[0]), timescale)


def av1_format(av1c: bytes, timescale: int = 90000) -> Format:
    """The format of a track whose encoder sent this av1C with a sequence header in it. Raises Problem unplayable."""
    sequence = av1.sequence(av1c)
    if sequence is None:
        raise Problem("unplayable", "the AV1 configuration (av1C) has no sequence header")
    codes = sequence.colour.codes
    colour = (*codes, sequence.colour.full_range) if codes != _UNSPECIFIED else None
    picture = avc.Picture(width=sequence.width, height=sequence.height, colour=colour)
    return _video("av01", "av1C", av1c, picture, timescale)


def _video(entry: str, name: str, record: bytes, picture: avc.Picture, timescale: int) -> Format:
    boxes = [box(name.encode("ascii"), record), box(b"pasp", struct.pack(">II", *picture.sar))]  # CMAF B.2: pasp, colr
    if picture.colour is not None:
        *codes, full_range = picture.colour
        boxes.append(box(b"colr", b"nclx", struct.pack(">HHHB", *codes, full_range << 7)))
    head = struct.pack(
        ">6xH16xHHIII H32sHh",
        1, picture.width, picture.height, 0x480000, 0x480000, 0, 1, b"", 0x18, -1,
    )  # fmt: skip
    return Format(
        kind="video",
        codec=codecs.string(entry, {found[4:8].decode("ascii"): found[8:] for found in boxes}),
        timescale=timescale,
        entry=box(entry.encode("ascii"), head, *boxes),
        width=_displayed(picture.width, *picture.sar),
        height=picture.height,
    )


def aac_format(asc: bytes, language: str = "und") -> Format:
    """The format of a track whose encoder sent this AudioSpecificConfig. Raises Problem unplayable."""
    config = aac.audio_specific_config(asc)
    return _audio(
        b"mp4a",
        f"mp4a.40.{config.object_type}",
        fullbox(b"esds", 0, 0, aac.esds_payload(asc)),
        rate=config.sample_rate,
        channels=config.channels or 2,
        samples=config.samples,
        language=language,
    )


def ac3_format(frame: bytes, language: str = "und") -> Format:
    """The format of a track of AC-3 with this sync frame in it. Raises Problem unplayable."""
    return _dolby(b"ac-3", b"dac3", ac3.ac3(frame), language)


def eac3_format(frame: bytes, language: str = "und") -> Format:
    """The format of a track of E-AC-3 with this sample in it. Raises Problem unplayable."""
    return _dolby(b"ec-3", b"dec3", ac3.eac3(frame), language)


def _dolby(entry: bytes, name: bytes, sound: ac3.Sound, language: str) -> Format:
    return _audio(
        entry,
        entry.decode("ascii"),
        box(name, sound.config),
        rate=sound.sample_rate,
        channels=sound.channels,
        samples=sound.samples,
        language=language,
    )


def opus_format(channels: int, pre_skip: int = 0, language: str = "und") -> Format:
    """The format of a track of Opus in mono or stereo (channel mapping family 0 of RFC 7845 5.1.1).

    `pre_skip` in samples at 48 kHz. How long a packet lasts is said by each packet.
    """
    return _opus(opus.Head(channels=channels, pre_skip=pre_skip), language)


def opus_head_format(head: bytes, language: str = "und") -> Format:
    """The format of a track of Opus whose encoder sent this identification header (RFC 7845 5.1), with any number of
    channels. Raises Problem unplayable."""
    return _opus(opus.read_head(head), language)


def _opus(head: opus.Head, language: str) -> Format:
    config = box(b"dOps", opus.dops(head))
    return _audio(b"Opus", "opus", config, rate=48000, channels=head.channels, samples=0, language=language)


def flac_format(stream_info: bytes, language: str = "und") -> Format:
    """The format of a track of FLAC with this STREAMINFO block, its header left out (RFC 9639 8.2).

    Raises Problem unplayable.
    """
    info = flac.read(stream_info)
    last_block = struct.pack(">I", 0x80 << 24 | len(stream_info))
    config = fullbox(b"dfLa", 0, 0, last_block, stream_info)  # FLAC in ISO-BMFF 3.3.2
    return _audio(
        b"fLaC",
        "fLaC",
        config,
        rate=info.sample_rate,
        channels=info.channels,
        samples=info.samples,
        language=language,
    )


def _audio(entry: bytes, codec: str, config: bytes, *, rate: int, channels: int, samples: int, language: str) -> Format:
    # samplerate is 16.16: a rate over 65535 Hz does not fit and is said by the configuration alone
    head = struct.pack(">6xH8xHH4xI", 1, channels, 16, (rate if rate < 1 << 16 else 0) << 16)
    return Format(
        kind="audio",
        codec=codec,
        timescale=rate,
        entry=box(entry, head, config),
        channels=channels,
        sample_rate=rate,
        sample_duration=samples,
        language=language,
    )


def read_format(data: memoryview, entry: Box, *, kind: str, timescale: int, language: str) -> Format:
    """The format that a sample entry in a file describes. Raises Problem unplayable: encrypted, unknown, damaged."""
    if entry.type in ("encv", "enca"):
        raise Problem("unplayable", "the file is encrypted: add the clear original, encryption is done on delivery")
    known = codecs.VIDEO if kind == "video" else codecs.AUDIO
    if entry.type not in known:
        raise codecs.refuse(entry.type)
    skip = _VISUAL if kind == "video" else _AUDIO
    if entry.end - entry.body < skip:
        raise malformed(f"sample entry {entry.type} is too short")
    if kind == "audio":
        version = fields(data, entry, "H", 8)[0]
        skip += {0: 0, 1: 16, 2: 36}.get(version, 0)  # QuickTime's sound description versions
    end = _trimmed(data, entry, skip)
    boxes = {b.type: bytes(data[b.body : b.end]) for b in walk(data, entry.body + skip, end)}
    if "wave" in boxes and "esds" not in boxes:  # QuickTime keeps the esds inside
        inner = memoryview(boxes["wave"])
        boxes |= {b.type: bytes(inner[b.body : b.end]) for b in walk(inner, 0, len(inner)) if b.size > 8}
    codec = codecs.string(entry.type, boxes)
    raw = box(entry.type.encode("ascii"), bytes(data[entry.body : end]))
    if kind == "video":
        width, height = fields(data, entry, "HH", 24)
        across, down = struct.unpack(">II", boxes["pasp"][:8]) if len(boxes.get("pasp", b"")) >= 8 else (1, 1)
        width = _displayed(width, across, down)
        return Format(kind=kind, codec=codec, timescale=timescale, entry=raw, width=width, height=height)
    channels, rate = fields(data, entry, "H6xI", 16)
    rate, samples = rate >> 16, 0
    if entry.type == "mp4a":
        _, specific = aac.read_esds(boxes["esds"][4:])
        if codec.startswith("mp4a.40") or (specific and codec not in codecs.MP3):
            config = aac.audio_specific_config(specific)
            rate, channels = config.sample_rate, config.channels or channels
    elif entry.type == "Opus" and len(boxes.get("dOps", b"")) >= 11:
        channels, rate = boxes["dOps"][1], 48000
    elif entry.type == "fLaC" and len(boxes.get("dfLa", b"")) >= 8 + flac.SIZE:
        info = flac.read(boxes["dfLa"][8:])
        rate, channels = info.sample_rate, info.channels
    elif entry.type == "ac-3" and len(boxes.get("dac3", b"")) >= 3:
        channels = _ac3_channels(boxes["dac3"])
    elif entry.type == "ec-3" and len(boxes.get("dec3", b"")) >= 5:
        channels = _eac3_channels(boxes["dec3"])
    return Format(
        kind=kind, codec=codec, timescale=timescale, entry=raw, channels=channels,
        sample_rate=rate, sample_duration=samples, language=language,
    )  # fmt: skip


def with_colour(fmt: Format, colour: Colour) -> Format:
    """The format with what a source says of its colours beside the stream, where its sample entry has no such box yet.

    `colr` (ISO/IEC 14496-12 12.1.5), `mdcv` and `clli` (12.1.6, 12.1.7).
    """
    assert fmt.kind == "video"
    data = memoryview(fmt.entry)
    there = {found.type: bytes(data[found.body : found.end]) for found in walk(data, 8 + _VISUAL, len(data))}
    boxes = []
    if colour.codes is not None and "colr" not in there:
        *codes, full_range = colour.codes
        there["colr"] = b"nclx" + struct.pack(">HHHB", *codes, full_range << 7)
        boxes.append(box(b"colr", there["colr"]))
    if colour.mastering is not None and "mdcv" not in there:
        boxes.append(box(b"mdcv", struct.pack(">8H2I", *colour.mastering)))
    if colour.light is not None and "clli" not in there:
        boxes.append(box(b"clli", struct.pack(">2H", *colour.light)))
    if not boxes:
        return fmt
    name = fmt.entry[4:8]
    codec = codecs.string(name.decode("ascii"), there)
    return replace(fmt, entry=box(name, fmt.entry[8:], *boxes), codec=codec)


def _displayed(width: int, across: int, down: int) -> int:
    """The width at which square samples are shown; a ratio that no picture has is damage and does not count."""
    if across and down and 1 / 16 <= across / down <= 16:
        width = round(width * across / down)
    return min(width, 0xFFFF)


def _trimmed(data: memoryview, entry: Box, skip: int) -> int:
    """QuickTime ends some entries with a 32-bit zero: not a box."""
    end = entry.end
    if (end - entry.body - skip) >= 4 and bytes(data[end - 4 : end]) == b"\0\0\0\0":
        try:
            list(walk(data, entry.body + skip, end))
        except Problem:
            return end - 4
    return end


_ACMOD = (2, 1, 2, 3, 3, 4, 4, 5)  # TS 102 366 table 4.3


def _ac3_channels(dac3: bytes) -> int:
    """acmod and lfeon of dac3: fscod2 bsid5 bsmod3 acmod3 lfeon1 .. (TS 102 366 F.4)."""
    word = int.from_bytes(dac3[:3], "big")
    return _ACMOD[word >> 11 & 7] + (word >> 10 & 1)


def _eac3_channels(dec3: bytes) -> int:
    """acmod and lfeon of the first independent substream (TS 102 366 F.6)."""
    word = int.from_bytes(dec3[2:5], "big")
    return _ACMOD[word >> 9 & 7] + (word >> 8 & 1)
