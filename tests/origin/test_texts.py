"""Subtitles over HTTP: put, listed, had, replaced, removed; read by FFmpeg and by plain readers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode, urljoin

import m3u8
import msgspec
import pytest
from aiohttp import web
from lxml import etree

from base.problems import Problem
from base.reports import AssetReport
from origin.texts import Offer, canonical, fields, sidecar
from packager.text import ttml, webvtt
from packager.text.cues import Text
from packager.text.reading import read
from tests.kit import fragments
from tests.kit.media import Films
from tests.kit.optional import program
from tests.origin.conftest import Answer, Asker, Origin, OriginProcess, running_origin
from tests.packager.manifests import NS, timeline, valid

SRT = (
    b"1\n00:00:00,500 --> 00:00:01,500\nOne\n\n2\n00:00:03,000 --> 00:00:05,000\n<i>Over</i> the cut\n\n"
    b"3\n00:00:06,000 --> 00:00:06,500\nThree\n\n4\n00:01:00,000 --> 00:01:01,000\nAfter the end\n"
)
SHOWN = [(500, 1500, "One"), (3000, 5000, "Over the cut"), (6000, 6500, "Three")]


async def add(origin: Asker, films: Films, film: str = "bframes", title: str = "tour") -> AssetReport:
    answer = await origin.ask("PUT", f"/vod/{title}/mezzanine.mp4?target_ms=2000", data=films(film).read_bytes())
    assert answer.status == 201, answer.text
    return msgspec.json.decode(answer.body, type=AssetReport)


async def put(origin: Asker, body: bytes = SRT, track: str = "s1", title: str = "tour", **fields: str) -> Answer:
    query = urlencode({"language": "de"} | fields)
    return await origin.ask("PUT", f"/vod/{title}/text/{track}?{query}", data=body)


async def status(origin: Asker, title: str = "tour") -> AssetReport:
    return msgspec.json.decode((await origin.get(f"/vod/{title}/status.json")).body, type=AssetReport)


async def subtitles(origin: Asker, top: str) -> tuple[list[m3u8.model.Media], list[webvtt.Text]]:
    """The group's members in a multivariant playlist, and each segment of the first one."""
    playlist = m3u8.loads((await origin.get(top)).text)
    members = [one for one in playlist.media if one.type == "SUBTITLES"]
    assert {one.stream_info.subtitles for one in playlist.playlists} == {"text"}
    path = urljoin(top, members[0].uri)
    media = m3u8.loads((await origin.get(path)).text)
    found = []
    for one in media.segments:
        answer = await origin.get(urljoin(path, one.uri))
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/vtt; charset=utf-8"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        found.append(webvtt.read(answer.text))
    return members, found


def shown(texts: list[Text]) -> list[list[tuple[int, int, str]]]:
    return [[(cue.start, cue.end, cue.text) for cue in text.cues] for text in texts]


async def test_a_text_is_listed_and_the_media_is_not_touched(origin: Origin, films: Films) -> None:
    before = await add(origin, films)
    top = "/vod/tour/multivariant.m3u8"
    plain = (await origin.get(top)).text
    answer = await put(origin, label="Deutsch", kind="captions", default="1")
    assert answer.status == 201
    after = await status(origin)
    assert msgspec.json.decode(answer.body, type=AssetReport) == after
    text = after.tracks[-1]
    assert (text.track, text.kind, text.language, text.label, text.role, text.default, text.forced) == (
        "s1", "text", "de", "Deutsch", "captions", True, False,
    )  # fmt: skip
    assert after.notes == ("s1: cues after the end of the film: 1 of 4",)
    assert (after.edition, after.tracks[:-1], after.segments) == (before.edition, before.tracks, before.segments)
    members, texts = await subtitles(origin, top)
    assert [(one.language, one.name, one.default) for one in members] == [("de", "Deutsch", "YES")]
    assert shown(texts) == [SHOWN[:1], SHOWN[1:2], SHOWN[1:2], SHOWN[2:]]
    assert (await origin.ask("DELETE", "/vod/tour/text/s1")).status == 204
    assert (await origin.get(top)).text == plain and await status(origin) == before


