"""Visits an HLS presentation: fetches what the rules need, and hands it to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from node.probe import answers, ciphers, multivariant, text, together
from node.probe import segments as rules
from node.probe.answers import Answer
from node.probe.boxes import Broken, Init, fragments, init
from node.probe.fetch import Fetch, Spent
from node.probe.follow_hls import Follow, Rendition, every, unserved
from node.probe.playlist import Media, Range, Segment, Tag, read
from node.probe.result import Result, Row
from node.probe.rules import Finding
from node.probe.variants import Multivariant
from node.probe.variants import multivariant as read_multivariant

_SEGMENT_BYTES = 512 << 20


@dataclass(slots=True, kw_only=True)
class Visit:
    """`count`: segments to read at either end of each playlist, -1: all. `seconds`: how long to follow a live one."""

    fetch: Fetch
    result: Result
    seconds: float
    count: int
    renditions: list[Rendition] = field(default_factory=list)
    master: Multivariant | None = None
    keys: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def _follow(self) -> Follow:
        return Follow(fetch=self.fetch, result=self.result, seconds=self.seconds)

    async def run(self, root: Answer) -> None:
        self._playlist_answer(root)
        document = read(root.body.decode(errors="replace"), root.url)
        self.result.add(text.check(document))
        if document.is_multivariant:
            self.result.form = "HLS multivariant playlist"
            self.master = read_multivariant(document)
            self.result.add(multivariant.check(self.master))
            await every(*(self._first(url, document.variables) for url in self.master.playlists))
            order = {url: at for at, url in enumerate(self.master.playlists)}
            self.renditions.sort(key=lambda r: order.get(r.url, 0))
        else:
            self.result.form = "HLS media playlist"
            self._met(root.url, root, {})
        self.result.live = any(not r.now.ended for r in self.renditions)
        self.result.add(together.check([r.now for r in self.renditions], self._subtitles()))
        try:
            if self.result.live:
                await self._follow.all(self.renditions)
            for rendition in self.renditions:
                await self._segments(rendition)
        except Spent as bound:
            self.result.unseen.append(str(bound))
        self._beside()
        self._facts()

    def _subtitles(self) -> frozenset[str]:
        if self.master is None:
            return frozenset()
        tags = (tag for tag in self.master.renditions if tag.get("TYPE") == "SUBTITLES")
        return frozenset(self.master.absolute(tag.get("URI")) for tag in tags)

    def _playlist_answer(self, answer: Answer) -> None:
        self.result.add(answers.playlist(answer))
        self.result.add(text.encoding(answer.body, answer.url))

    async def _first(self, url: str, variables: Mapping[str, str]) -> None:
        answer = await self.fetch.get(url)
        if not answer.ok:
            self.result.add([unserved(url, 0, answer)])
            return
        self._met(url, answer, variables)

    def _met(self, url: str, answer: Answer, variables: Mapping[str, str]) -> None:
        self._playlist_answer(answer)
        found = self._follow.read(answer, variables)
        if not found.ended:
            self.result.add(answers.live(answer, found.target, blocking=False))
        self.renditions.append(Rendition(url, found, variables, changed=answer.ended, changed_ms=answer.now_ms))

    # Media

    async def _segments(self, rendition: Rendition) -> None:
        now = rendition.now
        if not now.ended:  # the window has moved while others were read
            await self._follow.reload(rendition)
            now = rendition.now
        chosen = _ends([s for s in now.segments if not s.gap], self.count)
        before: tuple[Segment, rules.Look] | None = None
        offsets: list[tuple[int, float, int]] = []
        for segment in chosen:
            seen = await self._segment(rendition, segment)
            if seen is None:
                before = None
                continue
            rendition.read[segment.number] = seen
            if before and before[0].number == segment.number - 1:
                self.result.add(rules.follows(before[1], seen, segment, now.url))
            before = (segment, seen)
            if segment.date is not None:
                offsets.append((segment.discontinuity_number, segment.date - seen.presented, segment.line))
        self.result.add(rules.dates(offsets, now.url))

    async def _segment(self, rendition: Rendition, segment: Segment) -> rules.Look | None:
        now = rendition.now
        url = now.absolute(segment.uri)
        answer = await self._media(url, segment.range)
        if not answer.ok:
            # what has left the listing since may be gone some time later; what is listed may not
            self.result.add([unserved(now.url, segment.line, answer)])
            return None
        rendition.sizes[segment.number] = len(answer.body)
        self.result.add(rules.bitrate(segment, len(answer.body), now.url))
        if ciphers.is_whole(segment.keys):
            clear = await self._clear(rendition, segment.keys, segment.number, answer.body, url)
            if clear is None:
                return None
            answer = replace(answer, body=clear)
        if rules.is_transport(answer.body):
            self.result.add(answers.media(answer, "ts", now.target))
            self.result.add(rules.transport(answer.body, url, has_map=segment.map is not None))
            return None
        if not rules.is_fragmented(answer.body):
            self.result.add(rules.other(answer.body, url))
            return None
        self.result.add(answers.media(answer, "mp4", now.target))
        if segment.map is None:
            self.result.add([Finding("map-missing", now.url, segment.line, segment.uri)])
            return None
        head = await self._init(rendition, segment)
        if head is None:
            return None
        seen = self._look(answer.body, head, url, cut=now.iframes)
        if seen is not None:
            self.result.add(
                rules.segment(seen, segment, now.url, independent=self._independent(now), iframes=now.iframes)
            )
            await self._parts(rendition, segment, seen, head)
        return seen

    async def _clear(
        self, rendition: Rendition, keys: Sequence[Tag], number: int, body: bytes, url: str
    ) -> bytes | None:
        """What was ciphered as a whole; None if its key is not handed out, or it is not well ciphered."""
        tag = ciphers.open_key(keys)
        key = await self._key(rendition.now.absolute(tag.get("URI"))) if tag else None
        iv = ciphers.iv_of(tag, number) if tag else None
        if key is None or iv is None:
            note = f"{rendition.url}: segments are encrypted as a whole"
            if note not in self.result.unseen:
                self.result.unseen.append(note)
            return None
        clear = ciphers.deciphered(body, key, iv)
        self.result.add(ciphers.blocks(clear, len(body), url))
        return clear

    async def _key(self, url: str) -> bytes | None:
        """Asked for once; None if it is not handed out, or is no key."""
        if url not in self.keys:
            answer = await self.fetch.get(url)
            found = list(ciphers.key_file(answer.body, url)) if answer.ok else []
            self.result.add(found)
            self.keys[url] = answer.body if answer.ok and not found else None
        return self.keys[url]

    def _independent(self, now: Media) -> bool:
        whole = self.master is not None and self.master.document.first("EXT-X-INDEPENDENT-SEGMENTS") is not None
        return whole or now.independent

    def _look(self, body: bytes, head: Init, url: str, *, cut: bool = False) -> rules.Look | None:
        try:
            found = fragments(body, head, cut=cut)
        except Broken as fault:
            self.result.add([Finding("moof", url, 0, str(fault))])
            return None
        self.result.add(rules.fragment(found, head, url, cut=cut))
        return rules.look(found, head)

    async def _parts(self, rendition: Rendition, segment: Segment, whole: rules.Look, head: Init) -> None:
        """The parts of a whole segment, which are its own bytes again (3.2)."""
        looks = []
        for part in segment.parts:
            url = rendition.now.absolute(part.uri)
            answer = await self._media(url, part.range)
            if not answer.ok:
                if not part.gap:
                    self.result.add([unserved(rendition.now.url, part.line, answer)])
                return
            seen = self._look(answer.body, head, url)
            if seen is None:
                return
            self.result.add(rules.part(seen, part, rendition.now.url))
            looks.append(seen)
        if looks:
            self.result.add(rules.parts_of(whole, looks, segment, rendition.now.url))

    async def _init(self, rendition: Rendition, segment: Segment) -> Init | None:
        assert segment.map is not None
        spot = segment.map.range
        key = (segment.map.uri, spot.start if spot else -1, spot.length if spot else -1)
        if key in rendition.inits:
            return rendition.inits[key]
        now = rendition.now
        url = now.absolute(segment.map.uri)
        answer = await self._media(url, spot)
        rendition.inits[key] = None
        if not answer.ok:
            self.result.add([unserved(now.url, segment.map.line, answer)])
            return None
        self.result.add(answers.media(answer, "mp4", now.target))
        try:
            body: bytes | None = answer.body
            if ciphers.is_whole(segment.map.keys):
                body = await self._clear(rendition, segment.map.keys, segment.number, answer.body, url)
            if body is None:
                return None
            found = init(body)
        except Broken as fault:
            self.result.add([Finding("init-moov", url, 0, str(fault))])
            return None
        self.result.add(rules.init_segment(found, url))
        rendition.inits[key] = found
        return found

    async def _media(self, url: str, spot: Range | None) -> Answer:
        if spot is None:
            return await self.fetch.get(url, most=_SEGMENT_BYTES)
        start = max(spot.start, 0)
        answer = await self.fetch.get(url, start=start, length=spot.length, most=_SEGMENT_BYTES)
        if answer.status == 200:  # the range was not understood: all of it came
            return replace(answer, body=answer.body[start : start + spot.length])
        return answer

    # All of it beside one another

    def _beside(self) -> None:
        offsets: dict[str, list[tuple[int, float]]] = {}
        peaks: dict[str, float] = {}
        codecs: dict[str, list[str]] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for rendition in self.renditions:
            now = rendition.now
            rows = {segment.number: segment for segment in now.segments}
            if not now.iframes:
                offsets[rendition.url] = [
                    (rows[number].discontinuity_number, date - seen.presented)
                    for number, seen in rendition.read.items()
                    if number in rows and (date := rows[number].date) is not None
                ]
                peaks[rendition.url] = max(
                    (multivariant.peak(run, now.target) for run in _runs(rendition.sizes, rows)), default=0.0
                )
            tracks = [track for head in rendition.inits.values() if head for track in head.tracks.values()]
            codecs[rendition.url] = list(dict.fromkeys(track.codec for track in tracks))
            for track in tracks:
                if track.handler == "vide":
                    sizes[rendition.url] = (track.width, track.height)
        self.result.add(together.times(offsets))
        if self.master is not None:
            self.result.add(multivariant.codecs(self.master, codecs))
            self.result.add(multivariant.rates(self.master, peaks))
            self.result.add(multivariant.resolution(self.master, sizes))
            self.result.add(multivariant.playlists(self.master, {r.url: r.now.iframes for r in self.renditions}))
            self.result.add(multivariant.independence(self.master, {r.url: r.now.independent for r in self.renditions}))

    def _facts(self) -> None:
        for rendition in self.renditions:
            now = rendition.now
            heads = [head for head in rendition.inits.values() if head]
            main = heads[0].main if heads else None
            notes = [f"target {now.target:g} s"]
            if now.low_latency:
                notes.append(f"parts of {now.part_target:g} s")
            if now.iframes:
                notes.append("I-frames")
            row = Row(
                name=urlsplit(rendition.url).path,
                kind={"vide": "video", "soun": "audio", "text": "text"}.get(main.handler, main.handler) if main else "",
                codec=main.codec if main else "",
                seconds=now.seconds,
                segments=len(now.segments) + now.skipped,
                read=len(rendition.sizes),
                note=", ".join(notes),
            )
            if main and main.width:
                row.kind += f" {main.width}x{main.height}"
            self.result.rows.append(row)
        first = self.renditions[0].now if self.renditions else None
        if first and first.control:
            self.result.facts["server control"] = first.control.value
        self.result.latency_s = min(
            (
                r.changed_ms / 1000 - end
                for r in self.renditions
                if not r.now.ended and (end := r.now.end_date) is not None
            ),
            default=None,
        )


def _ends(segments: list[Segment], count: int) -> list[Segment]:
    if count < 0 or len(segments) <= 2 * count:
        return segments
    return segments[:count] + segments[len(segments) - count :]


def _runs(sizes: Mapping[int, int], rows: Mapping[int, Segment]) -> list[list[tuple[float, int]]]:
    """Adjacent segments that were read, as (seconds, octets)."""
    found: list[list[tuple[float, int]]] = []
    last = -2
    for number in sorted(sizes):
        if number not in rows:
            continue
        if number != last + 1:
            found.append([])
        found[-1].append((rows[number].duration, sizes[number]))
        last = number
    return found
