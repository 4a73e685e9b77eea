"""A viewer who speaks the protocols and judges what comes: HLS with parts and blocking reloads, or DASH.

It asks an edge for everything, as a player would: it starts near the live edge, follows every track, asks again when
an answer is a fault, and never asks twice for what it has. What it finds is in `playback`:
tracks with their holes, faults, latencies; `complaints` are broken promises of playlists (RFC 8216bis 6.2.1, 6.2.2).
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import aiohttp

from tests.kit.dash import Schedule, read_manifest
from tests.kit.fragments import read_fragments, read_init
from tests.kit.hls import Piece, read_media, read_multivariant
from tests.kit.playback import Playback, Track

_RETRY_S = 0.3
_SLOWEST_ANSWER_S = 30


class Viewer:
    """`async with Viewer(url) as viewer: await viewer.has_played(10)`; `url` ends in .m3u8 or .mpd."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.playback = Playback()
        self.complaints: list[str] = []
        self.requests = 0
        self.multivariant = ""
        self._inits: dict[str, bytes] = {}
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_SLOWEST_ANSWER_S), auto_decompress=False
        )
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="viewer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None and self._session is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._session.close()
        if kind is None and not self._task.cancelled() and (broken := self._task.exception()):
            raise broken

    async def has_played(self, seconds: float, within: float = 60) -> Playback:
        """Wait until every track has so many seconds of media; raises what broke the viewer meanwhile."""
        assert self._task is not None
        until = time.monotonic() + within
        while self.playback.seconds < seconds:
            if self._task.done():
                self._task.result()
                raise AssertionError(f"it ended after {self.playback.seconds:.2f} s of {seconds:g} s\n{self.story()}")
            left = until - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self.playback.seconds:.2f} s of media in {within:g} s\n{self.story()}")
            await self._wait(min(left, 0.5))
        return self.playback

    async def ends(self, within: float = 120) -> Playback:
        """Wait until everything is played: on demand, or a live stream that has ended."""
        assert self._task is not None
        done, _ = await asyncio.wait([self._task], timeout=within)
        assert done, f"it has not ended within {within:g} s\n{self.story()}"
        self._task.result()
        return self.playback

    def story(self) -> str:
        lines = [f"viewer of {self.url}: {self.requests} requests"]
        for name, track in self.playback.tracks.items():
            lines.append(f"  {name}: {track.seconds:.2f} s, numbers {track.numbers[:2]}..{track.numbers[-2:]}")
        lines += [f"  fault: {fault}" for fault in self.playback.faults[-8:]]
        lines += [f"  hole: {hole}" for hole in self.playback.holes[:8]]
        return "\n".join([*lines, *[f"  complaint: {text}" for text in self.complaints[:8]]])

    async def _watch(self) -> None:
        if self.url.endswith(".mpd"):
            await self._watch_dash()
            return
        self.multivariant = await self._text(self.url)
        async with asyncio.TaskGroup() as group:
            for name, uri in read_multivariant(self.multivariant):
                self.playback.tracks[name] = Track(name)
                group.create_task(self._follow_hls(self.playback.tracks[name], urljoin(self.url, uri)))

    async def _follow_hls(self, track: Track, url: str) -> None:
        playlist = read_media(await self._text(url))
        at = playlist.start()
        while True:
            for piece in playlist.after(at):
                await self._take(track, url, piece)
                at = piece.next
            if playlist.ended:
                return
            if not playlist.blocking:
                await asyncio.sleep(playlist.target_s / 2)
            at = playlist.place(at)
            newer = read_media(await self._text(url + (at.directives if playlist.blocking else "")))
            if playlist.blocking and not newer.ended and not newer.reaches(at):
                self.complaints.append(f"{track.name}: a reload for {at} was answered before it was there")
                await asyncio.sleep(_RETRY_S)
            self.complaints += [f"{track.name}: {text}" for text in newer.broken_promises(playlist)]
            playlist = newer

    async def _take(self, track: Track, url: str, piece: Piece) -> None:
        if piece.part == 0:
            if track.numbers and piece.number != track.numbers[-1] + 1:
                self.complaints.append(f"{track.name}: {piece.number} follows {track.numbers[-1]}")
            track.numbers.append(piece.number)
        if piece.gap:
            track.expected = None
            return
        await self._init(track, urljoin(url, piece.init))
        self._feed(track, await self._bytes(urljoin(url, piece.uri)), piece.uri, piece.discontinuity)
        await self._tell()

    def _feed(self, track: Track, body: bytes, what: str, break_allowed: bool) -> None:
        assert track.init is not None
        fragments = read_fragments(body, track.init)
        assert fragments, f"{what} holds no fragment"
        track.take(fragments, time.monotonic(), what, break_allowed=break_allowed)
        media_end = fragments[-1].end / track.init.timescale
        if media_end > 1e9:  # live: media time is epoch time
            self.playback.latencies.append(time.time() - media_end)

    async def _init(self, track: Track, url: str) -> None:
        if url not in self._inits:
            self._inits[url] = await self._bytes(url)
        track.init = read_init(self._inits[url])

    async def _watch_dash(self) -> None:
        nexts: dict[str, int] = {}
        while True:
            schedule = read_manifest(await self._text(self.url), time.time())
            if not schedule.rows:
                self.complaints.append("a manifest without a Period (ISO/IEC 23009-1 5.3.1.2)")
            async with asyncio.TaskGroup() as group:
                for name in schedule.names():
                    group.create_task(self._take_dash(schedule, name, nexts))
            if not schedule.live:
                return
            await asyncio.sleep(schedule.update_s)

    async def _take_dash(self, schedule: Schedule, name: str, nexts: dict[str, int]) -> None:
        """Every period's segments of one representation that were not fetched yet; a new period may break the times."""
        track = self.playback.tracks.setdefault(name, Track(name))
        nexts.setdefault(name, schedule.start(name))
        for row in schedule.of(name):
            for segment in row.segments:
                if segment.number < nexts[name]:
                    continue
                await self._init(track, urljoin(self.url, row.init))
                assert track.init is not None
                body = await self._bytes(urljoin(self.url, row.uri(segment)))
                first = min(fragment.earliest for fragment in read_fragments(body, track.init)) / track.init.timescale
                if abs(first - segment.time / row.timescale) > row.tolerance_s:
                    self.complaints.append(f"{name}: {segment.number} begins at {first}, the manifest says {segment}")
                self._feed(track, body, row.uri(segment), segment.after_break or segment is row.segments[0])
                track.numbers.append(segment.number)
                nexts[name] = segment.number + 1
                await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self, seconds: float) -> None:
        assert self._task is not None
        async with self._changed:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def _text(self, url: str) -> str:
        return (await self._bytes(url)).decode()

    async def _bytes(self, url: str) -> bytes:
        """The body of a 200; a fault is noted and asked again, as players do."""
        assert self._session is not None
        while True:
            self.requests += 1
            try:
                async with self._session.get(url) as response:
                    body = await response.read()
                    if response.status == 200:
                        return body
                    fault = f"{response.status} {body[:120]!r}"
            except (aiohttp.ClientError, TimeoutError) as broken:
                fault = type(broken).__name__
            self.playback.faults.append(f"{url.rpartition('/live/')[2] or url}: {fault}")
            await asyncio.sleep(_RETRY_S)
