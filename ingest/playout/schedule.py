"""What a linear channel plays at a moment: a function of its schedule, of how long films last, and of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from base.desired import PlayoutSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A film that is on, from `start_ms` (its beginning) to `end_ms` (its end, or where the next one cuts it); UTC.

    An empty `asset` is a pause: there is no slate.
    """

    asset: str
    start_ms: int
    end_ms: int


def slot(spec: PlayoutSpec, durations: Mapping[str, int], now_ms: int) -> Slot:
    """`durations` in ms; a film that has none (it is not there, or cannot be played) is passed over."""
    return _looped(spec, durations, now_ms) if spec.loop else _timed(spec, durations, now_ms)


def _looped(spec: PlayoutSpec, durations: Mapping[str, int], now_ms: int) -> Slot:
    lasts = [durations.get(item.asset, 0) for item in spec.items]
    total = sum(lasts)
    if not total or now_ms < spec.start_ms:
        return _between(spec, durations, now_ms, spec.start_ms if now_ms < spec.start_ms else None)
    start = now_ms - (now_ms - spec.start_ms) % total
    for item, duration in zip(spec.items, lasts, strict=True):
        if now_ms < start + duration:
            return Slot(asset=item.asset, start_ms=start, end_ms=start + duration)
        start += duration
    raise AssertionError("the phase is within the loop")


def _timed(spec: PlayoutSpec, durations: Mapping[str, int], now_ms: int) -> Slot:
    ends, following = spec.start_ms, None
    for item, cut in zip(spec.items, _cuts(spec), strict=True):
        start = item.at_ms or ends
        ends = start + durations.get(item.asset, 0)
        if cut:
            ends = min(ends, cut)
        if start <= now_ms < ends:
            return Slot(asset=item.asset, start_ms=start, end_ms=ends)
        if start > now_ms:
            following = start
            break
    return _between(spec, durations, now_ms, following)


def _cuts(spec: PlayoutSpec) -> list[int]:
    """For each item the next time that stands behind it, which cuts all that is before; 0 behind the last."""
    found, cut = [], 0
    for item in reversed(spec.items):
        found.append(cut)
        cut = item.at_ms or cut
    return found[::-1]


def _between(spec: PlayoutSpec, durations: Mapping[str, int], now_ms: int, until_ms: int | None) -> Slot:
    """The slate, which loops from the epoch, or a pause; up to `until_ms` at most."""
    duration = durations.get(spec.slate, 0) if spec.slate else 0
    start, end = now_ms, now_ms + 1000
    if duration:
        start = now_ms - now_ms % duration
        end = start + duration
    if until_ms is not None:
        end = min(end, until_ms)
    return Slot(asset=spec.slate if duration else "", start_ms=start, end_ms=end)
