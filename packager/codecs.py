"""Codec strings (RFC 6381 and each codec's binding), and which codecs can be played from here."""

from __future__ import annotations

from base.problems import Problem
from packager import aac, avc

VIDEO = ("avc1", "avc3", "hvc1", "hev1", "av01")
AUDIO = ("mp4a", "ac-3", "ec-3", "Opus", "fLaC")
PLAYABLE = "H.264, HEVC or AV1 video; AAC, MP3, AC-3, E-AC-3, Opus or FLAC audio"

_MP3 = {0x69: "mp4a.69", 0x6B: "mp4a.6B"}  # MPEG-2 and MPEG-1 audio as object type indications (14496-1 table 5)
_AAC = {0x40, 0x66, 0x67, 0x68}
MP3 = frozenset(_MP3.values())


def refuse(what: str) -> Problem:
    return Problem("unplayable", f"codec {what} is not supported: transcode to {PLAYABLE}")


def string(entry: str, config: dict[str, bytes]) -> str:
    """The codec string of a sample entry. `config`: payloads of its boxes. Raises Problem unplayable."""
    match entry:
        case "avc1" | "avc3":
            avcc = _need(config, "avcC", entry, 4)
            return entry + avc.codec_string(avcc)[4:]
        case "hvc1" | "hev1":
            return hevc(entry, _need(config, "hvcC", entry, 13))
        case "av01":
            return av1(_need(config, "av1C", entry, 4), config.get("colr", b""))
        case "mp4a":
            return mp4a(_need(config, "esds", entry, 4)[4:])
        case "ac-3" | "ec-3":
            return entry
        case "Opus":
            return "opus"  # MSE's spelling; Apple's and DASH players take it (spec notes 5)
        case "fLaC":
            return "fLaC"
        case _:
            raise refuse(entry)


def hevc(entry: str, hvcc: bytes) -> str:
    """`hvc1.[A-C]P.compat.[LH]level.c1..` (14496-15 annex E.3)."""
    first = hvcc[1]
    space = ("", "A", "B", "C")[first >> 6]
    compat = int(f"{int.from_bytes(hvcc[2:6], 'big'):032b}"[::-1], 2)
    constraints = hvcc[6:12].rstrip(b"\0")
    tier = "H" if first & 0x20 else "L"
    tail = "".join(f".{octet:X}" for octet in constraints)
    return f"{entry}.{space}{first & 0x1F}.{compat:X}.{tier}{hvcc[12]}{tail}"


def av1(av1c: bytes, colr: bytes) -> str:
    """`av01.P.LLT.BD[...]` (AV1 ISO-BMFF binding 5). The tail is dropped where it says what is assumed anyway."""
    profile, level = av1c[1] >> 5, av1c[1] & 0x1F
    high, twelve, mono = av1c[2] >> 6 & 1, av1c[2] >> 5 & 1, av1c[2] >> 4 & 1
    depth = 12 if twelve else 10 if high else 8
    tier = "H" if av1c[2] >> 7 else "M"
    short = f"av01.{profile}.{level:02d}{tier}.{depth:02d}"
    subsampling = f"{av1c[2] >> 3 & 1}{av1c[2] >> 2 & 1}{av1c[2] & 3 if av1c[2] >> 2 & 3 == 3 else 0}"
    primaries, transfer, matrix, full_range = 1, 1, 1, 0
    if colr[:4] == b"nclx" and len(colr) >= 11:
        primaries, transfer, matrix = (int.from_bytes(colr[at : at + 2], "big") for at in (4, 6, 8))
        full_range = colr[10] >> 7
    tail = f".{mono}.{subsampling}.{primaries:02d}.{transfer:02d}.{matrix:02d}.{full_range}"
    return short if tail == ".0.110.01.01.01.0" else short + tail


def mp4a(esds: bytes) -> str:
    """`mp4a.40.2` and so on (RFC 6381 3.3); MP3 by its object type indication."""
    kind, specific = aac.read_esds(esds)
    if kind in _MP3:
        return _MP3[kind]
    if kind not in _AAC:
        raise refuse(f"mp4a.{kind:02X}")
    if kind != 0x40:
        return f"mp4a.{kind:02X}"
    config = aac.audio_specific_config(specific)
    return f"mp4a.40.{config.object_type}"


def _need(config: dict[str, bytes], name: str, entry: str, size: int) -> bytes:
    found = config.get(name, b"")
    if len(found) < size:
        raise Problem("unplayable", f"the file is damaged: sample entry {entry} has no usable {name}")
    return found
