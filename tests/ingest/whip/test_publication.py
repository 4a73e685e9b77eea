"""A real publisher (aiortc: ICE, DTLS, SRTP, H.264, Opus) into the ingest role, and what the origin gets."""

from __future__ import annotations

import asyncio
import io
import itertools
import signal

import av
import pytest

from tests.kit.ingesting import KEY, ingesting
from tests.kit.whip import LossyRelay, WhipPublisher, doors, newest_ffmpeg


def url(settings: dict[str, object], channel: str = "studio") -> str:
    return f"http://{settings['ingest.whip_listen']}/whip/{channel}"


@pytest.mark.rule("RFC 9725 4.2", "a session is offered, published to, and ended by DELETE")
async def test_pictures_and_sound_arrive_whole_and_together() -> None:
    settings = doors()
    async with ingesting(settings=settings) as role:
        async with WhipPublisher(url(settings)) as publisher:
            await role.until_state("live")
            tracks = ("v1", "a1", "a2")
            await role.origin.until(lambda: min(len(role.origin.numbers(t)) for t in tracks) >= 3, 60)
            assert await publisher.says("DELETE") == 200
            assert await publisher.says("DELETE") == 404
        await role.until_state("none")
        assert role.ctx.metrics.value("ingest_offers", outcome="admitted") == 1
        assert role.ctx.metrics.value("ingest_bytes") > 10_000
        assert {track.track for track in role.origin.notes[-1].tracks} == set(tracks)
        video, audio, copy = (role.origin.body(track) for track in tracks)
    flashes, beeps, copied = list(_flashes(video)), list(_beeps(audio)), list(_beeps(copy))
    assert len(flashes) >= 2 and len(beeps) >= 2
    assert max(min(abs(beep - there) for beep in beeps) for there in copied) < 0.045, "frames of 20 and of 21 ms"
    apart = [min((flash - beep for beep in beeps), key=abs) for flash in flashes]
    # 2 to 20 ms on a quiet machine; the publisher's two encoders begin apart on a busy one
    assert all(abs(value) < 0.2 for value in apart), apart
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


async def test_what_a_path_loses_is_sent_again_or_left_out() -> None:
    """2 % of the packets do not come: everything that is published decodes, and little is missing."""
    settings = doors()
    target = int(str(settings["ingest.whip_media"]).rpartition(":")[2])
    async with ingesting(settings=settings) as role, LossyRelay(target, 0.02) as relay:
        async with WhipPublisher(url(settings), relayed=(target, relay.port)):
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 6, 60)
        video = role.origin.body("v1")
    assert relay.dropped >= 2, "nothing was lost, so nothing was shown"
    packets = _packets(video)
    list(_flashes(video))  # counts what decodes
    lasted = float(packets[-1].dts - packets[0].dts) * float(packets[0].time_base)
    assert len(packets) > 0.8 * 25 * lasted, "most of it was repaired"


@pytest.mark.slow
async def test_what_is_never_repaired_is_left_out_up_to_the_next_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.whip.reorder._MOST_ASKS", 0)
    settings = doors()
    target = int(str(settings["ingest.whip_media"]).rpartition(":")[2])
    async with ingesting(settings=settings) as role, LossyRelay(target, 0.02) as relay:
        async with WhipPublisher(url(settings), relayed=(target, relay.port)):
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 10, 90)
        video = role.origin.body("v1")
    assert relay.dropped >= 4
    list(_flashes(video))


@pytest.mark.slow
async def test_ffmpeg_publishes() -> None:
    settings = doors()
    words = [newest_ffmpeg(), "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"]
    words += [
        "-re",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=48000",
        "-c:v",
        "libx264",
        "-bf",
        "0",
        "-g",
        "50",
    ]
    words += ["-preset", "ultrafast", "-pix_fmt", "yuv420p", "-profile:v", "baseline", "-c:a", "libopus", "-ac", "2"]
    words += ["-f", "whip", "-authorization", KEY, url(settings)]
    async with ingesting(settings=settings) as role:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            await role.origin.until(lambda: min(len(role.origin.numbers(t)) for t in ("v1", "a1")) >= 4, 60)
            session = (await role.status())["sessions"][0]
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()
        await role.until_state("none")
        assert (session["numbering"], session["grid_ms"]) == ("wall", 2000), "it keeps its own keyframes"
        assert session["tracks"] == {"v1": "avc1.42c01e", "a1": "opus", "a2": "mp4a.40.2"}
        packets = _packets(role.origin.body("v1"))
        list(_flashes(role.origin.body("v1")))
    steps = {after.dts - before.dts for before, after in itertools.pairwise(packets)}
    assert max(steps) <= 2 * 3600, "no picture is missing"
