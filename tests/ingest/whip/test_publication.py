"""A real publisher (aiortc: ICE, DTLS, SRTP, H.264, Opus) into the ingest role, and what the origin gets."""

from __future__ import annotations

import io
import itertools

import av
import pytest

from tests.kit.ingesting import ingesting
from tests.kit.whip import WhipPublisher, doors


def url(settings: dict[str, object], channel: str = "studio") -> str:
    return f"http://{settings['ingest.whip_listen']}/whip/{channel}"


@pytest.mark.rule("RFC 9725 4.2", "a session is offered, published to, and ended by DELETE")
async def test_pictures_and_sound_arrive_whole_and_together() -> None:
    settings = doors()
    async with ingesting(settings=settings) as role:
        async with WhipPublisher(url(settings)) as publisher:
            await role.until_state("live")
            await role.origin.until(lambda: min(len(role.origin.numbers(t)) for t in ("v1", "a1")) >= 3, 60)
            assert await publisher.says("DELETE") == 200
            assert await publisher.says("DELETE") == 404
        await role.until_state("none")
        assert role.ctx.metrics.value("ingest_offers", outcome="admitted") == 1
        assert role.ctx.metrics.value("ingest_bytes") > 10_000
        video, audio = role.origin.body("v1"), role.origin.body("a1")
    flashes, beeps = list(_flashes(video)), list(_beeps(audio))
    assert len(flashes) >= 2 and len(beeps) >= 2
    apart = [min((flash - beep for beep in beeps), key=abs) for flash in flashes]
    # two tasks of the publisher begin apart by what its encoders take to start
    assert all(abs(value) < 0.4 for value in apart), apart
    steps = [after - before for before, after in itertools.pairwise(flashes)]
    assert all(abs(step - round(step)) < 0.09 for step in steps), steps


def _flashes(media: bytes) -> list[float]:
    """When pictures turn bright, in s; each must decode."""
    found, bright, count = [], True, 0
    with av.open(io.BytesIO(media)) as file:
        file.streams.video[0].codec_context.options = {"err_detect": "explode"}
        for picture in file.decode(video=0):
            count += 1
            now = picture.to_ndarray(format="gray")[-40:].mean() > 150
            if now and not bright:
                found.append(float(picture.time or 0))
            bright = now
        assert count == sum(1 for _ in _packets(media)), "not each picture decodes"
    return found


def _packets(media: bytes) -> list[av.Packet]:
    with av.open(io.BytesIO(media)) as file:
        return [packet for packet in file.demux(video=0) if packet.size]


def _beeps(media: bytes) -> list[float]:
    found, loud = [], True
    with av.open(io.BytesIO(media)) as file:
        for frame in file.decode(audio=0):
            now = abs(frame.to_ndarray()).max() > 0.05
            if now and not loud:
                found.append(float(frame.time or 0))
            loud = now
    return found


async def test_a_publisher_that_vanishes_is_noticed_and_its_place_is_free() -> None:
    settings = doors()
    async with ingesting(settings=settings) as role:
        publisher = WhipPublisher(url(settings))
        await publisher.__aenter__()
        await role.until_state("live")
        with pytest.raises(AssertionError, match="is being published already"):
            await WhipPublisher(url(settings)).__aenter__()
        assert role.ctx.metrics.value("ingest_offers", outcome="busy") == 1
        await publisher.goes()
        await role.until_state("none", 40)
        async with WhipPublisher(url(settings)):
            await role.until_state("live")


async def test_a_stopping_node_ends_the_session_and_keeps_what_came() -> None:
    settings = doors()
    async with ingesting(settings=settings) as role:
        publisher = WhipPublisher(url(settings))
        await publisher.__aenter__()
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 1, 60)
        parts = len(role.origin.parts)
        role.ctx.stopping.set()
        await role.origin.until(lambda: len(role.origin.parts) >= parts)
        await publisher.goes()
