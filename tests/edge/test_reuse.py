from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.reuse import Way, chosen, reuse, stands_in
from edge.store import Stored


def stored(**more: object) -> Stored:
    fields: dict[str, object] = {"born": 0.0, "fresh_s": 10.0} | more
    return Stored(key="h/a", status=200, fields=(), body=b"", **fields)  # type: ignore[arg-type]


@pytest.mark.rule("RFC 9111 4.2.4", "stale answers are for those who may have them, and never where they are forbidden")
@pytest.mark.parametrize(
    ("more", "wants", "now", "way", "fwd"),
    [
        ({}, {}, 9.9, Way.USE, ""),
        ({}, {}, 10.0, Way.ASK, "stale"),
        ({"while_s": 5.0}, {}, 14.9, Way.USE_AND_ASK, ""),
        ({"while_s": 5.0}, {}, 15.0, Way.ASK, "stale"),
        ({"while_s": 5.0}, {"max-age": "12"}, 12.9, Way.USE_AND_ASK, ""),
        ({"while_s": 5.0}, {"max-age": "12"}, 13.0, Way.ASK, "stale"),
        ({"while_s": 5.0}, {"no-cache": None}, 1.0, Way.ASK, "request"),
        ({"ask_first": True}, {}, 1.0, Way.ASK, "stale"),
        ({"ask_first": True}, {"max-stale": None}, 1.0, Way.ASK, "stale"),
        ({"strict": True, "while_s": 5.0}, {"max-stale": None}, 11.0, Way.ASK, "stale"),
        ({}, {"max-stale": "x"}, 11.0, Way.ASK, "stale"),
        ({}, {"only-if-cached": None, "no-cache": None}, 1.0, Way.REFUSE, ""),
    ],
)
def test_ways(more: dict[str, object], wants: dict[str, str | None], now: float, way: Way, fwd: str) -> None:
    found = reuse(stored(**more), wants, now)
    assert (found.way, found.fwd) == (way, fwd)


def test_misses() -> None:
    assert reuse(None, {}, 0.0).fwd == "uri-miss"
    assert reuse(None, {}, 0.0, others=True).fwd == "vary-miss"


@pytest.mark.rule("RFC 9111 4.1", "of those that the request selects, the first; one that does not vary suits all")
def test_choice() -> None:
    german = stored(vary=("accept-language",), variant="accept-language:de")
    plain = stored()
    assert chosen([german, plain], {"accept-language": "de"}) is german
    assert chosen([german, plain], {"accept-language": "fr"}) is plain
    assert chosen([german], {}) is None


def test_who_stands_in() -> None:
    """RFC 5861 4"""
    assert stands_in(stored(stale_s=5.0), {}, 14.9) and not stands_in(stored(stale_s=5.0), {}, 15.0)
    assert stands_in(stored(), {"stale-if-error": "5"}, 15.0) and not stands_in(stored(), {"stale-if-error": "5"}, 15.1)
    assert not stands_in(stored(stale_s=5.0, strict=True), {"stale-if-error": "9"}, 11.0)
    assert not stands_in(stored(stale_s=5.0), {"no-cache": None}, 11.0)


SECONDS = st.integers(0, 50)


@given(
    fresh=SECONDS,
    meanwhile=SECONDS,
    strict=st.booleans(),
    ask_first=st.booleans(),
    now=SECONDS,
    wants=st.dictionaries(st.sampled_from(["max-age", "min-fresh", "max-stale"]), SECONDS.map(str)),
)
def test_nothing_is_used_that_may_not_be(
    fresh: int, meanwhile: int, strict: bool, ask_first: bool, now: int, wants: dict[str, str]
) -> None:
    it = stored(fresh_s=float(fresh), while_s=float(meanwhile), strict=strict, ask_first=ask_first)
    found = reuse(it, wants, float(now))
    if found.way in (Way.USE, Way.USE_AND_ASK):
        assert not ask_first
        assert now < fresh or not strict
        if "min-fresh" in wants:
            assert fresh - now >= int(wants["min-fresh"])
        if "max-age" in wants and "max-stale" not in wants:
            assert now <= int(wants["max-age"])
        allowed = max(meanwhile, int(wants.get("max-stale", 0)))
        assert now <= fresh + allowed
    elif not wants and not ask_first:
        assert now >= fresh + (0 if strict else meanwhile) or (strict and now >= fresh)
