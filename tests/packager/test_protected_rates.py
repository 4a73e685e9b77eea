"""What is declared of protected tracks is no less than what is sent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from packager import aes128, describe, protected_rates, sample_aes, ts
from packager.methods import Method
from tests.packager.packed import Packed
from tests.packager.test_elementary_streams import streams
from tests.packager.test_protect import KEYS, protected


def sizes(asset: Packed, track: str, method: Method) -> list[int]:
    if method.scheme is None:
        kind = "video" if track[0] == "v" else "audio"
        file = memoryview(asset.data)
        return [aes128.segment(asset.track(track), n, file, KEYS[kind]).length for n in asset.numbers(track)]
    return [len(body) for body in protected(asset, track, method.scheme)[1]]


@pytest.mark.rule("RFC 8216bis 4.1", "the peak bit rate counts what is sent, with what protection adds to it")
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("name", ["bframes", "hevc-ac3", "irregular"])
def test_rates_cover_what_is_sent(packed: Callable[..., Packed], name: str, method: Method) -> None:
    asset = packed(name)
    reports = {report.track: report for report in asset.reports}
    for track, _ in streams(asset):
        plan = asset.track(track)
        made = protected_rates.report(reports[track], plan, method, asset.plan.target_duration)
        durations = plan.durations[np.diff(plan.first) > 0]
        sent = sizes(asset, track, method)
        peak, average = describe.rates(sent, durations.tolist(), asset.plan.target_duration)
        assert (made.bandwidth, made.average) >= (peak, average) and made.average >= average
        assert reports[track].average <= made.average <= reports[track].average * 1.05 + 4000, "and not much more"


@pytest.mark.parametrize("name", ["bframes", "h264-ac3", "h264-eac3"])
def test_rates_cover_ciphered_transport_streams(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    for track, _ in streams(asset):
        plan, file = asset.track(track), memoryview(asset.data)
        stream = sample_aes.stream_of(plan, file)
        declared = protected_rates.of_transport(ts.sizes(stream, plan), Method.SAMPLE_AES)
        key = KEYS["video" if track[0] == "v" else "audio"]
        for number in asset.numbers(track):
            assert len(sample_aes.segment(stream, plan, number, file, key)) <= declared[number]


def test_transport_streams_are_padded(packed: Callable[..., Packed]) -> None:
    asset = packed("bframes")
    plan = asset.track("v1")
    plain = ts.sizes(ts.stream_of(plan), plan)
    found = protected_rates.of_transport([*plain, 0], Method.AES_128)
    assert found[-1] == 0 and all(0 < more - less <= 16 for more, less in zip(found, plain, strict=False))
