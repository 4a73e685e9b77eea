"""The push port over real connections, with what encoders and broken networks do."""

from __future__ import annotations

import asyncio
import base64
import gzip
import itertools
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from base.desired import ChannelSpec, key_hash
from tests.ingest.cmaf.test_manifest import MPD
from tests.kit.ingesting import KEY, STUDIO, Ingesting, Publisher
from tests.kit.pushing import Source, Track, film, later, parts, pushed_to
from tests.kit.sources import framemd5

pytestmark = pytest.mark.usefixtures("soon")
VIDEO, AUDIO = Track("video"), Track("audio")
OTHER = ChannelSpec(channel="other", title="Other", edition="e1", key_hashes=(key_hash("0" * 32),))


def some_seconds(role: Ingesting, count: int) -> range:
    """Whole seconds that end about now, the first one even."""
    end = role.ctx.clock.now_ms() // 1000 // 2 * 2
    return range(end - count, end)


async def sends(source: Source, seconds: Iterable[int], *, chunks: int = 1) -> None:
    for second in seconds:
        await source.sends("Streams(v.cmfv)", VIDEO.segment(second, chunks=chunks))
        await source.sends("Streams(a.cmfa)", AUDIO.segment(second, chunks=chunks))


async def heads(source: Source) -> None:
    await source.sends("Streams(v.cmfv)", VIDEO.header)
    await source.sends("Streams(a.cmfa)", AUDIO.header)


@pytest.mark.rule("DASH-IF ingest 5.3", "403, 404, 412, 415, else 400: each with a sentence")
async def test_refusals() -> None:
    async with pushed_to(STUDIO, OTHER) as (_, port), Source(port) as source:
        assert await source.puts("") == (200, ""), "an empty request shows whether the point is there"
        assert await source.puts("v.cmfv", method="POST") == (200, "")
        status, why = await source.puts("v.cmfv", VIDEO.segment(0))
        assert (status, "no header" in why) == (412, True)
        assert (await source.puts("t.cmft", VIDEO.header.replace(b"vide", b"text")))[0] == 415
        assert (await source.puts("v.cmfv", VIDEO.header.replace(b"avc1", b"vp08")))[0] == 415
        assert (await source.puts("seg1.exe", b"x"))[0] == 415
        assert (await source.puts("v.cmfv", b"this is no MP4 file"))[0] == 400
        assert (await source.puts("live.mpd", b"<html>"))[0] == 400
        assert (await source.puts("a/%2e%2e%2fv.cmfv", b""))[0] == 403
        assert (await source.puts("v.cmfv", method="DELETE")) == (200, "")
        async with Source(port, key="1" * 32) as wrong:
            status, why = await wrong.puts("v.cmfv", VIDEO.header)
            assert (status, "does not open" in why, "1" * 32 in why) == (403, True, False)
        async with Source(port, channel="other") as elsewhere:
            assert (await elsewhere.puts("v.cmfv", VIDEO.header))[0] == 403, "a key of another channel"
        async with Source(port, channel="nothing") as nowhere:
            assert (await nowhere.puts("v.cmfv", VIDEO.header))[0] == 404


@pytest.mark.rule("DASH-IF ingest 5.2 5", "Basic authentication, offered to a source that gave no key")
async def test_keys_in_every_place() -> None:
    async with pushed_to() as (_, port):
        async with Source(port, key="") as source:
            assert (await source.puts("v.cmfv", VIDEO.header))[0] == 401
            assert await source.puts(f"key={KEY}/v.cmfv", VIDEO.header) == (200, "")
            pair = base64.b64encode(f"encoder:{KEY}".encode()).decode()
            assert await source.puts("v.cmfv", VIDEO.header, headers={"Authorization": f"Basic {pair}"}) == (200, "")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"PUT /push/studio/v.cmfv HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401") and b"WWW-Authenticate: Basic" in answer
        writer.close()


@pytest.mark.rule("DASH-IF ingest 6.9", "times since 1970 are kept: names are those of the wall's grid")
async def test_epoch_times_give_names_of_the_grid() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        await heads(source)
        seconds = some_seconds(role, 8)
        await sends(source, seconds, chunks=4)
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 7)
        assert role.origin.numbers("v1")[:7] == list(seconds)[:7]
        assert role.origin.notes[-1].numbering == "wall"


