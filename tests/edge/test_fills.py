"""What may be kept, and for whom: an order, an upstream, the store afterwards."""

from __future__ import annotations

import pytest

from base.problems import Problem
from edge.fill import State
from edge.fills import Order, http_now
from edge.freshness import Use
from tests.edge.conftest import Rig
from tests.kit.upstream import until

SEGMENT = "/vod/film/e1/v1/1.m4s"


def order(key: str = SEGMENT, **more: object) -> Order:
    given: dict[str, object] = {"key": key, "use": Use.IMMUTABLE, "request_id": "12345678"}
    return Order(**(given | more))  # type: ignore[arg-type]


async def test_a_fetch_that_was_disowned_is_given_and_not_kept(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=4, Cache_Control="max-age=9")
    fills = rig.edge.fills
    fill = fills.start(order())
    assert fills.find(SEGMENT) is fill and len(fills) == 1
    fills.disown("/vod/film/e1/v1/11.m4s")
    assert fills.find(SEGMENT) is fill
    fills.disown(SEGMENT)
    assert fills.find(SEGMENT) is None  # who asks from here on is not given what may be older
    steps.give(b"old!", None)
    await fill.decided()
    await fill.ended()
    assert fill.stored is not None and fill.stored.body == b"old!"
    assert rig.edge.store.get(SEGMENT) is None


async def test_an_order_fails_as_a_whole(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"", status=503)
    fill = rig.edge.fills.start(order(patience_s=0.1))
    await fill.decided()
    assert fill.state is State.FAILED and isinstance(fill.problem, Problem)
    assert len(rig.edge.fills) == 0 and not rig.edge.fills.is_unshared(SEGMENT)


async def test_what_may_not_be_shared_is_remembered_for_a_while(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"mine", Cache_Control="private")
    fill = rig.edge.fills.start(order())
    await fill.decided()
    assert fill.state is State.PASSED and rig.edge.fills.is_unshared(SEGMENT)
    rig.clock.advance(5000)
    assert not rig.edge.fills.is_unshared(SEGMENT)


async def test_what_comes_at_a_time_is_bounded(rig: Rig) -> None:
    """Each alone would be kept; together they are more than the store may hold. Nobody who watches notices."""
    rig.edge.store.capacity = 4 << 20
    size, half = 1_000_000, b"x" * 500_000
    names = [f"/vod/film/e1/v1/{number}.m4s" for number in range(1, 13)]
    steps = [rig.upstream.steps(name, length=size, Cache_Control="max-age=9") for name in names]
    viewers = [await rig.wire() for _ in names]
    fills = []
    for name, step, viewer in zip(names, steps, viewers, strict=True):
        viewer.get(name)
        await step.begun.wait()
        fills.append(rig.edge.fills.find(name))
        step.give(half)
        assert (await viewer.header()).status == 200
        assert await viewer.read(len(half)) == half
    assert 3 << 20 < sum(fill.size for fill in fills if fill is not None and not fill.outgrown) <= 4 << 20
    for step, viewer in zip(steps, viewers, strict=True):
        step.give(half, None)
        assert await viewer.read(len(half)) == half
    await until(lambda: not len(rig.edge.fills))
    rig.upstream.holds("/vod/film/e1/v1/20.m4s", b"x" * size, Cache_Control="max-age=9")
    await rig.get("/vod/film/e1/v1/20.m4s")
    assert rig.edge.store.get("/vod/film/e1/v1/20.m4s") is not None


@pytest.mark.rule("RFC 9110 5.6.7", "dates are written as IMF-fixdate")
def test_dates() -> None:
    assert http_now(1_700_000_000_000) == "Tue, 14 Nov 2023 22:13:20 GMT"
