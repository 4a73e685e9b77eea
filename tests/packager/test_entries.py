"""Sample entries: made from what an encoder sends, read from what a file says."""

import struct
from collections.abc import Callable

import pytest

from base.problems import Problem
from packager.aac import esds_payload
from packager.boxes import box, fullbox, walk
from packager.entries import aac_format, avc_format, opus_format, read_format
from tests.packager.packed import Packed

SPS = bytes.fromhex("67640028acd940780227e5c05a808080a0000003002000000781e30632c0")
AVCC = b"\1\x64\0\x28\xff\xe1" + struct.pack(">H", len(SPS)) + SPS + b"\1\0\2\x68\xce"


def read(entry: bytes, kind: str = "audio", **more: object):  # type: ignore[no-untyped-def]
    data = memoryview(entry)
    (found,) = walk(data, 0, len(data))
    return read_format(data, found, kind=kind, timescale=48000, language="und")


def inside(entry: bytes, skip: int) -> dict[str, bytes]:
    data = memoryview(entry)
    return {b.type: bytes(data[b.body : b.end]) for b in walk(data, 8 + skip, len(data))}


@pytest.mark.rule("ISO/IEC 23000-19 B.2", "a video entry has pasp, and colr where the colours are known")
def test_a_video_entry() -> None:
    fmt = avc_format(AVCC)
    assert (fmt.codec, fmt.width, fmt.height, fmt.timescale) == ("avc1.640028", 1920, 1080, 90000)
    boxes = inside(fmt.entry, 78)
    assert boxes["avcC"] == AVCC and boxes["pasp"] == struct.pack(">II", 1, 1)
    again = read(fmt.entry, "video")
    assert (again.codec, again.width, again.height, again.entry) == (fmt.codec, 1920, 1080, fmt.entry)


def test_an_audio_entry() -> None:
    fmt = aac_format(bytes.fromhex("1190"), "eng")
    assert (fmt.codec, fmt.timescale, fmt.channels, fmt.sample_duration) == ("mp4a.40.2", 48000, 2, 1024)
    again = read(fmt.entry)
    assert (again.codec, again.channels, again.sample_rate, again.entry) == ("mp4a.40.2", 2, 48000, fmt.entry)


def test_no_parameter_set() -> None:
    with pytest.raises(Problem, match="no sequence parameter set"):
        avc_format(b"\1\x64\0\x28\xff\xe0\0")


def visual(kind: bytes, *boxes: bytes, width: int = 1440, height: int = 1080) -> bytes:
    return box(kind, bytes(24), struct.pack(">HH", width, height), bytes(50), *boxes)


def sound(kind: bytes, *boxes: bytes, channels: int = 2, rate: int = 48000, version: int = 0) -> bytes:
    return box(kind, bytes(8), struct.pack(">H6xHH4xI", version, channels, 16, rate << 16), *boxes)


@pytest.mark.parametrize(
    ("ratio", "width"), [((4, 3), 1920), ((1, 1), 1440), ((0, 0), 1440), ((0xFFFFFFFF, 1), 1440), ((16, 1), 23040)]
)
def test_the_width_at_which_it_is_shown(ratio: tuple[int, int], width: int) -> None:
    entry = visual(b"avc1", box(b"avcC", AVCC), box(b"pasp", struct.pack(">II", *ratio)))
    assert read(entry, "video").width == width


def test_quicktime_ends_an_entry_with_zeros() -> None:
    fmt = read(visual(b"avc1", box(b"avcC", AVCC), b"\0\0\0\0"), "video")
    assert fmt.entry == visual(b"avc1", box(b"avcC", AVCC))  # and what goes out has none


def test_quicktime_hides_esds_in_wave() -> None:
    esds = fullbox(b"esds", 0, 0, esds_payload(bytes.fromhex("1190")))
    entry = sound(b"mp4a", bytes(16), box(b"wave", esds, box(b"\0\0\0\0")), version=1)
    assert read(entry).codec == "mp4a.40.2"


@pytest.mark.parametrize(("dac3", "channels"), [("10 10 00", 2), ("10 3d 40", 6), ("10 08 00", 1)])
def test_channels_of_ac3(dac3: str, channels: int) -> None:
    """TS 102 366 F.4: fscod2 bsid5 bsmod3 acmod3 lfeon1."""
    word = bytes.fromhex(dac3)
    assert read(sound(b"ac-3", box(b"dac3", word), channels=2)).channels == channels


def test_channels_of_eac3() -> None:
    """TS 102 366 F.6: data_rate13 num3, then fscod2 bsid5 res1 asvc1 bsmod3 acmod3 lfeon1."""
    word = (0 << 22 | 16 << 17 | 7 << 9 | 1 << 8).to_bytes(3, "big")
    assert read(sound(b"ec-3", box(b"dec3", b"\x06\0" + word))).channels == 6


def test_channels_of_opus() -> None:
    fmt = read(sound(b"Opus", box(b"dOps", bytes([0, 6]) + bytes(9))))
    assert (fmt.codec, fmt.channels, fmt.sample_rate) == ("opus", 6, 48000)


@pytest.mark.rule("RFC 9639 8.2", "STREAMINFO holds the sample rate in 20 bits, channels less one in three")
@pytest.mark.parametrize(("hertz", "channels"), [(44100, 2), (96000, 6), (192000, 1)])
def test_rate_and_channels_of_flac(hertz: int, channels: int) -> None:
    word = hertz << 12 | (channels - 1) << 9 | 23 << 4
    info = bytes(10) + struct.pack(">I", word) + bytes(20)
    entry = sound(b"fLaC", fullbox(b"dfLa", 0, 0, b"\x80\0\0\x22" + info), channels=2)
    found = read(entry)
    assert (found.sample_rate, found.channels, found.codec) == (hertz, channels, "fLaC")


@pytest.mark.parametrize("kind", [b"encv", b"enca"])
def test_encrypted_media_is_refused_with_advice(kind: bytes) -> None:
    with pytest.raises(Problem, match="add the clear original"):
        read(sound(kind))


@pytest.mark.parametrize("entry", [box(b"mp4a", bytes(10)), box(b"ac-3", bytes(4))])
def test_an_entry_that_is_too_short(entry: bytes) -> None:
    with pytest.raises(Problem, match="too short"):
        read(entry)


def test_formats_of_films(packed: Callable[..., Packed]) -> None:
    film = packed("two-languages").index
    assert [t.format.language for t in film.tracks] == ["und", "eng", "deu"]
    assert [t.format.channels for t in film.audio] == [2, 2]
    hevc = packed("hevc-ac3").index
    assert (hevc.video[0].format.width, hevc.audio[0].format.sample_rate) == (320, 48000)


def test_an_opus_entry() -> None:
    """Opus in ISO-BMFF 4.3: mapping family 0, 48 kHz."""
    fmt = opus_format(2, 312, "eng")
    assert (fmt.codec, fmt.timescale, fmt.channels, fmt.sample_duration) == ("opus", 48000, 2, 0)
    assert inside(fmt.entry, 28)["dOps"] == bytes.fromhex("00 02 0138 0000bb80 0000 00")
    assert read(fmt.entry).entry == fmt.entry
