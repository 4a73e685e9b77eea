"""The ingest role against real FFmpeg and a strict origin: numbered from simple to complex."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections import Counter
from pathlib import Path

import av
import pytest
from msgspec.structs import replace

from node.clock import SystemClock
from tests.kit import shaka
from tests.kit.encoder import Encoder
from tests.kit.ingesting import KEY, STUDIO, Publisher, ingesting
from tests.kit.optional import program
from tests.kit.recording_origin import RecordingOrigin
from tests.kit.rtmp import statuses


def steps(origin: RecordingOrigin, track: str) -> Counter[int]:
    """How often each decode time step occurs in the closed segments of a track, as a demuxer sees them."""
    with av.open(io.BytesIO(origin.body(track))) as film:
        times = [packet.dts for packet in film.demux() if packet.dts is not None]
    return Counter(later - earlier for earlier, later in itertools.pairwise(times))


async def test_1_an_encoder_is_cut_on_the_grid() -> None:
    async with ingesting(replace(STUDIO, segment_ms=2000)) as role:
        async with Encoder(role.url(), keyframe_s=1) as encoder:
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 1)
            session = await role.until_state("live")
            await encoder.stops()
        await role.origin.until(lambda: role.origin.notes[-1].state == "ended")
        assert (session["grid_ms"], session["numbering"], session["channel"]) == (2000, "wall", "studio")
        assert session["tracks"]["v1"].startswith("avc1.")
        assert KEY not in str(await role.status())
        numbers = role.origin.numbers("v1")
        assert numbers == role.origin.numbers("a1")
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert abs(numbers[0] * 2000 - SystemClock().now_ms()) < 30_000
        assert set(steps(role.origin, "v1")) == {3600}
        assert set(steps(role.origin, "a1")) == {1024}
        assert not any(note.discontinuity for note in role.origin.part_notes.values())
        assert role.origin.refusals == []
        assert role.ctx.metrics.value("ingest_offers", outcome="admitted") == 1


async def test_2_b_frames_and_audio_alone() -> None:
    async with ingesting() as role:
        async with Encoder(role.url(), keyframe_s=1, bframes=2):
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 1)
        await role.until_state("none")
        assert set(steps(role.origin, "v1")) == {3600}
        before = len(role.origin.numbers("a1"))
        command = [program("ffmpeg"), "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "sine", "-t", "5"]
        command += ["-c:a", "aac", "-f", "flv", role.url()]
        process = await asyncio.create_subprocess_exec(*command)
        await role.origin.until(lambda: len(role.origin.numbers("a1")) > before)
        assert [note.track for note in role.origin.notes[-1].tracks] == ["a1"]
        await process.wait()


async def test_3_a_wrong_key_is_refused_where_the_encoder_shows_it() -> None:
    async with ingesting() as role:
        command = [program("ffmpeg"), "-v", "info", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180"]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-f", "flv", role.url("wrong")]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        _, said = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode != 0
        assert b"this stream key opens no channel" in said
        assert role.ctx.metrics.value("ingest_offers", outcome="wrong-key") == 1
        assert role.origin.notes == []


async def test_4_a_second_publisher_is_refused_and_the_first_goes_on() -> None:
    async with ingesting() as role, Encoder(role.url(), keyframe_s=1):
        await role.until_state("live")
        second = Publisher(role.port)
        await second.opens()
        [(code, sentence)] = statuses(await second.closed())
        assert code == "NetStream.Publish.BadName"
        assert "being published already" in sentence
        closed = len(role.origin.closed)
        await role.origin.until(lambda: len(role.origin.closed) > closed)
        assert role.ctx.metrics.value("ingest_offers", outcome="busy") == 1


async def test_5_an_encoder_that_dies_and_comes_back_leaves_a_gap_and_a_discontinuity() -> None:
    async with ingesting() as role:
        async with Encoder(role.url(), keyframe_s=1) as encoder:
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 1)
            await encoder.dies()
        await role.until_state("none")
        first = role.origin.numbers("v1")
        assert role.origin.notes[-1].state == "live", "a lost publisher is not one that ended"
        async with Encoder(role.url(), keyframe_s=1):
            await role.origin.until(lambda: len(role.origin.numbers("v1")) > len(first))
        again = role.origin.numbers("v1")[len(first)]
        assert again > first[-1]
        assert role.origin.part_notes[("v1", again, 0)].discontinuity
        assert role.origin.part_notes[("a1", again, 0)].discontinuity
        assert len({note.session for note in role.origin.notes}) == 2


async def test_6_an_origin_that_restarts_loses_nothing() -> None:
    async with ingesting() as role, Encoder(role.url(), keyframe_s=1):
        origin = role.origin
        await origin.until(lambda: len(origin.numbers("v1")) >= 1 and ("v1", origin.last_number) not in origin.closed)
        await origin.goes()
        origin.forgets()
        async with asyncio.timeout(10):
            while not (await role.status())["sessions"][0]["origin_away"]:
                await asyncio.sleep(0.05)
        await origin.comes()
        before = len(origin.numbers("v1"))
        await origin.until(lambda: len(origin.numbers("v1")) >= before + 2)
        numbers = origin.numbers("v1")
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no hole"
        assert set(steps(origin, "v1")) == {3600}
        assert set(steps(origin, "a1")) == {1024}
        assert role.ctx.metrics.value("ingest_dropped_parts") == 0
        assert role.ctx.metrics.value("ingest_put_retries") > 0


async def test_7_stopping_the_role_closes_and_flushes_what_is_open() -> None:
    async with ingesting() as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 2000)
        await role.origin.until(lambda: bool(role.origin.parts))
        origin = role.origin
    assert origin.closed == set(origin.parts)
    assert {track for track, _ in origin.closed} == {"v1", "a1"}
    assert origin.notes[-1].state == "live"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("-g", "400", "-keyint_min", "400"), "keyframe interval to 2 s"),
        (("-c:v", "flv1", "-bf", "0"), "set the encoder to H.264"),
    ],
)
async def test_8_an_encoder_that_cannot_be_played_is_told_why(settings: tuple[str, ...], says: str) -> None:
    async with ingesting() as role:
        command = [program("ffmpeg"), "-v", "info", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25"]
        # longer than what socket buffers hold: it must still be sending when it is refused
        command += ["-t", "3600", "-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0", *settings]
        process = await asyncio.create_subprocess_exec(
            *command, "-f", "flv", role.url(), stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode != 0
        assert says in said.decode()
        assert role.origin.parts == {}


ENHANCED = {
    "hevc, opus": ("-c:v libx265 -preset ultrafast -x265-params keyint=25:min-keyint=25:scenecut=0 -c:a libopus", 1),
    "av1, flac": ("-c:v libsvtav1 -preset 11 -g 25 -svtav1-params log=0 -c:a flac -sample_fmt s16", 1),
    "h264 ladder, e-ac-3 and aac": (
        "-c:v libx264 -preset ultrafast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 -c:a:0 eac3 -c:a:1 aac",
        2,
    ),
}


@pytest.mark.parametrize("codecs", ENHANCED)
async def test_9_what_an_encoder_of_enhanced_rtmp_sends_is_what_is_published(codecs: str, tmp_path: Path) -> None:
    """The encoder writes the same packets to a file: octet by octet they are what came out, a picture for a picture."""
    words, each = ENHANCED[codecs]
    film = tmp_path / "sent.mkv"
    async with ingesting() as role:
        command = [
            shaka.ffmpeg(),
            "-v",
            "error",
            "-nostdin",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=160x90:rate=25",
        ]
        command += ["-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "20"]
        command += ["-map", "0", "-map", "1"] * each + words.split() + ["-ac", "2", "-threads", "1"]
        command += ["-flags", "+global_header", "-f", "tee", f"[f=flv]{role.url()}|[f=matroska]{film}"]
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        tracks = [f"{kind}{n + 1}" for kind in "va" for n in range(each)]
        await role.origin.until(lambda: all(len(role.origin.numbers(track)) >= 2 for track in tracks), 60)
        process.send_signal(2)
        await process.wait()
        await role.origin.until(lambda: role.origin.notes[-1].state == "ended", 60)
    with av.open(film) as sent:
        by_stream: dict[int, list[bytes]] = {}
        for packet in sent.demux():
            by_stream.setdefault(packet.stream.index, []).append(bytes(packet))
        ours = {stream.index: stream.type for stream in sent.streams}
    in_order = [i for i, kind in ours.items() if kind == "video"] + [i for i, kind in ours.items() if kind == "audio"]
    assert [note.track for note in role.origin.notes[-1].tracks] == tracks
    for track, index in zip(tracks, in_order, strict=True):
        with av.open(io.BytesIO(role.origin.body(track))) as published:
            found = [bytes(packet) for packet in published.demux() if packet.size]
        source = [octets for octets in by_stream[index] if octets]
        at = source.index(found[0])
        assert len(found) >= 25 and source[at : at + len(found)] == found, track
    for name in tracks[:each]:
        assert set(steps(role.origin, name)) == {3600}, name
    assert role.origin.refusals == []


async def test_10_the_last_state_on_disk_is_enough_to_publish() -> None:
    """Control is not there and never was, as far as this process knows."""
    async with ingesting() as role:
        assert not role.ctx.home.socket("control", door="node").exists()
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 2200)
        await role.origin.until(lambda: bool(role.origin.numbers("v1")))
        found = await role.status()
        assert (found["desired_seq"], found["sessions"][0]["channel"]) == (1, "studio")
        other = Publisher(role.port, "unknown")
        await other.opens()
        assert "opens no channel" in statuses(await other.closed())[-1][1]
