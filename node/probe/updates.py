"""Rules between two readings of a dynamic manifest (DASH-IF timing model 13.6; ISO/IEC 23009-1 5.4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from node.probe.mpd import Manifest, Period
from node.probe.playlist import date
from node.probe.rules import Finding

_TICK_S = 0.0005
_SLACK_S = 1.0


def check(before: Manifest, after: Manifest, *, changed: bool, now: float) -> Iterator[Finding]:
    """`changed`: the bytes differ. `now` in seconds since 1970."""
    url = after.url
    was, is_ = date(before.node.get("publishTime")), date(after.node.get("publishTime"))
    if was is not None and is_ is not None and (is_ < was or (changed and is_ == was)):
        said = f"{after.node.get('publishTime')} after {before.node.get('publishTime')}"
        yield Finding("update-publish", url, after.node.line, said, "a later one" if is_ == was else "none earlier")
    for name in ("id", "availabilityStartTime"):
        if before.node.get(name) != after.node.get(name):
            said = f"MPD@{name}={after.node.get(name)!r}"
            yield Finding("update-identity", url, after.node.line, said, before.node.get(name))
    old = {period.id: period for period in before.periods}
    known = [period.id for period in after.periods if period.id in old]
    if known != [id_ for id_ in old if id_ in set(known)] or (
        known and [period.id for period in after.periods[: len(known)]] != known
    ):
        said = f"Periods {[p.id for p in after.periods]} after {list(old)}"
        yield Finding("update-identity", url, after.node.line, said, "Periods leave in front and come at the end")
    for period in after.periods:
        if period.id in old:
            yield from _period(old[period.id], period, now)


def _period(old: Period, new: Period, now: float) -> Iterator[Finding]:
    url, line = new.manifest.url, new.node.line
    if abs(old.start - new.start) > _TICK_S:
        yield Finding("update-identity", url, line, f"Period {new.id} starts at {new.start:g} s", f"{old.start:g} s")
    sets = [[node.get("id") for node in period.node.all("AdaptationSet")] for period in (old, new)]
    if sets[0] != sets[1]:
        yield Finding("update-identity", url, line, f"AdaptationSets {sets[1]} in {new.id}", f"{sets[0]}")
    before = {one.id: one for one in old.representations}
    if list(before) != [one.id for one in new.representations]:
        said = f"Representations {[one.id for one in new.representations]} in {new.id}"
        yield Finding("update-identity", url, line, said, f"{list(before)}")
    for one in new.representations:
        other = before.get(one.id)
        if other is None:
            continue
        if (one.offset, one.timescale) != (other.offset, other.timescale):
            said = f"presentationTimeOffset {one.offset}/{one.timescale}"
            yield Finding("update-identity", url, one.template_line, said, f"{other.offset}/{other.timescale}")
        slots = {slot.number: slot for slot in other.slots(now)}
        for slot in one.slots(now):
            kept = slots.get(slot.number)
            if kept and (kept.time, kept.duration) != (slot.time, slot.duration):
                said = f"{slot.number} of {one.id}: t={slot.time}, d={slot.duration}"
                yield Finding("update-segment", url, slot.line, said, f"t={kept.time}, d={kept.duration}")
                break


def late(quiet_s: float, longest_s: float, found: Manifest) -> Iterator[Finding]:
    """`quiet_s`: since the newest segment was first seen, `longest_s` the longest segment's duration."""
    if found.update is None:
        return
    limit = found.update + 1.5 * longest_s
    if quiet_s > limit + _SLACK_S:
        yield Finding("update-late", found.url, 0, f"nothing new for {quiet_s:.1f} s", f"{limit:g} s")
