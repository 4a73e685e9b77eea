"""Rules between two readings of one media playlist, and of what a server promises in between (RFC 8216bis 6.2).

`before` and `after` are full playlists, the older one first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from node.probe.playlist import Media, Segment
from node.probe.rules import Finding

_SLACK_S = 1.0  # of clocks and networks, where a rule counts seconds
_ROUNDING_S = 0.0015


def check(before: Media, after: Media) -> Iterator[Finding]:
    url = after.url
    if after.first < before.first:
        yield Finding("reload-sequence", url, 0, f"{after.first} after {before.first}")
        return  # nothing else can be compared
    if after.target != before.target:
        yield Finding("reload-target", url, 0, f"{after.target:g} after {before.target:g}")
    if before.segments and not after.has(before.segments[-1].number):
        yield Finding("reload-end", url, 0, f"ends with {after.last[0]}", f"{before.segments[-1].number} or later")
    if after.first > before.first:
        if before.kind in ("VOD", "EVENT"):
            yield Finding("reload-removed", url, 0, f"starts with {after.first}", f"{before.first}")
        left = sum(s.duration for s in after.segments)
        if not after.ended and left < 3 * after.target - _ROUNDING_S:
            yield Finding("reload-short", url, 0, f"{left:g} s left", f"{3 * after.target:g} s")
        if not after.ended and len(after.segments) < 6:
            yield Finding("window-short", url, 0, f"{len(after.segments)} segments left", "6")
    if before.ended and (after.last > before.last or not after.ended):
        yield Finding("reload-ended", url, 0, f"ends with {after.last[0]}, was ended with {before.last[0]}")
    old = {segment.number: segment for segment in before.listed}
    for segment in after.listed:
        if segment.number in old:
            yield from _segment(old[segment.number], segment, url)
    yield from _hint(before, after)


def _segment(old: Segment, new: Segment, url: str) -> Iterator[Finding]:
    line = new.line or new.head_line
    if old.discontinuity_number != new.discontinuity_number:
        said = f"segment {new.number}: {new.discontinuity_number}"
        yield Finding("reload-discontinuity", url, line, said, str(old.discontinuity_number))
    if old.uri:
        changed = _changes(old, new)
        if changed:
            yield Finding("reload-segment", url, line, f"segment {new.number}: {', '.join(changed)}")
    for place, (was, part) in enumerate(zip(old.parts, new.parts, strict=False)):
        if (was.uri, was.range) != (part.uri, part.range) or abs(was.duration - part.duration) > _ROUNDING_S:
            yield Finding("reload-part", url, part.line, f"part {place} of {new.number}: {part.uri}", was.uri)
    if 0 < len(new.parts) < len(old.parts):
        yield Finding("reload-part", url, line, f"{len(new.parts)} parts of {new.number}", f"{len(old.parts)} or none")


def _changes(old: Segment, new: Segment) -> list[str]:
    said = [
        f"{what} {now!r}, was {was!r}"
        for what, was, now in (("URI", old.uri, new.uri), ("gap", old.gap, new.gap), ("range", old.range, new.range))
        if was != now
    ]
    if abs(old.duration - new.duration) > _ROUNDING_S:
        said.append(f"{new.duration:g} s, was {old.duration:g} s")
    if old.date is not None and new.date is not None and abs(old.date - new.date) > 2 * _ROUNDING_S:
        said.append(f"its date moved by {new.date - old.date:+.3f} s")
    if old.map and new.map and old.map.uri != new.map.uri:
        said.append(f"MAP {new.map.uri!r}, was {old.map.uri!r}")
    return said


def _hint(before: Media, after: Media) -> Iterator[Finding]:
    """4.4.5.3: the part that came at the hinted place has the hinted URI. A hint may be withdrawn by a break."""
    if not before.hint:
        return
    number, place = before.next
    for segment in after.listed:
        if segment.number < number:
            continue
        at = place if segment.number == number else 0
        # a segment that ended without the hinted part has withdrawn it: who asks for it is told 404 (6.2.6)
        if not segment.discontinuity and not segment.gap and at < len(segment.parts):
            part = segment.parts[at]
            if part.uri != before.hint:
                yield Finding("hint-kept", after.url, part.line, part.uri, before.hint)
        return


def late(quiet_s: float, media: Media) -> Iterator[Finding]:
    """`quiet_s`: how long it was since the newest segment was first seen (6.2.1)."""
    if not media.ended and quiet_s > 1.5 * media.target + _SLACK_S:
        yield Finding("reload-late", media.url, 0, f"nothing new for {quiet_s:.1f} s", f"{1.5 * media.target:g} s")


def blocked(asked: tuple[int, int], answer: Media, took_s: float) -> Iterator[Finding]:
    """A blocking reload for (number, part) was answered with 200 after `took_s`. Part -1: the whole segment."""
    number, part = asked
    if not answer.ended and not answer.has(number, part):
        wanted = f"{number}" if part < 0 else f"{number}, part {part}"
        yield Finding("block-answer", answer.url, 0, f"ends with {answer.last}", wanted)
    if took_s > 3 * answer.target + _SLACK_S:
        yield Finding("block-long", answer.url, 0, f"{took_s:.1f} s", f"{3 * answer.target:g} s, then 503")


def refused(rule: str, url: str, status: int) -> Iterator[Finding]:
    """`rule`: block-part-alone or block-far."""
    if status != 400:
        yield Finding(rule, url, 0, f"status {status}", "400")


def delta(full: Media, short: Media) -> Iterator[Finding]:
    """A delta update beside a full playlist that was read right before it (6.2.5.1). No skip: it is a full one."""
    if not short.skipped:
        return
    tag = short.document.first("EXT-X-SKIP")
    line = tag.line if tag else 0
    if (short.first, short.discontinuity_first) < (full.first, full.discontinuity_first):
        yield Finding("delta-equal", short.url, line, f"starts with {short.first}", f"{full.first}")
        return
    old = {segment.number: segment for segment in full.segments}
    skipped = range(short.first, short.first + short.skipped)
    unknown = [number for number in skipped if number not in old]
    if unknown:
        yield Finding("delta-equal", short.url, line, f"skips {unknown[0]}, which was not listed")
        return
    # tags of skipped segments that hold on are the client's to remember (6.3.7): dates, MAP, discontinuities
    breaks = sum(old[number].discontinuity for number in skipped)
    before = old[skipped[-1]]
    clock = before.date + before.duration if before.date is not None else None
    for segment in short.segments:
        filled = replace(
            segment,
            discontinuity_number=segment.discontinuity_number + breaks,
            map=segment.map or before.map,
            date=segment.date if segment.date is not None else clock,
        )
        clock = filled.date + filled.duration if filled.date is not None else None
        if segment.number in old:
            for finding in _segment(old[segment.number], filled, short.url):
                yield Finding("delta-equal", short.url, finding.line, finding.seen, finding.expected)
    whole = [old[number].duration for number in skipped if number in old]
    kept = sum(s.duration for s in short.segments)
    if whole and kept < short.skip_until - short.target - _ROUNDING_S * len(short.segments):
        # the segment before the first kept one must lie beyond the boundary as a whole
        yield Finding("delta-boundary", short.url, line, f"{kept:g} s are kept", f"{short.skip_until:g} s")
