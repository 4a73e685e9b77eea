from collections.abc import Callable

import pytest

from base.problems import Problem
from packager.aac import esds_payload
from packager.codecs import av1, hevc, mp4a, string
from tests.packager.packed import Packed


def record(profile: int, compat: int, constraints: str, level: int, space: int = 0, tier: int = 0) -> bytes:
    return (
        bytes([1, space << 6 | tier << 5 | profile])
        + compat.to_bytes(4, "big")
        + bytes.fromhex(constraints.ljust(12, "0"))
        + bytes([level])
    )


@pytest.mark.rule("RFC 6381 3.3", "an HEVC string has bit-reversed compatibility flags and no trailing zero octets")
@pytest.mark.parametrize(
    ("hvcc", "expected"),
    [
        (record(1, 0x60000000, "900000000000", 93), "hvc1.1.6.L93.90"),
        (record(2, 0x20000000, "b00000000000", 153), "hvc1.2.4.L153.B0"),
        (record(1, 0x60000000, "000000000000", 120, tier=1), "hvc1.1.6.H120"),
        (record(4, 0x08000000, "9d0800000000", 120), "hvc1.4.10.L120.9D.8"),
        (record(1, 0x60000000, "b00000000000", 93, space=1), "hvc1.A1.6.L93.B0"),
    ],
)
def test_hevc(hvcc: bytes, expected: str) -> None:
    assert hevc("hvc1", hvcc) == expected


@pytest.mark.parametrize(
    ("av1c", "colr", "expected"),
    [
        ("81040c00", "", "av01.0.04M.08"),
        ("81050c00", "6e636c78000100010001" + "00", "av01.0.05M.08"),
        ("810d4c00", "6e636c78000900100009" + "00", "av01.0.13M.10.0.110.09.16.09.0"),
        ("81288000", "", "av01.1.08H.08.0.000.01.01.01.0"),
    ],
)
def test_av1(av1c: str, colr: str, expected: str) -> None:
    assert av1(bytes.fromhex(av1c), bytes.fromhex(colr)) == expected


@pytest.mark.parametrize(
    ("asc", "expected"), [("1190", "mp4a.40.2"), ("2b118800", "mp4a.40.5"), ("eb098800", "mp4a.40.29")]
)
def test_aac(asc: str, expected: str) -> None:
    assert mp4a(esds_payload(bytes.fromhex(asc))) == expected


def esds(kind: int) -> bytes:
    return bytes([3, 18, 0, 0, 0, 4, 13, kind]) + bytes(12)


@pytest.mark.parametrize(("kind", "expected"), [(0x6B, "mp4a.6B"), (0x69, "mp4a.69"), (0x67, "mp4a.67")])
def test_object_types(kind: int, expected: str) -> None:
    assert mp4a(esds(kind)) == expected


def test_an_object_type_that_nothing_plays() -> None:
    with pytest.raises(Problem, match=r"mp4a\.DD is not supported"):
        mp4a(esds(0xDD))


@pytest.mark.rule("RFC 6381 3.3", "avc1, hvc1, av01, mp4a, ac-3, Opus: strings of what encoders write")
@pytest.mark.parametrize(
    ("film", "expected"),
    [
        ("plain", ["avc1.42c00c", "mp4a.40.2"]),
        ("mp3", ["avc1.", "mp4a.6B"]),
        ("hevc-ac3", ["hvc1.1.6.L60.90", "ac-3"]),
        ("av1-opus", ["av01.0.00M.08", "opus"]),
    ],
)
def test_of_films(packed: Callable[..., Packed], film: str, expected: list[str]) -> None:
    found = [t.format.codec for t in packed(film).index.tracks]
    assert all(a.startswith(b) for a, b in zip(found, expected, strict=True)), found


@pytest.mark.parametrize("entry", ["avc1", "hvc1", "av01", "mp4a"])
def test_an_entry_without_its_record(entry: str) -> None:
    with pytest.raises(Problem, match="has no usable"):
        string(entry, {})


def test_an_unknown_entry_is_refused_with_advice() -> None:
    with pytest.raises(Problem, match="codec vp08 is not supported: transcode to"):
        string("vp08", {})
