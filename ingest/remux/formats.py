"""The sample entry of each stream: FFmpeg's MP4 muxer writes it for some packets in memory, packager.entries reads it.

That muxer knows the boxes of all these codecs (avcC, hvcC, esds, dac3, dec3, dOps, dfLa) and finds what they need in
the bitstream. Only AV1 is written here: its configuration comes as the octets of the box (AV1 in Matroska 4.1).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import av

from base.media import Format
from base.problems import Problem
from ingest.remux.carriers import Carrier
from packager.boxes import Box, box, walk
from packager.entries import read_format
from packager.movie import read_movie

_VISUAL, _AUDIO = 86, 36  # octets of a sample entry before its boxes, with its own head
_HVCC_ARRAYS = 22


def format_of(stream: av.stream.Stream, carrier: Carrier, packets: Sequence[bytes]) -> Format:
    """`packets`: the first of the stream. Raises Problem unplayable if they do not make a sample entry."""
    if carrier.codec == "av1":
        return _av1(stream, carrier)
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="mp4") as container:
            made = container.add_stream_from_template(stream)
            for at, octets in enumerate(packets):
                packet = av.Packet(octets)
                packet.stream = made
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = at * 40
                packet.duration = 40
                packet.is_keyframe = True
                container.mux(packet)
    except (av.error.FFmpegError, ValueError) as fault:
        raise Problem("unplayable", f"its {carrier.codec} has no configuration: {fault}") from fault
    (track,) = read_movie(memoryview(buffer.getvalue())).tracks
    return _trimmed(track.format)


def _trimmed(fmt: Format) -> Format:
    """Without the bit rates of those few packets, and as a track whose parameter sets are all in its entry (hvc1)."""
    skip = _VISUAL if fmt.kind == "video" else _AUDIO
    data = memoryview(fmt.entry)
    kept = [_hvcc(found, data) for found in walk(data, skip, len(data)) if found.type != "btrt"]
    name = b"hvc1" if fmt.entry[4:8] == b"hev1" else fmt.entry[4:8]
    entry = box(name, fmt.entry[8:skip], *kept)
    codec = "hvc1" + fmt.codec[4:] if name == b"hvc1" else fmt.codec
    return replace(fmt, entry=entry, codec=codec)


def _hvcc(found: Box, data: memoryview) -> bytes:
    """array_completeness set for the parameter sets: none is left in samples (14496-15 8.3.3.1)."""
    octets = bytearray(data[found.start : found.end])
    if found.type == "hvcC":
        at = found.body - found.start + _HVCC_ARRAYS
        arrays, at = octets[at], at + 1
        for _ in range(arrays):
            if octets[at] & 0x3F in (32, 33, 34):
                octets[at] |= 0x80
            (units,) = struct.unpack_from(">H", octets, at + 1)
            at += 3
            for _ in range(units):
                at += 2 + struct.unpack_from(">H", octets, at)[0]
    return bytes(octets)


def _av1(stream: av.stream.Stream, carrier: Carrier) -> Format:
    if carrier.extradata[:1] != b"\x81" or len(carrier.extradata) < 5:
        raise Problem("unplayable", "its AV1 has no configuration record: remux it to Matroska first")
    context = stream.codec_context
    assert isinstance(context, av.VideoCodecContext)
    boxes = [box(b"av1C", carrier.extradata), box(b"pasp", struct.pack(">II", *_aspect(context)))]
    head = struct.pack(
        ">6xH16xHHIII H32sHh",
        1, context.width, context.height, 0x480000, 0x480000, 0, 1, b"", 0x18, -1,
    )  # fmt: skip
    entry = memoryview(box(b"av01", head, *boxes))
    (found,) = walk(entry, 0, len(entry))
    return read_format(entry, found, kind="video", timescale=90000, language="und")


def _aspect(context: av.VideoCodecContext) -> tuple[int, int]:
    ratio = context.sample_aspect_ratio
    return (ratio.numerator, ratio.denominator) if ratio else (1, 1)


def language_of(metadata: Mapping[str, str]) -> str:
    """ISO 639-2 of three letters as containers say it, und if they do not."""
    found = metadata.get("language", "").lower()
    return found if len(found) == 3 and found.isascii() and found.isalpha() else "und"
