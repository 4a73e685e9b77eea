"""FLV tag bodies as RTMP carries them: a codec configuration, or one frame (FLV 10.1 annex E.4.2, E.4.3).

H.264 and AAC are taken, in the old and in the Enhanced RTMP spelling (v2, FourCC `avc1`, `mp4a`); any other codec is
refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.unwrap import Unwrap
from packager.entries import aac_format, avc_format

VIDEO, AUDIO = "video", "audio"

# E.4.3.1 and E.4.2.1, with the numbers that encoders were seen to use beyond them.
_VIDEO_CODECS = {2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen video 2", 12: "HEVC"}
_AUDIO_CODECS = {0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser"}
_AUDIO_CODECS |= {7: "G.711", 8: "G.711", 11: "Speex", 14: "MP3"}
_FOURCC_NAMES = {"hvc1": "HEVC", "vvc1": "VVC", "av01": "AV1", "vp09": "VP9", "vp08": "VP8"}
_FOURCC_NAMES |= {"Opus": "Opus", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC", ".mp3": "MP3"}
_COMMAND_FRAME = 5
_IDR = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A decoder configuration: `record` is an AVCDecoderConfigurationRecord or an AudioSpecificConfig."""

    kind: str
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One access unit as the source sent it. `cto_ms` = presentation - decode time; `key`: decoding may begin here."""

    kind: str
    data: bytes
    cto_ms: int = 0
    key: bool = True


class FlvSource:
    """The tracks of one connection."""

    def __init__(self) -> None:
        self._unwrap = Unwrap(32)

    def take(self, kind: str, timestamp: int, body: bytes) -> TrackConfig | Frame | None:
        """One message; `timestamp` in ms modulo 2^32. Raises Problem unplayable or malformed."""
        found = parse(kind, body)
        if found is None:
            return None
        track = "v1" if kind == VIDEO else "a1"
        if isinstance(found, Config):
            make = avc_format if kind == VIDEO else aac_format
            return TrackConfig(track=track, format=make(found.record))
        return Frame(
            track=track, dts=self._unwrap(timestamp), timescale=1000, cto=found.cto_ms, key=found.key, data=found.data
        )


def parse(kind: str, body: bytes) -> Config | Coded | None:
    """None for what carries no media (silence, end of sequence, commands). Raises Problem unplayable or malformed."""
    return _video(body) if kind == VIDEO else _audio(body)


def _video(body: bytes) -> Config | Coded | None:
    if not body:
        return None
    if body[0] & 0x80:
        return _enhanced_video(body)
    codec = body[0] & 15
    if codec != 7:
        raise _refused(VIDEO, _VIDEO_CODECS.get(codec, f"codec {codec}"), "H.264")
    if body[0] >> 4 == _COMMAND_FRAME:
        return None
    if len(body) < 5:
        raise Problem("malformed", "a video message is cut short (FLV E.4.3.2)")
    match body[1]:
        case 0:
            return Config(kind=VIDEO, record=body[5:])
        case 1:
            return _nal_units(body[5:], _signed24(body[2:5]))
        case _:
            return None


def _enhanced_video(body: bytes) -> Config | Coded | None:
    packet = body[0] & 15
    if packet in (6, 7):
        raise Problem("unplayable", "Enhanced RTMP multitrack and modifier packets are not taken: send one video track")
    if len(body) < 5:
        raise Problem("malformed", "a video message is cut short (Enhanced RTMP)")
    fourcc = body[1:5].decode("latin-1")
    if fourcc != "avc1":
        raise _refused(VIDEO, _FOURCC_NAMES.get(fourcc, f"codec {fourcc!r}"), "H.264")
    if (body[0] >> 4) & 7 == _COMMAND_FRAME:
        return None
    match packet:
        case 0:
            return Config(kind=VIDEO, record=body[5:])
        case 1:
            if len(body) < 8:
                raise Problem("malformed", "a video message is cut short (Enhanced RTMP)")
            return _nal_units(body[8:], _signed24(body[5:8]))
        case 3:
            return _nal_units(body[5:], 0)
        case _:
            return None


def _nal_units(data: bytes, cto_ms: int) -> Coded | None:
    """A frame is a keyframe if it holds an IDR picture, whatever the tag says: segments must begin with SAP 1 or 2."""
    if not data:
        return None
    key, at = False, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 0 or at + 4 + size > len(data):
            raise Problem("malformed", "the NAL unit lengths of a frame do not add up (ISO/IEC 14496-15 5.3)")
        key = key or data[at + 4] & 31 == _IDR
        at += 4 + size
    return Coded(kind=VIDEO, data=data, cto_ms=cto_ms, key=key)


def _audio(body: bytes) -> Config | Coded | None:
    if not body:  # Enhanced RTMP: an empty message is silence
        return None
    codec = body[0] >> 4
    if codec == 9:
        return _enhanced_audio(body)
    if codec != 10:
        raise _refused(AUDIO, _AUDIO_CODECS.get(codec, f"codec {codec}"), "AAC")
    return _aac(body[2:], body[1] == 0) if len(body) > 2 else None


def _enhanced_audio(body: bytes) -> Config | Coded | None:
    packet = body[0] & 15
    if packet in (5, 7):
        raise Problem("unplayable", "Enhanced RTMP multitrack and modifier packets are not taken: send one audio track")
    if len(body) < 5:
        raise Problem("malformed", "an audio message is cut short (Enhanced RTMP)")
    fourcc = body[1:5].decode("latin-1")
    if fourcc != "mp4a":
        raise _refused(AUDIO, _FOURCC_NAMES.get(fourcc, f"codec {fourcc!r}"), "AAC")
    return _aac(body[5:], packet == 0) if packet in (0, 1) and len(body) > 5 else None


def _aac(data: bytes, config: bool) -> Config | Coded:
    return Config(kind=AUDIO, record=data) if config else Coded(kind=AUDIO, data=data)


def _signed24(octets: bytes) -> int:
    return int.from_bytes(octets, "big", signed=True)


def _refused(kind: str, name: str, take: str) -> Problem:
    return Problem("unplayable", f"{kind} in {name} is not taken over RTMP: set the encoder to {take}")
