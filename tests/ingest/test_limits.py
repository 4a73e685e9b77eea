from __future__ import annotations

import pytest
from msgspec.structs import replace

from base.desired import Limits
from base.problems import Problem
from ingest.limits import Allowance
from packager.entries import aac_format, avc_format
from tests.kit.ingesting import STUDIO, Publisher, ingesting
from tests.kit.rtmp import ASC, AVCC, statuses

NOW = 1_795_300_000_000


def sends(allowance: Allowance, limits: Limits, kbps: int, begin_s: int, end_s: int, *, media: float = 1) -> None:
    for tenth in range(begin_s * 10, end_s * 10):
        allowance.frame(limits, kbps * 100 // 8, NOW + tenth * 100, NOW + round(tenth * 100 * media))


def test_a_rate_is_kept_on_average() -> None:
    limits = Limits(kbps=6000)
    sends(Allowance(NOW), limits, 6500, 0, 60)
    allowance = Allowance(NOW)
    sends(allowance, limits, 5000, 0, 30)
    with pytest.raises(Problem, match="send 6000 kbit/s at most") as refused:
        sends(allowance, limits, 7000, 30, 50)
    assert refused.value.kind.name == "forbidden"


def test_an_encoder_that_catches_up_is_not_over_its_rate() -> None:
    sends(Allowance(NOW), Limits(kbps=6000), 18_000, 0, 40, media=3)


def test_media_that_does_not_go_on_hides_nothing() -> None:
    with pytest.raises(Problem, match="kbit/s"):
        sends(Allowance(NOW), Limits(kbps=6000), 18_000, 0, 40, media=0)


@pytest.mark.parametrize(("lines", "fits"), [(0, True), (180, True), (179, False)])
def test_the_size_of_a_picture(lines: int, fits: bool) -> None:
    allowance = Allowance(NOW)
    allowance.format(Limits(lines=lines), aac_format(ASC))
    if fits:
        allowance.format(Limits(lines=lines), avc_format(AVCC))
        return
    with pytest.raises(Problem, match="320x180 is not allowed here: send 179 lines at most"):
        allowance.format(Limits(lines=lines), avc_format(AVCC))


@pytest.mark.parametrize(("seconds", "spelt"), [(7200, "2 h"), (600, "10 min"), (90, "90 s")])
def test_how_long_a_session_lasts(seconds: int, spelt: str) -> None:
    allowance, limits = Allowance(NOW), Limits(seconds=seconds)
    allowance.frame(limits, 1, NOW + seconds * 1000, 0)
    with pytest.raises(Problem, match=f"may last {spelt} here"):
        allowance.frame(limits, 1, NOW + seconds * 1000 + 1, 0)


async def test_an_encoder_is_told_what_it_may_send() -> None:
    async with ingesting(replace(STUDIO, limits=Limits(lines=120))) as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 3000)
        code, sentence = statuses(await publisher.closed())[-1]
        assert (code, "send 120 lines at most" in sentence) == ("NetStream.Publish.Rejected", True)
        assert role.origin.parts == {}
