"""DASH presentations on real ports: sound ones, and each with one quirk."""

import pytest
from aiohttp import web

from node.clock import SystemClock
from node.probe.answers import Answer
from node.probe.mpd import Node
from node.probe.result import Result, lines
from node.probe.visit import probe
from node.probe.visit_dash import clock
from tests.node.probe import bmff
from tests.node.probe.pairs import rules
from tests.node.probe.stage import CORS, DashChannel, dash_film, served, text

QUIRKS: dict[str, str] = {
    "clock": "live",
    "segment-served": "live",
    "update-publish": "live",
    "update-identity": "live",
    "mpd-type": "text/plain",
}


async def channel(quirk: str = "") -> Result:
    async with served(DashChannel(quirk)) as url:
        return await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0.6, count=2)


async def test_a_sound_channel_breaks_nothing() -> None:
    result = await channel()
    assert result.findings == [] and result.unseen == [], list(lines(result))
    assert result.live and result.rows[0].read == 4 and result.latency_s is not None and 0 <= result.latency_s < 2


async def test_a_sound_film_breaks_nothing() -> None:
    async with served(dash_film()) as url:
        result = await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0, count=-1)
    assert result.findings == [] and not result.live and result.rows[0].read == 3, list(lines(result))


@pytest.mark.parametrize("rule", QUIRKS)
async def test_a_quirk_is_found(rule: str) -> None:
    if QUIRKS[rule] == "live":
        result = await channel(rule)
    else:
        async with served(dash_film(kind=QUIRKS[rule])) as url:
            result = await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0, count=1)
    assert rule in rules(result.findings), list(lines(result))


async def test_a_manifest_that_moves_its_segments() -> None:
    async with served(dash_film(lambda made: made.replace('t="0" d="2000"', 't="0" d="1900"'))) as url:
        result = await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0, count=2)
    assert {"segment-duration", "timeline-cover"} & rules(result.findings) == set()  # within one sample of 0.5 s
    async with served(dash_film(lambda made: made.replace('t="0" d="2000" r="1"', 't="0" d="3000"'))) as url:
        result = await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0, count=2)
    assert {"segment-duration", "segment-time", "max-segment"} <= rules(result.findings), list(lines(result))


@pytest.mark.parametrize("wrong", [False, True])
async def test_an_indexed_track_is_read_by_its_ranges(wrong: bool) -> None:
    head, first, second = bmff.init(), bmff.fragment(0), bmff.fragment(2000)
    index = bmff.sidx((len(first), 2000), (len(second), 2000))
    track = head + index + first + second
    spot = f"{len(head)}-{len(head) + len(index) - 1 - (4 if wrong else 0)}"
    manifest = f"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"
 minBufferTime="PT2S" mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4">
 <Representation id="v1" bandwidth="1" codecs="avc1.42c01e"><BaseURL>track.mp4</BaseURL>
 <SegmentBase indexRange="{spot}" timescale="1000"><Initialization range="0-{len(head) - 1}"/></SegmentBase>
 </Representation></AdaptationSet></Period></MPD>"""

    def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith(".mpd"):
            return text(manifest, "application/dash+xml")
        start, stop = request.http_range.start or 0, request.http_range.stop or len(track)
        return web.Response(status=206, body=track[start:stop], headers=CORS)

    async with served(answer) as url:
        result = await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0, count=2)
    assert rules(result.findings) == ({"sidx"} if wrong else set()), list(lines(result))
    assert result.rows[0].read == (0 if wrong else 2)


async def test_what_is_no_xml_is_a_finding() -> None:
    async with served(dash_film(lambda made: made.removesuffix("</MPD>\n"))) as url:
        result = await probe(f"{url}/manifest.mpd", SystemClock(), seconds=0, count=2)
    assert rules(result.findings) == {"mpd-xml"}


@pytest.mark.parametrize(
    ("scheme", "fields", "body", "good"),
    [
        ("http-head", {"date": "Thu, 01 Jan 2026 00:01:00 GMT"}, b"", True),
        ("http-head", {}, b"", False),
        ("http-iso", {}, b"2026-01-01T00:01:00Z", True),
        ("http-iso", {}, b"2025-01-01T00:01:00Z", False),
    ],
)
def test_clocks(scheme: str, fields: dict[str, str], body: bytes, good: bool) -> None:
    """ISO/IEC 23009-1 5.8.5.7."""
    answer = Answer(url="u", status=200, fields=fields, body=body, now_ms=1_767_225_660_000)
    assert (clock(answer, scheme, Node("UTCTiming", "", 1, {}), "m") == []) is good
