from __future__ import annotations

import math

from edge.store import OVERHEAD, MemoryTier, Stored


def stored(key: str, size: int = 1000, **given: float) -> Stored:
    fields = {"born": 0.0, "fresh_s": 10.0, "stale_s": 0.0} | given
    return Stored(key=key, status=200, fields=(), body=bytes(size), **fields)


def test_the_least_recently_used_leaves_first() -> None:
    tier = MemoryTier(4 * (1000 + OVERHEAD))
    gone: list[str] = []
    came: list[str] = []
    tier.watch(lambda s: came.append(s.key), gone.append)
    for key in "abcd":
        assert tier.put(stored(key))
    assert tier.get("a") is not None
    tier.touch("b")
    tier.put(stored("e"))
    assert gone == ["c"]
    assert came == list("abcde")
    assert tier.get("c") is None
    assert (len(tier), tier.bytes) == (4, 4 * (1000 + OVERHEAD))


def test_an_object_takes_the_place_of_its_elder() -> None:
    tier = MemoryTier(1 << 20)
    tier.put(stored("a", 10))
    tier.put(stored("a", 20))
    assert (len(tier), tier.bytes) == (1, 20 + OVERHEAD)


def test_what_is_larger_than_a_quarter_is_not_taken() -> None:
    tier = MemoryTier(1 << 20)
    assert tier.put(stored("a", tier.largest))
    assert not tier.put(stored("b", tier.largest + 1))
    assert tier.largest + OVERHEAD == 1 << 18
    assert not tier.put(stored("a", tier.largest + 1))
    assert tier.get("a") is None  # the elder is not what upstream says any more


def test_age_freshness_and_staleness() -> None:
    it = stored("a", born=100.0, fresh_s=2.0, stale_s=3.0)
    assert [it.age_s(now) for now in (99.0, 100.0, 100.999, 101.0)] == [0, 0, 0, 1]
    assert it.fresh(101.999) and not it.fresh(102.0)  # RFC 9111 4.2: equal is stale
    assert it.usable_stale(104.999) and not it.usable_stale(105.0)
    assert [it.ttl_s(now) for now in (100.0, 101.5, 102.0, 102.5)] == [2, 0, 0, -1]
    assert stored("a", stale_s=math.inf).usable_stale(1e9)
