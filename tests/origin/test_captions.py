"""Captions in a film's picture become texts when it arrives, and when somebody asks."""

from __future__ import annotations

import msgspec
import pytest

from base.reports import AssetReport
from tests.kit.captions import Caption608, with_captions
from tests.kit.media import Films
from tests.origin.conftest import Answer, Origin
from tests.origin.test_texts import put, shown, status, subtitles


@pytest.fixture
def captioned(films: Films) -> bytes:
    """8 s with B-frames: HELLO from 1.2 to 2.4 s on CC1, HOLA from 3 s to the end on CC3."""
    first = Caption608().pop_on("HELLO", shown=30, gone=60)
    return with_captions(films("bframes").read_bytes(), first.pairs, Caption608().pop_on("HOLA", shown=75).pairs)


async def add(origin: Origin, body: bytes) -> Answer:
    answer = await origin.ask("PUT", "/vod/tour/mezzanine.mp4?target_ms=2000", data=body)
    assert answer.status == 201, answer.text
    return answer


async def test_captions_are_offered_as_soon_as_the_film_is_there(origin: Origin, captioned: bytes) -> None:
    answer = await add(origin, captioned)
    report = await status(origin)
    assert msgspec.json.decode(answer.body, type=AssetReport) == report
    assert [(t.track, t.role, t.language, t.label) for t in report.tracks if t.kind == "text"] == [
        ("s1", "captions", "und", ""),
        ("s2", "captions", "und", "CC3"),
    ]
    members, texts = await subtitles(origin, "/vod/tour/multivariant.m3u8")
    assert [one.name for one in members] == ["und (captions)", "CC3"]
    assert shown(texts) == [[(1200, 2400, "HELLO")], [(1200, 2400, "HELLO")], [], []]


async def test_they_can_be_asked_for_again(origin: Origin, captioned: bytes) -> None:
    await add(origin, captioned)
    assert (await origin.ask("DELETE", "/vod/tour/text/s1")).status == 204
    assert (await put(origin)).status == 201, "s1 is something else now"
    answer = await origin.ask("PUT", "/vod/tour/captions.json?language=en")
    report = msgspec.json.decode(answer.body, type=AssetReport)
    assert [(t.track, t.language, t.label) for t in report.tracks if t.kind == "text"] == [
        ("s1", "de", ""),
        ("s2", "en", "CC3"),
        ("s3", "en", ""),
    ]
    assert await status(origin) == report


async def test_a_film_without_captions(origin: Origin, films: Films) -> None:
    await add(origin, films("plain").read_bytes())
    assert [t.kind for t in (await status(origin)).tracks] == ["video", "audio"]
    none = await origin.ask("PUT", "/vod/tour/captions.json")
    assert none.status == 404 and "no CEA-608 captions" in none.detail
    assert (await origin.ask("PUT", "/vod/other/captions.json")).status == 404
    assert (await origin.ask("PUT", "/vod/tour/captions.json?language=x!")).status == 400


async def test_that_captions_fail_is_no_reason_to_refuse_a_film(
    origin: Origin, captioned: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("origin.text_files.store", full)
    await add(origin, captioned)
    assert [t.kind for t in (await status(origin)).tracks] == ["video"]
    assert (await origin.ask("PUT", "/vod/tour/captions.json")).status == 503
