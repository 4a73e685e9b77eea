"""Follows the media playlists of a live HLS presentation: reloads, blocking reloads, hints, deltas, reports."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from node.probe import answers, media, reloads, text, together
from node.probe import segments as rules
from node.probe.answers import Answer
from node.probe.boxes import Init
from node.probe.fetch import Fetch
from node.probe.playlist import Media, read
from node.probe.playlist import media as read_media
from node.probe.result import Result
from node.probe.rules import Finding

_SEGMENT_BYTES = 512 << 20
_WAIT_TARGETS = 3.5  # a blocking reload is given up after this many target durations (6.2.5.2: 3)


@dataclass(slots=True)
class Rendition:
    """One media playlist over the visit. `now` is the newest full reading.

    A plain reload may come from another cache than the one before, and be older, which breaks no rule. `behind` says
    since when readings are older than `now` (monotonic, 0: they are not): a playlist that stays behind went back.
    """

    url: str
    now: Media
    variables: Mapping[str, str]
    behind: float = 0.0
    inits: dict[tuple[str, int, int], Init | None] = field(default_factory=dict)
    read: dict[int, rules.Look] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    changed: float = 0.0  # when something new was last seen: monotonic, and UTC in ms
    changed_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Follow:
    """`seconds`: how long to follow. What is found goes into `result`."""

    fetch: Fetch
    result: Result
    seconds: float

    def read(self, answer: Answer, variables: Mapping[str, str], *, delta: bool = False) -> Media:
        """A media playlist, judged by itself."""
        # the query of a reload is no part of what relative URIs count from, nor of the place that findings name
        plain = urlsplit(answer.url)._replace(query="").geturl() if "_HLS_" in answer.url else answer.url
        document = read(answer.body.decode(errors="replace"), plain, variables)
        self.result.add(text.check(document, delta=delta))
        found = read_media(document)
        if not delta:
            self.result.add(media.check(found))
        return found

    async def all(self, renditions: Sequence[Rendition]) -> None:
        """Follows every live one for `seconds`, then asks what a server refuses and reports."""
        live = [r for r in renditions if not r.now.ended]
        until = self.fetch.clock.monotonic() + self.seconds
        await every(*(self._follow(r, until) for r in live))
        for rendition in live:
            await self._doors(rendition)
        for rendition in live:
            await self._reports(rendition, live)

    async def _follow(self, rendition: Rendition, until: float) -> None:
        while not rendition.now.ended and self.fetch.clock.monotonic() < until:
            before = rendition.now
            if before.blocking:
                await self._blocking_reload(rendition)
            else:
                last = before.segments[-1].duration if before.segments else before.target
                same = rendition.changed < self.fetch.clock.monotonic() - last  # 6.3.4
                await asyncio.sleep(max(0.2, before.target / 2 if same else last))
                await self.reload(rendition)
            quiet = self.fetch.clock.monotonic() - rendition.changed
            self.result.add(reloads.late(quiet, rendition.now))

    async def reload(self, rendition: Rendition) -> None:
        answer = await self.fetch.get(rendition.url)
        if not answer.ok:
            self.result.add([unserved(rendition.url, 0, answer)])
            return
        self._newer(rendition, self.read(answer, rendition.variables), answer)

    def _newer(self, rendition: Rendition, found: Media, answer: Answer) -> None:
        now = rendition.now
        if not found.has(*now.last):
            kept = answers.lifetime(answer.fields) or 0
            if not rendition.behind:
                rendition.behind = answer.began
            elif answer.began - rendition.behind > kept + now.target:
                self.result.add(reloads.check(now, found))
            return
        rendition.behind = 0.0
        self.result.add(reloads.check(now, found))
        if found.has(*now.next) or found.ended:
            rendition.changed, rendition.changed_ms = answer.ended, answer.now_ms
        rendition.now = found

    async def _blocking_reload(self, rendition: Rendition) -> None:
        """Asks for what comes next and, at once, for what is hinted."""
        before = rendition.now
        number, part = before.next
        asked = (number, part if before.low_latency else -1)
        patience = _WAIT_TARGETS * max(before.target, 1.0)
        query = f"_HLS_msn={number}" + (f"&_HLS_part={part}" if before.low_latency else "")
        hinted = before.absolute(before.hint) if before.hint else ""
        answer, came = await asyncio.gather(
            self.fetch.get(_with(rendition.url, query), answer_s=patience),
            self._hinted(hinted, patience),
        )
        if not answer.ok:
            if answer.status != 503:  # 503 is what a server says that has waited long enough (6.2.5.2)
                self.result.add([unserved(answer.url, 0, answer)])
            await asyncio.sleep(max(0.2, before.target / 2))
            await self.reload(rendition)
            return
        found = self.read(answer, rendition.variables)
        self.result.add(reloads.blocked(asked, found, answer.ended - answer.began))
        self.result.add(answers.live(answer, found.target, blocking=True))
        # a hint may be withdrawn: then the part came under another name, or not at all
        if came is not None and not came.ok and any(_uri_listed(found, before.hint)):
            self.result.add([Finding("hint-served", hinted, 0, said(came), "200")])
        self._newer(rendition, found, answer)

    async def _hinted(self, url: str, patience: float) -> Answer | None:
        return await self.fetch.get(url, answer_s=patience, most=_SEGMENT_BYTES) if url else None

    async def _doors(self, rendition: Rendition) -> None:
        """What a server refuses, and what it leaves out of a delta update."""
        now = rendition.now
        if now.ended or not now.blocking:
            return
        alone = await self.fetch.get(_with(rendition.url, "_HLS_part=0"), answer_s=5)
        self.result.add(reloads.refused("block-part-alone", rendition.url, alone.status))
        far = await self.fetch.get(_with(rendition.url, f"_HLS_msn={now.last[0] + 100}"), answer_s=5)
        self.result.add(reloads.refused("block-far", rendition.url, far.status))
        if now.skip_until:
            full = await self.fetch.get(rendition.url)
            short = await self.fetch.get(_with(rendition.url, "_HLS_skip=YES"))
            if full.ok and short.ok:
                whole = self.read(full, rendition.variables)
                self.result.add(reloads.delta(whole, self.read(short, rendition.variables, delta=True)))
                self._newer(rendition, whole, full)

    async def _reports(self, rendition: Rendition, live: Sequence[Rendition]) -> None:
        """Reads this playlist, and then all others: what it told of them has to be there."""
        if not rendition.now.document.all("EXT-X-RENDITION-REPORT"):
            return
        await self.reload(rendition)
        told = rendition.now
        others = [r for r in live if r is not rendition and not r.now.ended]
        for other in others:
            # a report may be newer than a plain reload that a cache holds: ask past it
            number, part = other.now.next
            query = f"_HLS_msn={number}" + (f"&_HLS_part={part}" if other.now.low_latency else "")
            answer = await self.fetch.get(_with(other.url, query) if other.now.blocking else other.url)
            if answer.ok:
                self._newer(other, self.read(answer, other.variables), answer)
        self.result.add(together.reports(told, {other.now.url: other.now for other in others}))


async def every(*work: Coroutine[Any, Any, None]) -> None:
    """All of it at once; what one raises is raised when all have ended."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _with(url: str, query: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"


def said(answer: Answer) -> str:
    return f"status {answer.status}" if answer.status else answer.fields.get("x-reason", "no answer")


def unserved(url: str, line: int, answer: Answer) -> Finding:
    return Finding("listed-served", url, line, f"{said(answer)} for {answer.url}", "200")


def _uri_listed(found: Media, uri: str) -> list[bool]:
    return [True for segment in found.listed for part in segment.parts if part.uri == uri]