async def test_what_is_sent_again_or_out_of_order_or_cut_off_arrives_once() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        await heads(source)
        seconds = list(some_seconds(role, 10))
        await sends(source, seconds[:3])
        await sends(source, [seconds[2], seconds[1]])
        await heads(source)
        await sends(source, [seconds[2], seconds[4], seconds[3]])
        body = VIDEO.segment(seconds[5])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"PUT /push/studio/key={KEY}/Streams(v.cmfv) HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[: len(body) // 2])
        await writer.drain()
        writer.transport.abort()
        await sends(source, seconds[5:])
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 9 and len(role.origin.numbers("a1")) >= 9)
        for track in (VIDEO, AUDIO):
            name = "v1" if track is VIDEO else "a1"
            octets = b"".join(b"".join(role.origin.parts[(name, n)]) for n in role.origin.numbers(name))
            first = -(-seconds[0] * track.scale // track.step)
            for sample in track.samples(first, 8 * track.scale // track.step):
                assert octets.count(sample.data) == 1
        assert not any(note.discontinuity for note in role.origin.part_notes.values())


async def test_one_long_request_for_each_track() -> None:
    async def body(track: Track, seconds: Iterable[int]) -> AsyncIterator[bytes]:
        yield track.header
        for second in seconds:
            octets = track.segment(second, chunks=5)
            for at in range(0, len(octets), 333):
                yield octets[at : at + 333]

    async with pushed_to() as (role, port), Source(port) as source:
        seconds = some_seconds(role, 6)
        done = await asyncio.gather(
            source.puts("v.cmfv", body(VIDEO, seconds), method="POST"),
            source.puts("a.cmfa", body(AUDIO, seconds), method="POST"),
        )
        assert list(done) == [(200, ""), (200, "")]
        await role.origin.until(lambda: role.origin.numbers("v1")[:5] == list(seconds)[:5])


@pytest.mark.rule("DASH-IF ingest 6.2 19", "lmsg on each track's last segment ends the session")
async def test_the_end() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        await heads(source)
        seconds = list(some_seconds(role, 4))
        await sends(source, seconds[:-1])
        await source.sends("Streams(v.cmfv)", VIDEO.segment(seconds[-1], brands=(b"cmfs", b"lmsg")))
        await source.sends("Streams(a.cmfa)", AUDIO.segment(seconds[-1], brands=(b"cmfs", b"lmsg")))
        await role.origin.until(lambda: any(note.state == "ended" for note in role.origin.notes))
        assert role.origin.numbers("v1") == seconds == role.origin.numbers("a1")


@pytest.mark.rule("DASH-IF ingest 5.2 13", "gzip is taken")
async def test_gzip() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        coding = {"Content-Encoding": "gzip"}
        await source.sends("live.mpd", gzip.compress(MPD), headers=coding)
        await source.sends("sd.init", gzip.compress(VIDEO.header), headers=coding)
        await role.until_state("admitted")
        status, _ = await source.puts("hd.init", b"no gzip at all", headers=coding)
        assert status == 400


async def test_a_source_that_closes_without_reading_the_answer_loses_nothing() -> None:
    async with pushed_to() as (role, port):
        seconds = list(some_seconds(role, 6))
        for body in (VIDEO.header, *(VIDEO.segment(second) for second in seconds)):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"PUT /push/studio/key={KEY}/v.cmfv HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await role.origin.until(lambda: role.origin.numbers("v1")[:5] == seconds[:5])


@pytest.mark.rule("DASH-IF ingest 6.9", "a source that joins later gives the same names and the same octets")
async def test_two_sources_at_two_nodes_give_equal_objects() -> None:
    async with pushed_to() as (one, port), pushed_to() as (other, second_port):
        async with Source(port) as first, Source(second_port) as second:
            seconds = list(some_seconds(one, 12))
            await heads(first)
            await heads(second)
            await sends(first, seconds)
            await sends(second, seconds[3:], chunks=3)
            await one.origin.until(lambda: len(one.origin.numbers("a1")) >= 11)
            await other.origin.until(lambda: len(other.origin.numbers("a1")) >= 8)
        common = [key for key in one.origin.closed & other.origin.closed if key[1] < seconds[-1]]
        assert len(common) >= 2 * 7
        for key in common:
            assert one.origin.parts[key] == other.origin.parts[key], key
        assert one.origin.inits == other.origin.inits


async def test_pictures_and_sound_of_ffmpeg_come_out_as_they_went_in(tmp_path: Path) -> None:
    video = film(tmp_path / "v.mp4", "-an", seconds=6)
    audio = film(tmp_path / "a.mp4", "-vn", seconds=6)
    async with pushed_to() as (role, port), Source(port) as source:
        start = some_seconds(role, 6)[0]
        tracks = [("v.cmfv", *parts(video.read_bytes()), 12_800), ("a.cmfa", *parts(audio.read_bytes()), 48_000)]
        for path, header, _, _ in tracks:
            await source.sends(path, header)
        for fragments in itertools.zip_longest(*(track[2] for track in tracks)):
            for (path, _, _, scale), fragment in zip(tracks, fragments, strict=True):
                if fragment is not None:
                    await source.sends(path, later(fragment, start * scale))
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 5)
        made = tmp_path / "out.mp4"
        made.write_bytes(role.origin.body("v1"))
        pictures, original = framemd5(made, "v:0"), framemd5(video, "v:0")
        assert len(pictures) >= 125 and pictures == original[: len(pictures)]


async def test_what_is_good_before_a_fault_counts() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        seconds = list(some_seconds(role, 6))
        await source.sends("v.cmfv", VIDEO.header)
        for second in seconds[:-1]:
            broken = VIDEO.segment(second) + b"\0\0\0\1garbage!"
            assert (await source.puts("v.cmfv", broken))[0] == 400
        await source.sends("v.cmfv", VIDEO.segment(seconds[-1]))
        await role.origin.until(lambda: role.origin.numbers("v1")[:5] == seconds[:5])


async def test_a_source_that_waited_for_its_turn_goes_on_without_its_header() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        publisher = Publisher(role.port)
        await publisher.opens()
        assert (await source.puts("v.cmfv", VIDEO.header))[0] == 403
        publisher.goes()
        await role.until_state("none")
        await source.sends("v.cmfv", VIDEO.segment(some_seconds(role, 2)[0]))
        await role.until_state("admitted")