async def test_the_manifest_lists_it_and_its_segments_follow_the_picture(origin: Origin, films: Films) -> None:
    await add(origin, films)
    await put(origin)
    mpd = valid((await origin.get("/vod/tour/manifest.mpd")).text)
    (text,) = [one for one in mpd.iter(f"{NS}AdaptationSet") if one.get("contentType") == "text"]
    template = text.find(f"{NS}Representation/{NS}SegmentTemplate")
    video = mpd.find(f".//{NS}SegmentTemplate")
    rows, pictures = timeline(template), timeline(video)
    for (_, at, _), (_, start, _) in zip(rows, pictures, strict=True):
        assert at / 90_000 == pytest.approx(start / int(video.get("timescale")), abs=1e-4)
    offsets = [int(one.get("presentationTimeOffset")) / int(one.get("timescale")) for one in (template, video)]
    assert offsets[0] == pytest.approx(offsets[1], abs=1e-3)
    assert await documents(origin, template, rows) == []  # wvtt, no documents


async def documents(
    origin: Asker, template: etree._Element, rows: list[tuple[int, int, int]]
) -> list[list[tuple[int, int, str]]]:
    base = "/vod/tour/"
    init = fragments.read_init((await origin.get(base + template.get("initialization"))).body)
    found = []
    for number, at, length in rows:
        answer = await origin.get(base + template.get("media").replace("$Number$", str(number)))
        assert answer.headers["Content-Type"] == "video/iso.segment"
        (fragment,) = fragments.read_fragments(answer.body, init)
        assert (fragment.decode_time, fragment.end) == (at, at + length)
        if b"<?xml" in answer.body:
            cues = ttml.read(answer.body[answer.body.index(b"<?xml") :]).cues
            found.append([(cue.start, cue.end, cue.text) for cue in cues])
    return found


async def test_a_setting_lists_imsc_instead(home: Path, films: Films) -> None:
    async with running_origin(home, origin__dash_text="stpp", drain__seconds=1) as origin:
        await add(origin, films, "silent")
        await put(origin)
        mpd = valid((await origin.get("/vod/tour/manifest.mpd")).text)
        (text,) = [one for one in mpd.iter(f"{NS}AdaptationSet") if one.get("contentType") == "text"]
        assert text.find(f"{NS}Representation").get("codecs") == "stpp.ttml.im1t"
        template = text.find(f"{NS}Representation/{NS}SegmentTemplate")
        lead = int(template.get("presentationTimeOffset")) / 90
        found = await documents(origin, template, timeline(template))
        expected = [[(500, 1500, "One")], [(3000, 4000, "Over the cut")], [(4000, 5000, "Over the cut")], [SHOWN[2]]]
        assert [[(a - lead, b - lead, text) for a, b, text in row] for row in found] == [
            [(pytest.approx(a, abs=1), pytest.approx(b, abs=1), text) for a, b, text in row] for row in expected
        ]


@pytest.mark.parametrize(
    "top",
    ["/~cbcs/vod/tour/multivariant.m3u8", "/vod/tour/multivariant-ts.m3u8", "/~aes-128/vod/tour/multivariant.m3u8"],
)
async def test_text_is_clear_under_every_protection(origin: Origin, films: Films, top: str) -> None:
    await add(origin, films)
    await put(origin)
    _, texts = await subtitles(origin, top)
    assert shown(texts) == [SHOWN[:1], SHOWN[1:2], SHOWN[1:2], SHOWN[2:]]
    manifest = await origin.get("/~cbcs/vod/tour/manifest.mpd")
    (text,) = [one for one in valid(manifest.text).iter(f"{NS}AdaptationSet") if one.get("contentType") == "text"]
    assert text.find(f"{NS}ContentProtection") is None


async def test_a_text_that_is_replaced_has_another_edition(origin: Origin, films: Films) -> None:
    await add(origin, films)
    top = "/vod/tour/multivariant.m3u8"
    await put(origin)
    first = (await subtitles(origin, top))[0][0].uri
    answer = await put(origin, SRT.replace(b"One", b"Won"))
    assert answer.status == 200
    members, texts = await subtitles(origin, top)
    assert members[0].uri != first and texts[0].cues[0].text == "Won"
    gone = await origin.get(f"/vod/tour/{first}")
    assert gone.status == 410 and gone.headers["Cache-Control"] == "no-store"
    alone = await origin.ask("PUT", "/vod/tour/text/s1?language=de", data=SRT, headers={"If-None-Match": "*"})
    assert alone.status == 409


async def test_it_outlives_a_kill(process: OriginProcess, films: Films) -> None:
    await process.starts()
    await add(process.asker, films)
    assert (await put(process.asker)).status == 201
    before = await process.asker.get("/vod/tour/multivariant.m3u8")
    await process.ends()
    await process.starts()
    assert (await process.asker.get("/vod/tour/multivariant.m3u8")).text == before.text
    assert [track.track for track in (await status(process.asker)).tracks][-1] == "s1"
    assert (await process.asker.ask("DELETE", "/vod/tour/status.json")).status == 204
    await add(process.asker, films)
    assert [track.kind for track in (await status(process.asker)).tracks] == ["video", "audio"]


