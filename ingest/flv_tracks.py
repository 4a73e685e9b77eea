"""The tracks of one RTMP connection: packets of FLV bodies become configurations and frames, codec by codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from base.media import Format
from base.problems import Problem
from ingest import amf, flv
from ingest.flv import AUDIO, CHANNELS, METADATA, TS_START, VIDEO, Packet
from ingest.media import Frame, TrackConfig
from ingest.unwrap import Unwrap
from packager import av1, flac, languages
from packager.entries import (
    Colour,
    aac_format,
    ac3_format,
    av1_format,
    avc_format,
    eac3_format,
    flac_format,
    hevc_format,
    opus_format,
    opus_head_format,
    with_colour,
)

MOST_IDS = 16  # of tracks of a kind: a ladder, or languages
_AVC_IDR = 5
_HEVC_IRAP = range(16, 22)  # BLA, IDR and CRA pictures (H.265 table 7-1)
_WITHOUT_START = frozenset(("ac-3", "ec-3"))
_FLAC_MARK, _BLOCK_HEAD = b"fLaC", 4
_MS, _US = 1000, 1_000_000


@dataclass(slots=True)
class _Track:
    """What is known of one track. `length`: octets of NAL unit lengths. `pending`: an av1C without a sequence header.
    `channels`: as a multichannel configuration says."""

    name: str
    fourcc: str = ""
    made: Format | None = None
    length: int = 4
    pending: bytes = b""
    channels: int = 0
    colour: Colour | None = None


class FlvTracks:
    """Track id n of pictures is `v{n + 1}`, of sound `a{n + 1}`: id 0 is the publisher's default."""

    def __init__(self) -> None:
        self._unwrap = Unwrap(32)
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._languages: dict[int, str] = {}

    def metadata(self, values: Mapping[str, amf.Value]) -> None:
        """Take the languages of sound from onMetaData; what codecs and sizes it claims is not believed."""
        tracks = values.get("audioTrackIdInfoMap")
        for number, one in (tracks if isinstance(tracks, dict) else {}).items():
            language = one.get("language") if isinstance(one, dict) else None
            if isinstance(language, str) and number.isdecimal() and len(number) < 3 and int(number) < MOST_IDS:
                self._languages[int(number)] = languages.code(language)
        if isinstance(language := values.get("language"), str):
            self._languages.setdefault(0, languages.code(language))

    def take(self, kind: str, timestamp: int, body: bytes) -> list[TrackConfig | Frame]:
        """One message; `timestamp` in ms modulo 2^32. Raises Problem unplayable or malformed."""
        packets = flv.read(kind, body)
        if not packets:
            return []
        ms = self._unwrap(timestamp)
        out: list[TrackConfig | Frame] = []
        for packet in packets:
            track = self._tracks.get((kind, packet.track)) or self._new(kind, packet.track)
            if packet.type == flv.CODED:
                self._coded(kind, track, packet, ms, out)
            else:
                self._said(track, packet, out)
        return out

    def _new(self, kind: str, number: int) -> _Track:
        if number >= MOST_IDS:
            raise Problem("unplayable", f"{kind} track {number} is not taken: track ids go from 0 to {MOST_IDS - 1}")
        made = self._tracks[kind, number] = _Track(f"{'v' if kind == VIDEO else 'a'}{number + 1}")
        return made

    def _said(self, track: _Track, packet: Packet, out: list[TrackConfig | Frame]) -> None:
        """What a packet says of the frames that follow."""
        if packet.type == METADATA and track.name[0] == "v":
            track.colour = colour_info(packet.body) or track.colour
            made = track.made
        elif packet.type == CHANNELS:
            track.channels = packet.body[1] if len(packet.body) > 1 else 0
            return
        else:
            track.fourcc = packet.fourcc
            made = self._configured(track, packet)
        if made is not None:
            self._config(track, made, out)

    def _config(self, track: _Track, made: Format, out: list[TrackConfig | Frame]) -> None:
        if track.colour is not None:
            made = with_colour(made, track.colour)
        if made != track.made:
            track.made = made
            out.append(TrackConfig(track=track.name, format=made))

    def _configured(self, track: _Track, packet: Packet) -> Format | None:
        """The format of a sequence start; None if only a frame can tell it."""
        body, language = packet.body, self._languages.get(packet.track, "und")
        match packet.fourcc:
            case "avc1":
                track.length, body = four_octet_lengths(body, 4)
                return avc_format(body)
            case "hvc1":
                track.length, body = four_octet_lengths(body, 21)
                return hevc_format(body)
            case "av01":
                if packet.type == TS_START:
                    body = _of_descriptor(body)
                whole = av1.sequence(body) is not None
                track.pending = b"" if whole else body
                return av1_format(body) if whole else None
            case "mp4a":
                return aac_format(body, language)
            case "Opus":
                return opus_head_format(body, language) if body else opus_format(track.channels or 2, 0, language)
            case "fLaC":
                if body[:4] == _FLAC_MARK:  # FFmpeg sends the block without the mark and its head
                    body = body[4 + _BLOCK_HEAD :]
                return flac_format(body[: flac.SIZE], language)
            case _:  # AC-3 and E-AC-3 have no configuration of their own: the next frame is it
                track.made = None
                return None

    def _coded(self, kind: str, track: _Track, packet: Packet, ms: int, out: list[TrackConfig | Frame]) -> None:
        data, key = packet.body, True
        if not data or (track.fourcc not in ("", packet.fourcc) and packet.fourcc not in _WITHOUT_START):
            return  # of another codec than the one that was configured
        match packet.fourcc:
            case "avc1" | "hvc1":
                if track.length != 4:
                    data = _relengthed(data, track.length)
                key = _random_access(data, hevc=packet.fourcc == "hvc1")
            case "av01":
                try:
                    data, key = av1.sample(data)
                    if key and track.pending and (found := av1.sequence_header(data)):
                        self._config(track, av1_format(av1.record(track.pending, found[0])), out)
                except ValueError as fault:
                    raise Problem("malformed", f"a frame of AV1 cannot be read: {fault}") from fault
            case "ac-3" | "ec-3" if track.made is None or track.fourcc != packet.fourcc:
                make = ac3_format if packet.fourcc == "ac-3" else eac3_format
                self._config(track, make(data, self._languages.get(packet.track, "und")), out)
                track.fourcc = packet.fourcc
        dts, scale, cto = ms, _MS, packet.cto_ms
        if packet.nano:
            # The offset belongs to presentation, not to the order of messages; for sound both are one.
            dts, scale, cto = ms * _MS, _US, cto * _MS
            fine = (packet.nano + 500) // 1000
            if kind == AUDIO:
                dts += fine
            else:
                cto += fine
        out.append(Frame(track=track.name, dts=dts, timescale=scale, cto=cto, key=key, data=data))


