"""What playlists say of a track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from packager.boxes import box
from packager.describe import frame_rate, rates, report, video_range
from tests.packager.live_windows import AVCC, VIDEO
from tests.packager.packed import Packed


@pytest.mark.rule(
    "RFC 8216bis 4.1", "the peak is the largest rate over runs of segments that last 0.5 to 1.5 target durations"
)
@pytest.mark.parametrize(
    ("sizes", "durations", "target", "expected"),
    [
        ([1000, 3000, 1000], [2, 2, 2], 2, (12000, 6667)),
        ([1000, 9000], [4, 0.5], 4, (17778, 17778)),  # the stub is too short to be a run of its own
        ([500], [0.4], 2, (10000, 10000)),  # shorter than any run: the whole
        ([], [], 2, (0, 0)),
    ],
)
def test_rates(sizes: list[int], durations: list[float], target: int, expected: tuple[int, int]) -> None:
    assert rates(sizes, durations, target) == expected


@pytest.mark.rule(
    "RFC 8216bis 4.4.6.2.1", "on demand the declared rates are within 10 % of those of the octets that are sent"
)
@pytest.mark.parametrize("name", ["plain", "bframes", "two-languages", "hevc-ac3", "irregular"])
def test_declared_rates_are_those_of_the_octets(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    for planned, said in zip(asset.plan.tracks, asset.reports, strict=True):
        numbers = asset.numbers(said.track)
        sizes = [len(asset.segment(said.track, n)) for n in numbers]
        peak, average = rates(sizes, [float(planned.durations[n]) for n in numbers], asset.plan.target_duration)
        assert said.bandwidth == pytest.approx(peak, rel=0.1) and said.average == pytest.approx(average, rel=0.1)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ("25", "25"),
        ("30000/1001", "30000/1001"),
        ("2997/100", "30000/1001"),
        ("24", "24"),
        ("1000/33", "1000/33"),
        ("7", "7"),
    ],
)
def test_frame_rates(measured: str, expected: str) -> None:
    assert frame_rate(Fraction(measured)) == expected


def test_the_rate_of_a_film(packed: Callable[..., Packed]) -> None:
    assert [packed(name).reports[0].frame_rate for name in ("plain", "ntsc")] == ["25", "30000/1001"]


@pytest.mark.rule("RFC 8216bis 4.4.6.2", "VIDEO-RANGE follows the transfer characteristics")
@pytest.mark.parametrize(("transfer", "expected"), [(1, "SDR"), (13, "SDR"), (16, "PQ"), (18, "HLG")])
def test_video_range(transfer: int, expected: str) -> None:
    colr = box(b"colr", b"nclx", bytes([0, 9, 0, transfer, 0, 9, 0]))
    entry = box(b"avc1", bytes(78), box(b"avcC", AVCC), colr)
    fmt = replace(VIDEO, entry=entry)
    assert video_range(fmt) == expected == report("v1", fmt, 1, 1).video_range
    assert report("v1", fmt, 1, 1).cicp == (9, transfer, 9)