@pytest.mark.parametrize(
    "body, query, kind, sentence",
    [
        (b"1\n00:00:01,000 --> soon\nx", {}, 422, "line 2: give times as"),
        (b"", {}, 422, "empty"),
        (SRT, {"language": "german!"}, 400, "language: give a tag"),
        (SRT, {"language": ""}, 400, "language: give it"),
        (SRT, {"kind": "lyrics"}, 400, "kind: give subtitles or captions"),
        (SRT, {"forced": "yes"}, 400, "forced: give 0 or 1"),
        (SRT, {"forced": "1", "kind": "captions"}, 400, "only subtitles can be forced"),
        (SRT, {"label": "x" * 101}, 400, "label: give at most 100"),
        (b" " * ((8 << 20) + 1), {}, 413, "at most 8 MB"),
    ],
)
async def test_what_is_refused_changes_nothing(
    origin: Origin, films: Films, body: bytes, query: dict[str, str], kind: int, sentence: str
) -> None:
    await add(origin, films, "silent")
    before = await status(origin)
    answer = await put(origin, body, **query)
    assert (answer.status, sentence in answer.detail) == (kind, True), answer.text
    assert await status(origin) == before


async def test_names_that_are_none(origin: Origin, films: Films) -> None:
    assert (await put(origin)).status == 404, "no such asset"
    await add(origin, films, "silent")
    assert (await put(origin, track="v1")).status == 400
    assert (await origin.ask("DELETE", "/vod/tour/text/s1")).status == 404
    assert (await origin.get("/vod/tour/text/s1")).status == 404, "what was sent is not kept"
    await put(origin)
    edition = (await subtitles(origin, "/vod/tour/multivariant.m3u8"))[0][0].uri.partition("/")[0]
    for below in ("s1/4.vtt", "s1/0.m4s", "s1wvtt/0.vtt", "s1wvtt/4.m4s", "s1stpp/media.m3u8", "s1/media-ts.m3u8"):
        assert (await origin.get(f"/vod/tour/{edition}/{below}")).status == 404, below
    assert (await origin.get(f"/vod/tour/{edition}/s2/0.vtt")).status == 410


async def test_many_that_add_at_once(origin: Origin, films: Films) -> None:
    await add(origin, films, "silent")
    answers = await asyncio.gather(*(put(origin, track=f"s{number}") for number in range(1, 9)))
    assert {answer.status for answer in answers} == {201}
    assert [track.track for track in (await status(origin)).tracks if track.kind == "text"] == [
        f"s{number}" for number in range(1, 9)
    ]


@pytest.fixture
async def served(origin: Origin) -> AsyncIterator[str]:
    """The origin on a TCP port, for programs that know no unix sockets."""

    async def handle(request: web.Request) -> web.Response:
        answer = await origin.get(request.path)
        return web.Response(
            status=answer.status, body=answer.body, headers={"Content-Type": answer.headers["Content-Type"]}
        )

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_ffmpeg_reads_the_subtitles_of_the_playlist(
    origin: Origin, films: Films, served: str, tmp_path: Path
) -> None:
    await add(origin, films)
    await put(origin)
    made = tmp_path / "read.srt"
    url = f"{served}/vod/tour/multivariant.m3u8"
    command = [program("ffmpeg"), "-v", "error", "-strict", "experimental", "-i", url, "-map", "0:s:0", str(made)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = read(made.read_bytes()).cues
    shown = [(cue.end - cue.start, cue.text) for cue in found]
    assert list(dict.fromkeys(shown)) == [(1000, "One"), (2000, "Over the cut"), (500, "Three")]
    assert found[-1].start - found[0].start == 5500, "FFmpeg counts from the picture's first decode time"


def test_languages_are_spelt_as_they_should_be() -> None:
    assert [canonical(tag) for tag in ("DE", "deu", "fre-ca", "zh-hant-tw", "EN-gb", "sr-latn")] == [
        "de",
        "de",
        "fr-CA",
        "zh-Hant-TW",
        "en-GB",
        "sr-Latn",
    ]


def test_a_text_may_say_its_language_itself() -> None:
    text = Text(format="TTML", cues=(), language="fr-ca")
    assert sidecar(text, Offer()).language == "fr-CA" and sidecar(text, Offer(language="de")).language == "de"
    with pytest.raises(Problem):
        sidecar(Text(format="SubRip", cues=()), fields({}))

    assert fields({"language": "de", "forced": "1"}) == Offer(language="de", forced=True)
