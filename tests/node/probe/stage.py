"""Origins on real ports that do everything right, but for one quirk.

The live one stands still until somebody asks for what comes next: then that part is there. So a probe can follow it as
fast as it asks, and no test waits for a clock.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.node.probe import bmff
from tests.node.probe.manifests import STATIC
from tests.node.probe.pairs import live, vod

PLAYLIST = "application/vnd.apple.mpegurl"
CORS = {"Access-Control-Allow-Origin": "*"}
Edit = Callable[[str], str]


@asynccontextmanager
async def served(handler: Callable[[web.Request], web.StreamResponse]) -> AsyncIterator[str]:
    """The base URL of a server with one handler for every path."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return handler(request)

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def text(body: str, kind: str = PLAYLIST, cache: str = "max-age=1", status: int = 200) -> web.Response:
    return web.Response(text=body, status=status, headers={**CORS, "Content-Type": kind, "Cache-Control": cache})


def media(body: bytes, kind: str = "video/mp4") -> web.Response:
    fields = {**CORS, "Content-Type": kind, "Cache-Control": "max-age=31536000"}
    return web.Response(body=body, headers=fields)


def missing() -> web.Response:
    return web.Response(status=404, headers=CORS)


MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",DEFAULT=YES,AUTOSELECT=YES,URI="b/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=9000,AVERAGE-BANDWIDTH=9000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO="a",CLOSED-CAPTIONS=NONE
a/media.m3u8
"""


class LiveOrigin:
    """Two renditions, a and b, of parts of 0.5 s, four to a segment. `parts` counts all that are there."""

    def __init__(self, quirk: str = "") -> None:
        self.quirk = quirk
        self.parts = 20 * 4 + 2
        self.asked: list[str] = []
        self.told = ""

    def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        path = request.path.strip("/").split("/")
        if path == ["multivariant.m3u8"]:
            return text(MASTER)
        if path[-1] == "media.m3u8":
            return self._playlist(request, path[0])
        if path[-1] == "i.mp4":
            return media(bmff.init(video=path[0] == "a"))
        return self._media(path[-1])

    def _playlist(self, request: web.Request, name: str) -> web.Response:
        asked = request.query
        number = int(asked.get("_HLS_msn", -1))
        if "_HLS_part" in asked and number < 0:
            return text("no", status=200 if self.quirk == "block-part-alone" else 400)
        if number > self.parts // 4 + 2:
            return text("no", status=200 if self.quirk == "block-far" else 400)
        if number >= 0 and self.quirk != "block-answer":
            self.parts = max(self.parts, number * 4 + int(asked.get("_HLS_part", 3)) + 1)
        number, part = divmod(self.parts, 4)
        other = "b" if name == "a" else "a"
        last = f"LAST-MSN={number},LAST-PART={part - 1}" if part else f"LAST-MSN={number - 1},LAST-PART=3"
        if self.quirk == "report-ahead":
            last = f"LAST-MSN={number + 9},LAST-PART=0"
        made = live(number - 8, 8, part, tail=f'#EXT-X-RENDITION-REPORT:URI="../{other}/media.m3u8",{last}')
        if "_HLS_skip" in asked:
            made = _delta(made, number - 8, 2 if self.quirk != "delta-boundary" else 6)
        return text(made, cache="max-age=1" if "_HLS_msn" not in asked else "max-age=12")

    def _media(self, file: str) -> web.Response:
        number, _, part = file.removesuffix(".m4s").partition(".")
        if self.quirk == "listed-served" and not part:
            return missing()
        if self.quirk == "hint-served" and part and f"{file} " not in self.told:
            self.told += f"{file} "  # not there when it is hinted, only later
            return missing()
        shift = 700 if self.quirk == "media-jump" and int(number) % 2 else 0
        every = range(4) if not part else [int(part)]
        return media(b"".join(bmff.fragment(int(number) * 2000 + p * 500 + shift, (500,), sync=p == 0) for p in every))


class Restarted:
    """A channel without parts, in segments of 1 s, that begins anew with lower numbers after its first answer.

    `lag`: only every second answer is older, as one of two caches would give it.
    """

    def __init__(self, *, lag: bool) -> None:
        self.lag, self.answers = lag, 0

    def __call__(self, request: web.Request) -> web.StreamResponse:
        file = request.path.rpartition("/")[2]
        if file == "i.mp4":
            return media(bmff.init())
        if file != "media.m3u8":
            return media(bmff.fragment(int(file.removesuffix(".m4s")) * 1000, (250,) * 4))
        self.answers += 1
        number = 100 + self.answers // 2 - (1 if self.lag and self.answers % 2 else 0)
        if not self.lag and self.answers > 1:
            number = self.answers
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{number}"]
        lines += ["#EXT-X-INDEPENDENT-SEGMENTS", '#EXT-X-MAP:URI="i.mp4"']
        for at in range(number, number + 8):
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{_stamp(at)}", "#EXTINF:1.0,", f"{at}.m4s"]
        return text("\n".join([*lines, ""]))


def _delta(full: str, first: int, skipped: int) -> str:
    lines = full.replace("VERSION:6", "VERSION:9").split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("#EXT-X-MAP"))
    kept = lines.index(f"{first + skipped - 1}.m4s") + 1
    return "\n".join([*lines[:at], f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}", *lines[kept:]])


def film(edit: Edit = str, kind: str = PLAYLIST) -> Callable[[web.Request], web.StreamResponse]:
    """An on demand playlist of two segments of 4 s. `edit` changes its text."""

    def answer(request: web.Request) -> web.StreamResponse:
        file = request.path.rpartition("/")[2]
        if file == "media.m3u8":
            return text(edit(vod()), kind)
        if file == "i.mp4":
            return media(bmff.init())
        number = file.removesuffix(".m4s")
        return media(bmff.fragment(int(number) * 4000, (500,) * 8)) if number.isdecimal() else missing()

    return answer


def dash_film(edit: Edit = str, kind: str = "application/dash+xml") -> Callable[[web.Request], web.StreamResponse]:
    def answer(request: web.Request) -> web.StreamResponse:
        file = request.path.rpartition("/")[2]
        if file == "manifest.mpd":
            return text(edit(STATIC), kind)
        if file == "init.mp4":
            return media(bmff.init())
        number = file.removesuffix(".m4s")
        return media(bmff.fragment(int(number) * 2000)) if number in ("0", "1", "2") else missing()

    return answer


class DashChannel:
    """Segments of 0.5 s by the wall clock, ten of them listed; the manifest is to be fetched every 0.5 s."""

    def __init__(self, quirk: str = "") -> None:
        self.quirk = quirk

    def __call__(self, request: web.Request) -> web.StreamResponse:
        file = request.path.rpartition("/")[2]
        if file == "manifest.mpd":
            return text(self._manifest(), "application/dash+xml")
        if file == "time":
            return text("noon" if self.quirk == "clock" else _stamp(time.time()), "text/plain")
        if file == "init.mp4":
            return media(bmff.init())
        if self.quirk == "segment-served":
            return missing()
        return media(bmff.fragment(int(file.removesuffix(".m4s")) * 500, (125,) * 4))

    def _manifest(self) -> str:
        newest = int(time.time() * 2) - 1
        published = 0 if self.quirk == "update-publish" else newest / 2
        shift = newest % 2 if self.quirk == "update-identity" else 0
        return f"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011"
 type="dynamic" minBufferTime="PT1S" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="{_stamp(published)}"
 minimumUpdatePeriod="PT0.5S" timeShiftBufferDepth="PT5S" maxSegmentDuration="PT0.5S">
 <Period id="p0" start="PT{shift}S"><AdaptationSet id="0" contentType="video" mimeType="video/mp4">
  <Representation id="v1" bandwidth="1000" codecs="avc1.42c01e">
   <SegmentTemplate timescale="1000" startNumber="{newest - 9}" initialization="init.mp4" media="$Number$.m4s">
    <SegmentTimeline><S t="{(newest - 9) * 500}" d="500" r="9"/></SegmentTimeline></SegmentTemplate>
  </Representation></AdaptationSet></Period>
 <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="time"/>
</MPD>
"""


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
