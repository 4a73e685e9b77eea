"""Program association and program map (H.222.0 2.4.4.3 to 2.4.4.9), and what a stream type stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PAT_PID, NULL_PID = 0, 0x1FFF
_PAT, _PMT = 0, 2
MAX_STREAMS = 64

# Stream types (2.4.4.9 table 2-34; ATSC A/52 annex A; SCTE 35 8.1) that are taken.
_TAKEN = {0x1B: "avc", 0x24: "hevc", 0x0F: "aac", 0x81: "ac-3", 0x87: "ec-3", 0x86: "scte-35"}
# The names of those that are not, for the sentence to the operator.
_PICTURES = {0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x10: "MPEG-4 part 2", 0x1C: "MPEG-4 audio without syntax"}
_PICTURES |= {0x21: "JPEG 2000", 0x32: "JPEG XS", 0x33: "VVC", 0x42: "AVS", 0xD1: "Dirac", 0xEA: "VC-1"}
_SOUND = {0x03: "MPEG-1 audio", 0x04: "MPEG-2 audio", 0x11: "AAC in LATM", 0x2D: "MPEG-H audio", 0x82: "DTS"}
_SOUND |= {0x80: "LPCM", 0x83: "Dolby TrueHD", 0x85: "DTS-HD"}
NAMES = {"avc": "H.264", "hevc": "HEVC", "aac": "AAC", "ac-3": "AC-3", "ec-3": "E-AC-3", "opus": "Opus"}
# Private data (0x06) says what it is by a descriptor: registration (2.6.8), DVB (ETSI EN 300 468 annex D).
_REGISTERED = {b"AC-3": "ac-3", b"EAC3": "ec-3", b"Opus": "opus", b"HEVC": "hevc"}
_REGISTERED_NAMES = {b"AV01": "AV1", b"BSSD": "SMPTE 302M", b"DTS1": "DTS", b"DTS2": "DTS", b"DTS3": "DTS"}
_DVB = {0x6A: "ac-3", 0x7A: "ec-3"}
_DVB_NAMES = {0x7B: "DTS"}
_REGISTRATION, _LANGUAGE, _EXTENSION, _OPUS = 0x05, 0x0A, 0x7F, 0x80
VIDEO = frozenset(("avc", "hevc"))
AUDIO = frozenset(("aac", "ac-3", "ec-3", "opus"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One elementary stream. `codec`: one of VIDEO, AUDIO or scte-35, empty where it is not taken; then `name` says
    what it is if it is video or sound. `opus`: channel_config_code, -1 if it was not said."""

    pid: int
    codec: str
    name: str = ""
    video: bool = False
    language: str = "und"
    opus: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program map. `streams` in its order."""

    number: int
    version: int
    pcr_pid: int
    streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Associations:
    """One section of a program association: `maps` are the PIDs of the program maps by program number, in order."""

    version: int
    part: int
    last: int
    maps: Mapping[int, int]


def read_pat(section: bytes) -> Associations | None:
    """None for what is no program association that is in force. `section` passed its checksum."""
    if section[0] != _PAT or len(section) < 12 or not section[5] & 1:
        return None
    maps = {}
    for at in range(8, len(section) - 7, 4):
        number = int.from_bytes(section[at : at + 2], "big")
        if number:  # 0 is the network information
            maps[number] = int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF
    return Associations(version=section[5] >> 1 & 31, part=section[6], last=section[7], maps=maps)


def read_pmt(section: bytes) -> Program | None:
    """None for what is no program map that is in force, or one whose lengths do not add up."""
    if section[0] != _PMT or len(section) < 16 or not section[5] & 1:
        return None
    end = len(section) - 4
    at = 12 + (int.from_bytes(section[10:12], "big") & 0x0FFF)
    streams: list[Stream] = []
    while at + 5 <= end and len(streams) < MAX_STREAMS:
        size = int.from_bytes(section[at + 3 : at + 5], "big") & 0x0FFF
        if at + 5 + size > end:
            return None
        pid = int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        streams.append(_stream(section[at], pid, section[at + 5 : at + 5 + size]))
        at += 5 + size
    if at != end and len(streams) < MAX_STREAMS:
        return None
    number = int.from_bytes(section[3:5], "big")
    pcr_pid = int.from_bytes(section[8:10], "big") & 0x1FFF
    return Program(number=number, version=section[5] >> 1 & 31, pcr_pid=pcr_pid, streams=tuple(streams))


def _stream(kind: int, pid: int, descriptors: bytes) -> Stream:
    codec, name = _TAKEN.get(kind, ""), ""
    video, language, opus = kind in _PICTURES or codec in VIDEO, "und", -1
    if not codec:
        name = _PICTURES.get(kind) or _SOUND.get(kind, "")
    for tag, body in _descriptors(descriptors):
        if tag == _LANGUAGE and len(body) >= 4:
            said = body[:3].lower()
            language = said.decode("ascii") if said.isalpha() and said.isascii() else "und"
        elif tag == _EXTENSION and len(body) >= 2 and body[0] == _OPUS:
            opus = body[1]
        elif kind == 0x06 and tag == _REGISTRATION and not codec:
            codec, name = _REGISTERED.get(body[:4], ""), _REGISTERED_NAMES.get(body[:4], "")
            video = codec in VIDEO or body[:4] == b"AV01"
        elif kind == 0x06 and not codec:
            codec, name = _DVB.get(tag, ""), name or _DVB_NAMES.get(tag, "")
    return Stream(pid=pid, codec=codec, name=name, video=video, language=language, opus=opus)


def _descriptors(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(octets):
        tag, size = octets[at], octets[at + 1]
        yield tag, octets[at + 2 : at + 2 + size]
        at += 2 + size
