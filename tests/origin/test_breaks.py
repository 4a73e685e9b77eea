"""Breaks of a live channel at the origin: in playlists and manifests once they are journalled, and after a restart."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from lxml import etree

from base.push import MarkNote
from node.clock import SteppedClock
from tests.kit.live_media import Studio
from tests.origin.conftest import Answer, Origin, live, running_origin

NUMBER = 1_700_000_003  # of the segment that begins at 3 s
OUT = MarkNote(
    action="out",
    kind="insert",
    event=7,
    start=NUMBER * 90_000,
    timescale=90_000,
    number=NUMBER,
    planned_ms=2000,
    avail=True,
    section=b"\xfc\x30",
)
IN = MarkNote(
    action="in",
    kind="insert",
    event=7,
    start=(NUMBER + 2) * 90_000,
    timescale=90_000,
    number=NUMBER + 2,
    section=b"\xfc\x31",
)


async def tell(origin: Origin, *notes: MarkNote) -> Answer:
    return await origin.ask("PUT", live("cues.json"), data=msgspec.json.encode(notes))


async def ranges(origin: Origin, track: str = "v1") -> list[str]:
    return [line for line in (await origin.playlist(track)).text.splitlines() if "DATERANGE" in line or "CUE" in line]


async def publish(origin: Origin) -> Studio:
    """Six seconds and a half, of a publisher that says what breaks need."""
    studio = Studio()
    await origin.announce(studio, longest_ms=1600, interstitials="https://ads.example/{event}")
    await origin.publish(studio.run(6500))
    return studio


@pytest.mark.rule("RFC 8216bis 4.4.5.1", "a range keeps its id and its dates, also over a restart")
async def test_a_break_is_told_and_stays_as_it_was(home: Path) -> None:
    async with running_origin(home) as origin:
        await publish(origin)
        assert await ranges(origin) == []
        assert (await tell(origin, OUT)).status == 200
        begun, assets = await ranges(origin)
        assert f'ID="insert-7-{NUMBER}",START-DATE="2023-11-14T22:13:23.000Z",PLANNED-DURATION=2' in begun
        assert 'X-ASSET-LIST="https://ads.example/7"' in assets
        assert await ranges(origin, "a1") == [begun, assets]
        assert (await tell(origin, OUT)).status == 200 and await ranges(origin) == [begun, assets]
        assert "#EXT-X-TARGETDURATION:2" in (await origin.playlist()).text
    async with running_origin(home) as origin:
        assert await ranges(origin) == [begun, assets]
        await tell(origin, IN)
        ended, _ = await ranges(origin)
        assert ",DURATION=2," in ended and "SCTE35-IN=0xFC31" in ended and ended.replace(",DURATION=2", "") != begun


async def test_a_break_in_the_manifest(origin: Origin) -> None:
    await publish(origin)
    await tell(origin, OUT, IN)
    mpd = etree.fromstring((await origin.ask("GET", "/live/studio/manifest.mpd")).body)
    stream, first_set = mpd.find("{*}Period")[:2]
    assert stream.tag.endswith("EventStream") and first_set.tag.endswith("AdaptationSet")
    times = [int(event.get("presentationTime")) for event in stream]
    assert times == [NUMBER * 90_000, (NUMBER + 2) * 90_000]
    assert [event.findtext("{*}Signal/{*}Binary") for event in stream] == ["/DA=", "/DE="]


async def test_a_publisher_that_comes_back_is_told_of_breaks_that_are_on(home: Path) -> None:
    clock = SteppedClock(NUMBER * 1000)
    async with running_origin(home, clock) as origin:
        studio = await publish(origin)
        await tell(origin, msgspec.structs.replace(OUT, returns=True), msgspec.structs.replace(OUT, event=8))
        (known,) = (await origin.session(studio)).breaks
        assert (known.what, known.start * 90_000 // known.timescale) == (OUT.what, OUT.start)
        assert known.returns and known.planned_ms == 2000 and known.section == OUT.section
        clock.advance(2000)
        assert (await origin.session(studio)).breaks == ()


async def test_cue_tags_are_a_setting(home: Path) -> None:
    async with running_origin(home, origin__cue_tags=True) as origin:
        await publish(origin)
        await tell(origin, OUT, IN)
        assert [line for line in await ranges(origin) if "CUE" in line] == [
            "#EXT-X-CUE-OUT:2",
            "#EXT-X-CUE-OUT-CONT:1/2",
            "#EXT-X-CUE-IN",
        ]


async def test_what_is_told_goes_with_the_channel(origin: Origin) -> None:
    await publish(origin)
    await tell(origin, OUT)
    assert (await origin.ask("DELETE", "/live/studio/status.json")).status == 204
    await publish(origin)
    assert await ranges(origin) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'[{"action": "out"}]',
        b'[{"action": "sideways", "kind": "insert"}]',
        b'[{"kind": "A B", "action": "in"}]',
    ],
)
async def test_what_is_no_list_of_notes_is_refused(origin: Origin, body: bytes) -> None:
    await publish(origin)
    refused = await origin.ask("PUT", live("cues.json"), data=body)
    assert refused.status == 400 and "cues.json" in refused.detail


async def test_a_channel_that_is_not_there_takes_none(origin: Origin) -> None:
    assert (await tell(origin, OUT)).status == 404
    assert (await origin.ask("GET", live("cues.json"))).status == 404
