"""Visits a DASH presentation: fetches what the rules need, and hands it to them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urljoin

from node.probe import answers, dash_segments, manifest, segments, updates
from node.probe.answers import Answer
from node.probe.boxes import Broken, Init, fragments, init
from node.probe.fetch import Fetch, Spent
from node.probe.mpd import Malformed, Manifest, Node, Representation, Slot, duration, parse
from node.probe.mpd import manifest as read_manifest
from node.probe.playlist import date
from node.probe.result import Result, Row
from node.probe.rules import Finding
from node.probe.sidx import sidx

_T = TypeVar("_T")
_SEGMENT_BYTES = 512 << 20
_CLOCKS = "urn:mpeg:dash:utc:"
_COPIES = 3  # this many older readings on end are no accident
_FAR_S = 3600.0  # a clock that is this far off does not tell the time


@dataclass(slots=True, kw_only=True)
class Visit:
    """`count`: segments to read at either end of each Representation, -1: all. `seconds`: how long to follow."""

    fetch: Fetch
    result: Result
    seconds: float
    count: int
    inits: dict[str, Init | None] = field(default_factory=dict)
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    found: dict[tuple[str, str], Init] = field(default_factory=dict)

    async def run(self, root: Answer) -> None:
        self.result.form = "DASH manifest"
        if root.type != "application/dash+xml":
            self.result.add([Finding("mpd-type", root.url, 0, root.type or "no Content-Type", "application/dash+xml")])
        self.result.add(answers.cors(root))
        now = self._read(root)
        if now is None:
            return
        self.result.live = now.dynamic
        try:
            if now.dynamic:
                await self._clocks(now)
                now = await self._follow(now, root)
            for one in now.representations:
                await self._representation(one)
        except Spent as bound:
            self.result.unseen.append(str(bound))
        self._facts(now)

    def _read(self, answer: Answer) -> Manifest | None:
        try:
            node = parse(answer.body)
        except Malformed as fault:
            self.result.add([Finding("mpd-xml", answer.url, 0, str(fault))])
            return None
        wrong = list(manifest.root(node, answer.url))
        self.result.add(wrong)
        if node.name != "MPD":
            return None
        found = read_manifest(node, answer.url)
        self.result.add(manifest.check(found, answer.now_ms / 1000))
        return found

    # Over time

    async def _clocks(self, found: Manifest) -> None:
        for timing in found.node.all("UTCTiming"):
            scheme = timing.get("schemeIdUri").removeprefix(_CLOCKS).partition(":")[0]
            if timing.get("schemeIdUri").startswith(_CLOCKS) and scheme in ("http-xsdate", "http-iso", "http-head"):
                for value in timing.get("value").split():
                    answer = await self.fetch.get(urljoin(found.url, value))
                    self.result.add(clock(answer, scheme, timing, found.url))
            elif scheme == "direct" and date(timing.get("value")) is None:
                self.result.add([Finding("clock", found.url, timing.line, timing.get("value"), "a time")])

    async def _follow(self, now: Manifest, answer: Answer) -> Manifest:
        until = self.fetch.clock.monotonic() + self.seconds
        url = self._location(now, answer)
        body, seen = answer.body, _newest(now, answer.now_ms / 1000)
        changed = answer.ended
        behind = 0
        while now.dynamic and now.update is not None and self.fetch.clock.monotonic() < until:
            await asyncio.sleep(max(0.5, min(now.update, until - self.fetch.clock.monotonic())))
            again = await self.fetch.get(url)
            if not again.ok:
                self.result.add([Finding("segment-served", url, 0, _said(again), "200")])
                continue
            later = self._read(again)
            if later is None:
                continue
            utc = again.now_ms / 1000
            # one older copy may come from another cache; a manifest that stays behind went back
            behind = behind + 1 if _published(later) < _published(now) else 0
            if 0 < behind < _COPIES:
                continue
            self.result.add(updates.check(now, later, changed=again.body != body, now=utc))
            newest = _newest(later, utc)
            if newest > seen:
                seen, changed = newest, again.ended
            longest = duration(later.node.get("maxSegmentDuration")) or 0.0
            self.result.add(updates.late(again.ended - changed, longest, later))
            now, body = later, again.body
        return now

    def _location(self, found: Manifest, answer: Answer) -> str:
        location = found.node.first("Location")
        return urljoin(answer.url, location.text.strip()) if location else answer.url

    # Media

    async def _representation(self, one: Representation) -> None:
        if one.segment_base is not None:
            await self._indexed(one, one.segment_base)
            return
        if not one.template:
            self.result.unseen.append(f"Representation {one.id}: it has no SegmentTemplate")
            return
        head = await self._init(one)
        slots = one.slots(self.fetch.clock.now_ms() / 1000)
        for slot in _ends(slots, self.count):
            url = one.url(one.template.get("media", ""), slot)
            answer = await self.fetch.get(url, most=_SEGMENT_BYTES)
            if not answer.ok:
                self.result.add(
                    [Finding("segment-served", one.period.manifest.url, slot.line, f"{_said(answer)} for {url}", "200")]
                )
                continue
            form = "image" if one.image else "mp4"
            self.result.add(answers.media(answer, form, slot.duration / one.timescale))
            key = (one.period.id, one.id)
            self.read[key] = self.read.get(key, 0) + 1
            if not one.image:
                self._segment(answer, head, slot, one)

    def _segment(self, answer: Answer, head: Init | None, slot: Slot, one: Representation) -> None:
        try:
            found = fragments(answer.body, head)
        except Broken as fault:
            self.result.add([Finding("dash-moof", answer.url, 0, str(fault))])
            return
        self.result.add(dash_segments.fragment(found, answer.url))
        seen = segments.look(found, head) if head else None
        if seen:
            self.result.add(dash_segments.segment(seen, slot, one))

    async def _init(self, one: Representation) -> Init | None:
        name = one.template.get("initialization", "")
        if not name:
            return None  # a self-initializing format
        url = one.url(name)
        if url not in self.inits:
            self.inits[url] = await self._head(one, url)
        head = self.inits[url]
        if head is not None:
            self.found[(one.period.id, one.id)] = head
        return head

    async def _head(self, one: Representation, url: str, start: int = -1, length: int = -1) -> Init | None:
        answer = await self.fetch.get(url, start=start, length=length, most=_SEGMENT_BYTES)
        if not answer.ok:
            line = one.template_line or one.node.line
            self.result.add(
                [Finding("segment-served", one.period.manifest.url, line, f"{_said(answer)} for {url}", "200")]
            )
            return None
        try:
            body = answer.body if answer.status == 206 or start < 0 else answer.body[start : start + length]
            found = init(body)
        except Broken as fault:
            self.result.add([Finding("dash-init", url, 0, str(fault))])
            return None
        self.result.add(dash_segments.init_segment(found, one, url))
        return found

    async def _indexed(self, one: Representation, base: Node) -> None:
        """On demand: init and sidx by their ranges, then subsegments at both ends (timing model 18.1)."""
        url, where = one.base, one.period.manifest.url
        begin, _, end = base.get("indexRange").partition("-")
        if not begin.isdecimal() or not end.isdecimal():
            self.result.add([Finding("sidx", where, base.line, f"indexRange={base.get('indexRange')!r}")])
            return
        first, last = int(begin), int(end)
        named = base.first("Initialization")
        start, _, stop = (named.get("range") if named else f"0-{first - 1}").partition("-")
        head = await self._head(one, url, int(start or 0), int(stop or 0) - int(start or 0) + 1)
        if head is not None:
            self.found[(one.period.id, one.id)] = head
        answer = await self._range(url, first, last - first + 1)
        try:
            index = sidx(answer.body)
        except Broken as fault:
            self.result.add([Finding("sidx", where, base.line, f"{fault} at {first}-{last} of {url}")])
            return
        self.result.add(dash_segments.index(index, one, base))
        at = last + 1 + index.first
        rows = []
        for size, _, _ in index.entries:
            rows.append((at, size))
            at += size
        for begin_at, size in _ends(rows, self.count):
            piece = await self._range(url, begin_at, size)
            self.read[(one.period.id, one.id)] = self.read.get((one.period.id, one.id), 0) + 1
            try:
                self.result.add(dash_segments.fragment(fragments(piece.body, head), url))
            except Broken as fault:
                self.result.add([Finding("dash-moof", url, 0, f"{fault}, of {begin_at}-{begin_at + size - 1}")])

    async def _range(self, url: str, start: int, length: int) -> Answer:
        return await self.fetch.get(url, start=start, length=length, most=_SEGMENT_BYTES)

    def _facts(self, now: Manifest) -> None:
        utc = self.fetch.clock.now_ms() / 1000
        for one in now.representations:
            slots = one.slots(utc)
            head = self.found.get((one.period.id, one.id))
            main = head.main if head else None
            kind = one.said("contentType") or one.said("mimeType").partition("/")[0]
            self.result.rows.append(
                Row(
                    name=f"{one.period.id or 'Period'}/{one.id}",
                    kind=kind + (f" {main.width}x{main.height}" if main and main.width else ""),
                    codec=one.said("codecs"),
                    seconds=sum(slot.duration for slot in slots) / one.timescale,
                    segments=len(slots),
                    read=self.read.get((one.period.id, one.id), 0),
                )
            )
        facts = {
            "profiles": now.node.get("profiles"),
            "window": now.node.get("timeShiftBufferDepth"),
            "suggested delay": now.node.get("suggestedPresentationDelay"),
            "update period": now.node.get("minimumUpdatePeriod"),
        }
        self.result.facts |= {name: value for name, value in facts.items() if value}
        if now.dynamic and (newest := _newest(now, utc)):
            self.result.latency_s = utc - newest


def clock(answer: Answer, scheme: str, timing: Node, url: str) -> list[Finding]:
    """The answer of a UTCTiming URL: a time, not far from now (timing model 13.1)."""
    told: float | None
    if scheme == "http-head":
        try:
            told = parsedate_to_datetime(answer.fields.get("date", "")).replace(tzinfo=UTC).timestamp()
        except ValueError:
            told = None
    else:
        told = date(answer.body[:64].decode("ascii", "replace").strip())
    if answer.ok and told is not None and abs(told - answer.now_ms / 1000) < _FAR_S:
        return []
    said = f"{_said(answer)} from {answer.url}: {answer.body[:40]!r}"
    return [Finding("clock", url, timing.line, said, "the time")]


def _said(answer: Answer) -> str:
    return f"status {answer.status}" if answer.status else answer.fields.get("x-reason", "no answer")


def _published(found: Manifest) -> float:
    return date(found.node.get("publishTime")) or 0.0


def _newest(found: Manifest, now: float) -> float:
    """When the newest segment that is announced ends, UTC."""
    ends = [
        found.start + one.period.start + (slots[-1].time + slots[-1].duration - one.offset) / one.timescale
        for one in found.representations
        if not one.image and (slots := one.slots(now))
    ]
    return max(ends, default=0.0)


def _ends(rows: list[_T], count: int) -> list[_T]:
    if count < 0 or len(rows) <= 2 * count:
        return rows
    return rows[:count] + rows[len(rows) - count :]
