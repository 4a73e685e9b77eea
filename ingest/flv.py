"""FLV tag bodies as RTMP carries them, taken apart (FLV 10.1 annex E.4.2, E.4.3; Enhanced RTMP v2, "Enhanced Audio"
and "Enhanced Video"). What the parts mean for each codec is in ingest.flv_tracks.
"""

from __future__ import annotations

from typing import NamedTuple

from base.problems import Problem

VIDEO, AUDIO = "video", "audio"
START, CODED, END, CODED_X, METADATA, TS_START = range(6)  # VideoPacketType
CHANNELS = 4  # of AudioPacketType

# E.4.3.1 and E.4.2.1, with the numbers that encoders were seen to use beyond them.
_VIDEO_CODECS = {2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen video 2", 12: "HEVC"}
_AUDIO_CODECS = {0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser"}
_AUDIO_CODECS |= {7: "G.711", 8: "G.711", 11: "Speex", 14: "MP3"}
_FOURCC_NAMES = {"vvc1": "VVC", "vp09": "VP9", "vp08": "VP8", ".mp3": "MP3"}
# FourCCs that are taken, by kind: what `connect` says, too.
FOURCCS = {VIDEO: ("avc1", "hvc1", "av01"), AUDIO: ("mp4a", "Opus", "ac-3", "ec-3", "fLaC")}
_COMPOSED = frozenset(("avc1", "hvc1", "vvc1"))  # whose coded frames begin with a composition time
_COMMAND_FRAME = 5
_VIDEO_MULTITRACK, _AUDIO_MULTITRACK, _MODEX = 6, 5, 7
_ONE_TRACK, _MANY_TRACKS, _MANY_CODECS = 0, 1, 2
_NANO_OFFSET = 0
_MOST_MODIFIERS = 16


class Packet(NamedTuple):
    """What a message holds for one track. `track`: the publisher's track id, 0 where it has one track.

    `type`: START (a configuration), CODED (a frame), METADATA or CHANNELS. `cto_ms` = presentation - decode time;
    `nano`: nanoseconds that presentation lies after the message's time.
    """

    track: int
    fourcc: str
    type: int
    body: bytes
    cto_ms: int = 0
    nano: int = 0


def read(kind: str, body: bytes) -> list[Packet]:
    """The packets of a message; none for what carries no media (silence, end of sequence, commands).

    Raises Problem unplayable (a codec that is not taken, by its name) or malformed.
    """
    if len(body) < 2:  # Enhanced RTMP: an empty audio message is silence
        return []
    return _video(body) if kind == VIDEO else _audio(body)


def _video(body: bytes) -> list[Packet]:
    head = body[0]
    if head & 0x80:
        return _enhanced(VIDEO, body)
    codec = head & 15
    if codec != 7:
        raise refused(VIDEO, _VIDEO_CODECS.get(codec, f"codec {codec}"))
    if head >> 4 == _COMMAND_FRAME:
        return []
    if len(body) < 5:
        raise Problem("malformed", "a video message is cut short (FLV E.4.3.2)")
    match body[1]:
        case 0:
            return [Packet(0, "avc1", START, body[5:])]
        case 1:
            return [Packet(0, "avc1", CODED, body[5:], _signed24(body, 2))]
        case _:
            return []


def _audio(body: bytes) -> list[Packet]:
    codec = body[0] >> 4
    if codec == 9:
        return _enhanced(AUDIO, body)
    if codec != 10:
        raise refused(AUDIO, _AUDIO_CODECS.get(codec, f"codec {codec}"))
    return [Packet(0, "mp4a", START if body[1] == 0 else CODED, body[2:])] if len(body) > 2 else []


def _enhanced(kind: str, body: bytes) -> list[Packet]:
    """ExVideoTagHeader and ExAudioTagHeader, which are alike but for the numbers of their packet types."""
    type_, at, nano = body[0] & 15, 1, 0
    try:
        modifiers = 0
        while type_ == _MODEX:
            modifiers += 1
            if modifiers > _MOST_MODIFIERS:
                raise Problem("malformed", f"a message has over {_MOST_MODIFIERS} modifiers (Enhanced RTMP, ModEx)")
            size, at = body[at] + 1, at + 1
            if size == 256:
                size, at = int.from_bytes(body[at : at + 2], "big") + 1, at + 2
            data, at = body[at : at + size], at + size
            modifier, type_, at = body[at] >> 4, body[at] & 15, at + 1
            if modifier == _NANO_OFFSET and size >= 3:
                nano = min(int.from_bytes(data[:3], "big"), 999_999)
        if kind == VIDEO and (body[0] >> 4) & 7 == _COMMAND_FRAME and type_ != METADATA:
            return []
        if type_ != (_VIDEO_MULTITRACK if kind == VIDEO else _AUDIO_MULTITRACK):
            return _packet(kind, type_, 0, _fourcc(kind, body, at), body[at + 4 :], nano)
        layout, type_, at = body[at] >> 4, body[at] & 15, at + 1
    except IndexError:
        raise _cut_short(kind) from None
    return _tracks(kind, body, at, layout, type_, nano)


def _tracks(kind: str, body: bytes, at: int, layout: int, type_: int, nano: int) -> list[Packet]:
    """The tracks of a multitrack message (AvMultitrackType `layout`)."""
    if layout > _MANY_CODECS or type_ == (_VIDEO_MULTITRACK if kind == VIDEO else _AUDIO_MULTITRACK):
        raise Problem("malformed", f"a {kind} message of several tracks has an unknown layout (Enhanced RTMP)")
    fourcc = ""
    if layout != _MANY_CODECS:
        fourcc, at = _fourcc(kind, body, at), at + 4
    found: list[Packet] = []
    while at < len(body):
        if layout == _MANY_CODECS:
            fourcc, at = _fourcc(kind, body, at), at + 4
        if len(body) < at + (1 if layout == _ONE_TRACK else 4):
            raise _cut_short(kind)
        track, at = body[at], at + 1
        end = len(body)
        if layout != _ONE_TRACK:
            size, at = int.from_bytes(body[at : at + 3], "big"), at + 3
            end = at + size
            if end > len(body):
                raise _cut_short(kind)
        found += _packet(kind, type_, track, fourcc, body[at:end], nano)
        at = end
    return found


def _packet(kind: str, type_: int, track: int, fourcc: str, body: bytes, nano: int) -> list[Packet]:
    if kind == AUDIO:
        # 2, 3: reserved or the end of a sequence
        return [Packet(track, fourcc, type_, body, 0, nano)] if type_ in (START, CODED, CHANNELS) else []
    match type_:
        case 1 if fourcc in _COMPOSED:
            if len(body) < 3:
                raise _cut_short(kind)
            return [Packet(track, fourcc, CODED, body[3:], _signed24(body, 0), nano)]
        case 1 | 3:
            return [Packet(track, fourcc, CODED, body, 0, nano)]
        case 0 | 4 | 5:
            return [Packet(track, fourcc, type_, body, 0, nano)]
        case _:
            return []


def _fourcc(kind: str, body: bytes, at: int) -> str:
    fourcc = body[at : at + 4].decode("latin-1")
    if len(fourcc) < 4:
        raise _cut_short(kind)
    if fourcc not in FOURCCS[kind]:
        raise refused(kind, _FOURCC_NAMES.get(fourcc, f"codec {fourcc!r}"))
    return fourcc


def _signed24(octets: bytes, at: int) -> int:
    value = octets[at] << 16 | octets[at + 1] << 8 | octets[at + 2]
    return value - 0x1000000 if value & 0x800000 else value


def _cut_short(kind: str) -> Problem:
    return Problem("malformed", f"a {kind} message is cut short (Enhanced RTMP)")


def refused(kind: str, name: str) -> Problem:
    usual, enhanced = ("H.264", "HEVC or AV1") if kind == VIDEO else ("AAC", "Opus, AC-3 or FLAC")
    return Problem(
        "unplayable",
        f"{kind} in {name} is not taken over RTMP: set the encoder to {usual} (with Enhanced RTMP also {enhanced})",
    )