def four_octet_lengths(record: bytes, at: int) -> tuple[int, bytes]:
    """(octets of the lengths that a configuration record announces, the record for four of them); `at`: of
    lengthSizeMinusOne (ISO/IEC 14496-15 5.3.3.1, 8.3.3.1)."""
    if len(record) <= at or record[at] & 3 == 3:
        return 4, record
    return (record[at] & 3) + 1, record[:at] + bytes((record[at] | 3,)) + record[at + 1 :]


def _relengthed(data: bytes, length: int) -> bytes:
    out, at = bytearray(), 0
    while at < len(data):
        size = int.from_bytes(data[at : at + length], "big")
        at += length
        out += size.to_bytes(4, "big") + data[at : at + size]
        at += size
    if at != len(data):
        raise _not_adding_up()
    return bytes(out)


def _random_access(data: bytes, *, hevc: bool) -> bool:
    """Whether a frame holds an IDR picture (HEVC: any IRAP), whatever its tag says: segments begin with SAP 1 to 3."""
    at, end, key = 0, len(data), False
    while at < end:
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 0 or at + 4 + size > end:
            raise _not_adding_up()
        if not key:
            kind = data[at + 4]
            key = (kind >> 1 & 63) in _HEVC_IRAP if hevc else kind & 31 == _AVC_IDR
        at += 4 + size
    return key


def _not_adding_up() -> Problem:
    return Problem("malformed", "the NAL unit lengths of a frame do not add up (ISO/IEC 14496-15 5.3)")


def _of_descriptor(body: bytes) -> bytes:
    """The head of an av1C from an AV1 video descriptor (AV1 in MPEG-2 TS 2.2): the same fields, and no OBUs."""
    if len(body) < 6 or body[0] != 0x80 or body[1] < 4:
        raise Problem("malformed", "the AV1 video descriptor is cut short (Enhanced RTMP, MPEG2TSSequenceStart)")
    return body[2:5] + b"\0"


def colour_info(body: bytes) -> Colour | None:
    """`colorInfo` of a metadata packet ("Metadata Frame"), None where it says nothing that can be used."""
    values = amf.decode(body)
    if len(values) < 2 or values[0] != "colorInfo" or not isinstance(values[1], dict):
        return None
    said = values[1]
    config = _numbers(said, "colorConfig", ("colorPrimaries", "transferCharacteristics", "matrixCoefficients"))
    codes = tuple(round(value) for value in config or ())
    light = _numbers(said, "hdrCll", ("maxCLL", "maxFall"))
    points = tuple(f"{point}{axis}" for point in ("green", "blue", "red", "whitePoint") for axis in "XY")
    xy = _numbers(said, "hdrMdcv", points)
    luminance = _numbers(said, "hdrMdcv", ("maxLuminance", "minLuminance"))
    usable = len(codes) == 3 and all(0 < code < 256 and code != 2 for code in codes)
    found = Colour(
        codes=(codes[0], codes[1], codes[2], False) if usable else None,
        mastering=(*(round(v * 50_000) for v in xy), *(round(v * 10_000) for v in luminance))
        if xy and luminance and max(xy) <= 1 and max(luminance) <= 10_000
        else None,
        light=(round(light[0]), round(light[1])) if light and max(light) <= 10_000 else None,
    )
    return found if found != Colour() else None


def _numbers(said: Mapping[str, amf.Value], group: str, names: tuple[str, ...]) -> list[float] | None:
    values = said.get(group)
    found = [values.get(name) for name in names] if isinstance(values, dict) else []
    numbers = [value for value in found if isinstance(value, float) and 0 <= value < 1e6]
    return numbers if len(numbers) == len(names) else None
