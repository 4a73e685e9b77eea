"""May what is stored answer this request now (RFC 9111 4, 4.2.4, 5.2.1)? Pure: an object, directives and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.directives import Directives, delta_seconds
from edge.store import Stored
from edge.vary import selection


class Way(StrEnum):
    USE = "use"  # as it is
    USE_AND_ASK = "use and ask"  # as it is; upstream is asked in the background
    ASK = "ask"  # upstream, validating what there is
    REFUSE = "refuse"  # 504: the request wants nothing from upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """`fwd`: why upstream is asked, as Cache-Status says it (RFC 9211 2.2); empty if it is not."""

    way: Way
    fwd: str = ""


def chosen(variants: list[Stored], ask: Mapping[str, str]) -> Stored | None:
    """4.1: the first that the request's fields select; `variants` as the store gives them."""
    for stored in variants:
        if selection(stored.vary, ask) == stored.variant:
            return stored
    return None


def reuse(stored: Stored | None, wants: Directives, now: float, *, others: bool = False) -> Reuse:
    """`wants`: the request's directives. `others`: variants are stored, only none that fits. `now` is monotonic."""
    found = _found(stored, wants, now, others)
    if found.way is Way.ASK and "only-if-cached" in wants:  # 5.2.1.7
        return Reuse(way=Way.REFUSE)
    return found


def _found(stored: Stored | None, wants: Directives, now: float, others: bool) -> Reuse:
    if stored is None:
        return Reuse(way=Way.ASK, fwd="vary-miss" if others else "uri-miss")
    age = max(0.0, now - stored.born)
    left = stored.fresh_s - age
    if stored.ask_first:
        return Reuse(way=Way.ASK, fwd="stale")
    if "no-cache" in wants:  # 5.2.1.4
        return Reuse(way=Way.ASK, fwd="request" if left > 0 else "stale")
    if left > 0:
        too_old = "max-age" in wants and int(age) > delta_seconds(wants["max-age"])  # 5.2.1.1
        too_short = "min-fresh" in wants and left < delta_seconds(wants["min-fresh"])  # 5.2.1.3
        return Reuse(way=Way.ASK, fwd="request") if too_old or too_short else Reuse(way=Way.USE)
    if stored.strict or "min-fresh" in wants:  # 4.2.4: whoever would take it
        return Reuse(way=Way.ASK, fwd="stale")
    within = "max-age" not in wants or int(age) <= delta_seconds(wants["max-age"])
    if "max-stale" in wants:  # 5.2.1.2: without a value any age will do
        most = wants["max-stale"]
        if most is None or -left <= delta_seconds(most):
            return Reuse(way=Way.USE)
    if within and stored.usable_meanwhile(now):
        return Reuse(way=Way.USE_AND_ASK)
    return Reuse(way=Way.ASK, fwd="stale")


def stands_in(stored: Stored, wants: Directives, now: float) -> bool:
    """RFC 5861 4, of the answer or of the request: may it be given since upstream failed?"""
    if stored.strict or stored.ask_first or "no-cache" in wants:
        return False
    if stored.usable_stale(now):
        return True
    past = now - stored.born - stored.fresh_s
    return "stale-if-error" in wants and past <= delta_seconds(wants["stale-if-error"])
