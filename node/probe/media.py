"""Rules of one media playlist as it stands (RFC 8216bis 4.4.3 to 4.4.5, appendix B.1)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from node.probe.playlist import Media, Segment, Tag, Uri, date
from node.probe.rules import Finding

_ROUNDING_S = 0.0015  # of numbers that are printed with three decimals
_DATE_SLACK_S = 0.1


def check(media: Media) -> Iterator[Finding]:
    yield from _whole(media)
    yield from _control(media)
    for segment in media.segments:
        yield from _segment(media, segment)
    if media.low_latency or any(s.parts for s in media.listed):
        yield from _parts(media)
    yield from _hints(media)
    yield from _dates(media)
    yield from _dateranges(media)
    for tag in media.document.all("EXT-X-KEY"):
        yield from _key(media.url, tag)


def _whole(media: Media) -> Iterator[Finding]:
    document, url = media.document, media.url
    target = document.first("EXT-X-TARGETDURATION")
    if target is None or not target.value.isdecimal() or int(target.value) < 1:
        yield Finding("target-missing", url, target.line if target else 0, target.value if target else "none")
    segments = (row.line for row in document.rows if isinstance(row, Uri) or row.name in ("EXT-X-PART", "EXT-X-SKIP"))
    first = next(segments, math.inf)
    if (tag := document.first("EXT-X-MEDIA-SEQUENCE")) and tag.line > first:
        yield Finding("sequence-place", url, tag.line, f"after the segment in line {first:g}")
    broken = document.first("EXT-X-DISCONTINUITY")
    if (tag := document.first("EXT-X-DISCONTINUITY-SEQUENCE")) and tag.line > min(
        first, broken.line if broken else math.inf
    ):
        yield Finding("discontinuity-sequence-place", url, tag.line, "after a segment or a discontinuity")
    if not media.ended and media.kind != "EVENT":
        start = document.first("EXT-X-START")
        offset = (start.seconds("TIME-OFFSET") or 0.0) if start else 0.0
        if start and (-3 * media.target < offset < 0 or offset > media.seconds - 3 * media.target):
            yield Finding("start-live", url, start.line, f"{offset:g} s", f"{3 * media.target:g} s from the end")


def _control(media: Media) -> Iterator[Finding]:
    url, tag, target = media.url, media.control, media.target
    skip = tag.seconds("CAN-SKIP-UNTIL") if tag else None
    line = tag.line if tag else 0
    if skip is not None and skip < 6 * target - _ROUNDING_S:
        yield Finding("skip-boundary", url, line, f"CAN-SKIP-UNTIL={skip:g}", f"{6 * target:g} or more")
    if tag and tag.get("CAN-SKIP-DATERANGES") and skip is None:
        yield Finding("skip-dateranges", url, line, "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL")
    back = tag.seconds("HOLD-BACK") if tag else None
    if back is not None and back < 3 * target - _ROUNDING_S:
        yield Finding("hold-back", url, line, f"HOLD-BACK={back:g}", f"{3 * target:g} or more")
    if media.low_latency:
        back = tag.seconds("PART-HOLD-BACK") if tag else None
        if back is None or back < 2 * media.part_target - _ROUNDING_S:
            seen = "none" if back is None else f"{back:g}"
            yield Finding("part-hold-back", url, line, f"PART-HOLD-BACK: {seen}", f"{2 * media.part_target:g} or more")
        elif back < 3 * media.part_target - _ROUNDING_S:
            yield Finding("part-hold-back-low", url, line, f"{back:g}", f"{3 * media.part_target:g} or more")


def _segment(media: Media, segment: Segment) -> Iterator[Finding]:
    url = media.url
    if not segment.has_duration:
        yield Finding("extinf-missing", url, segment.line, segment.uri)
    if media.target and math.floor(segment.duration + 0.5) > media.target:
        yield Finding("target-exceeded", url, segment.line, f"{segment.duration:g} s", f"{media.target:g} s at most")
    if segment.range and segment.range.start < 0:
        yield Finding("byterange", url, segment.line, f"{segment.uri} without offset")


def _parts(media: Media) -> Iterator[Finding]:
    url, limit = media.url, media.part_target
    if not limit:
        yield Finding("part-inf", url, 0, "EXT-X-PART without EXT-X-PART-INF")
        return
    end = media.seconds
    at = 0.0
    for segment in media.listed:
        whole = bool(segment.uri)
        parts = segment.parts
        lasts = sum(part.duration for part in parts)
        if parts and segment.head_line > parts[0].line:
            yield Finding("part-head", url, segment.head_line, f"behind the part in line {parts[0].line}")
        if whole and parts and not segment.gap and abs(lasts - segment.duration) > _ROUNDING_S * (len(parts) + 1):
            yield Finding("part-sum", url, segment.line, f"parts of {lasts:g} s", f"{segment.duration:g} s")
        for place, part in enumerate(parts):
            if part.duration > limit + _ROUNDING_S:
                yield Finding("part-long", url, part.line, f"{part.duration:g} s", f"{limit:g} s at most")
            after = parts[place + 1] if place + 1 < len(parts) else None
            free = after is None or after.gap or part.gap or part.independent
            if not free and part.duration < 0.85 * limit - _ROUNDING_S:
                yield Finding("part-short", url, part.line, f"{part.duration:g} s", f"{0.85 * limit:g} s or more")
        at += segment.duration if whole else lasts
        if parts and end - at > 3 * media.target + _ROUNDING_S:
            yield Finding("part-old", url, parts[0].line, f"{end - at:g} s from the end", f"{3 * media.target:g} s")


def _hints(media: Media) -> Iterator[Finding]:
    hints = media.document.all("EXT-X-PRELOAD-HINT")
    kinds = [tag.get("TYPE") for tag in hints]
    for tag in hints:
        if media.ended:
            yield Finding("hint-ended", media.url, tag.line, f"a hint for {tag.get('URI')}")
        if kinds.count(tag.get("TYPE")) > 1:
            yield Finding("hint-once", media.url, tag.line, f"{kinds.count(tag.get('TYPE'))} of {tag.get('TYPE')}")
    if not media.ended and media.low_latency and not media.iframes and "PART" not in kinds:
        yield Finding("hint-missing", media.url, 0, "no EXT-X-PRELOAD-HINT of TYPE PART")


def _dates(media: Media) -> Iterator[Finding]:
    for tag in media.document.all("EXT-X-PROGRAM-DATE-TIME"):
        if date(tag.value) is None:
            yield Finding("date-syntax", media.url, tag.line, tag.value)
    dated = any(segment.dated for segment in media.listed)
    if not media.ended and media.listed and not dated:
        yield Finding("date-low-latency" if media.low_latency else "date-live", media.url, 0, "no date")
    before: Segment | None = None
    for segment in media.listed:
        if before and before.date is not None and segment.date is not None and not segment.discontinuity:
            off = segment.date - before.date - before.duration
            if abs(off) > _DATE_SLACK_S:
                yield Finding("date-order", media.url, segment.head_line or segment.line, f"{off:+.3f} s", "0")
        before = segment


def _dateranges(media: Media) -> Iterator[Finding]:
    tags = media.document.all("EXT-X-DATERANGE")
    if tags and not any(segment.dated for segment in media.listed) and not media.skipped:
        yield Finding("daterange-date", media.url, tags[0].line, "no EXT-X-PROGRAM-DATE-TIME")
    known: dict[str, dict[str, str]] = {}
    for tag in tags:
        fault = _range_fault(tag, known.get(tag.get("ID")))
        if fault:
            yield Finding("daterange", media.url, tag.line, fault)
        known.setdefault(tag.get("ID"), {}).update(dict(tag.pairs))


def _range_fault(tag: Tag, before: dict[str, str] | None) -> str:
    start, end = date(tag.get("START-DATE")), date(tag.get("END-DATE"))
    given = dict(tag.pairs)
    lasts = tag.seconds("DURATION")
    cues = tag.get("CUE").split(",")
    if start is None and (before is None or "START-DATE" in given):
        return "no START-DATE that is a date"
    if start is not None and end is not None and end < start:
        return "END-DATE before START-DATE"
    if start is not None and end is not None and lasts is not None and abs(end - start - lasts) > _DATE_SLACK_S:
        return f"DURATION={lasts:g}, {end - start:g} s from START-DATE to END-DATE"
    if "END-ON-NEXT" in given and ("CLASS" not in given or lasts is not None or "END-DATE" in given):
        return "END-ON-NEXT needs CLASS, and neither DURATION nor END-DATE"
    if "PRE" in cues and "POST" in cues:
        return "CUE with PRE and POST"
    changed = [name for name, value in given.items() if before and before.get(name, value) != value]
    return f"another {', '.join(changed)} than the tag before of this ID" if changed else ""


_METHODS = frozenset({"NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR", "AES-256-GCM"})


def _key(url: str, tag: Tag) -> Iterator[Finding]:
    method = tag.get("METHOD")
    if method not in _METHODS:
        yield Finding("key", url, tag.line, f"METHOD={method}", ", ".join(sorted(_METHODS)))
    elif method == "NONE":
        if len(tag.pairs) > 1:
            yield Finding("key", url, tag.line, "other attributes beside METHOD=NONE")
    elif not tag.get("URI"):
        yield Finding("key", url, tag.line, f"METHOD={method} without URI")
    elif method in ("SAMPLE-AES-CTR", "AES-256-GCM") and tag.get("IV"):
        yield Finding("key", url, tag.line, f"IV with {method}")
    elif tag.get("IV") and len(tag.get("IV")) > 34:
        yield Finding("key", url, tag.line, f"IV={tag.get('IV')[:60]}", "128 bits")
