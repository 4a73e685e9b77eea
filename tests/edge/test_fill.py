"""A fill as a dialogue: what upstream gives, what each reader gets. No I/O."""

from __future__ import annotations

import asyncio

import pytest

from base.problems import Problem
from edge.fill import TRANSITIONS, WINDOW, CutShort, Event, Fill, State
from edge.hops import Head
from edge.store import Stored


def stored(body: bytes) -> Stored:
    return Stored(key="/k", status=200, fields=(), body=body, born=0.0, fresh_s=1.0)


async def all_of(fill: Fill, start: int = 0, stop: int = -1) -> bytes:
    return b"".join([bytes(part) async for part in fill.read(start, stop)])


def streaming(*chunks: bytes) -> Fill:
    fill = Fill("/k")
    fill.step(Event.SHARED_HEADER)
    for chunk in chunks:
        fill.feed(chunk)
    return fill


def test_every_state_but_the_last_ones_has_a_way_out() -> None:
    left = {state for state, _ in TRANSITIONS}
    assert set(State) - left == {State.COMPLETE, State.PASSED, State.FAILED}
    fill = streaming()
    fill.keep(stored(b""))
    with pytest.raises(KeyError):
        fill.fail(Problem("upstream", "after the end"))


@pytest.mark.parametrize(("start", "stop"), [(0, -1), (0, 9), (2, 7), (3, 6), (4, 5), (8, 9), (9, -1), (3, -1)])
async def test_any_part_is_the_same_before_and_after_the_end(start: int, stop: int) -> None:
    fill = streaming(b"abc", b"d", b"", b"efghi")
    reader = asyncio.get_running_loop().create_task(all_of(fill, start, stop))
    await asyncio.sleep(0)
    fill.keep(stored(b"abcdefghi"))
    expected = b"abcdefghi"[start : None if stop < 0 else stop]
    assert await reader == expected
    assert await all_of(fill, start, stop) == expected


async def test_readers_at_any_place_get_the_live_tail() -> None:
    fill = streaming(b"one ")
    loop = asyncio.get_running_loop()
    early = loop.create_task(all_of(fill))
    await asyncio.sleep(0)
    fill.feed(b"two ")
    late = loop.create_task(all_of(fill))
    await asyncio.sleep(0)
    fill.feed(b"three")
    fill.keep(stored(b"one two three"))  # the last bytes and the end come in one step
    assert await early == await late == b"one two three"


async def test_a_reader_that_stands_still_holds_nobody() -> None:
    fill = streaming(b"a")
    slow = fill.read()
    assert await anext(slow) == b"a"
    for _ in range(100):
        fill.feed(b"b")
    fill.keep(stored(b"a" + b"b" * 100))
    assert fill.chunks == []
    assert b"".join([bytes(part) async for part in slow]) == b"b" * 100


async def test_a_fault_cuts_who_is_behind_the_missing_byte_only() -> None:
    fill = streaming(b"abcd")
    loop = asyncio.get_running_loop()
    inside = loop.create_task(all_of(fill, 0, 4))
    beyond = loop.create_task(all_of(fill, 0, 5))
    await asyncio.sleep(0)
    fill.fail(Problem("upstream", "gone"))
    assert await inside == b"abcd"
    with pytest.raises(CutShort):
        await beyond
    with pytest.raises(CutShort):
        await fill.ended()


async def test_one_waiter_that_goes_away_wakes_nobody_and_stops_nobody() -> None:
    fill = Fill("/k")
    loop = asyncio.get_running_loop()
    first, second = loop.create_task(fill.decided()), loop.create_task(fill.decided())
    await asyncio.sleep(0)
    assert fill.waiting == 2
    first.cancel()
    await asyncio.wait([first])
    assert (fill.waiting, second.done()) == (1, False)
    fill.step(Event.SHARED_HEADER)
    await second


class Connection:
    closed = False

    def close(self) -> None:
        self.closed = True


async def test_an_unshared_answer_goes_to_one_and_is_closed_if_nobody_is_left() -> None:
    loop = asyncio.get_running_loop()
    fill, answer = Fill("/k"), Connection()
    waiters = [loop.create_task(fill.decided()) for _ in range(2)]
    await asyncio.sleep(0)
    fill.hand_over(answer)  # type: ignore[arg-type]
    assert [fill.claim(), fill.claim()] == [answer, None]
    await asyncio.wait(waiters)
    await asyncio.sleep(0)
    assert not answer.closed  # whoever claimed it closes it

    alone, unread = Fill("/k"), Connection()
    alone.hand_over(unread)  # type: ignore[arg-type]
    assert unread.closed

    left, nobody = Fill("/k"), Connection()
    waiter = loop.create_task(left.decided())
    await asyncio.sleep(0)
    left.hand_over(nobody)  # type: ignore[arg-type]
    await waiter
    await asyncio.sleep(0)
    assert nobody.closed


async def test_what_outgrows_the_memory_goes_at_the_pace_of_the_slowest_reader() -> None:
    loop = asyncio.get_running_loop()
    fill = streaming(bytes(WINDOW))
    fast, slow = fill.read(), fill.read()
    fill.outgrow()
    await anext(fast)
    await fill.paced()  # within the window
    fill.feed(b"more")
    waiting = loop.create_task(fill.paced())
    await asyncio.sleep(0)
    assert not waiting.done()
    await anext(slow)
    await waiting
    assert fill.chunks == [b"", b"more"]  # what all have read is let go
    fill.keep(None)
    assert [bytes(part) async for part in slow] == [bytes(part) async for part in fast] == [b"more"]
    assert not fill.readers


async def test_without_readers_what_is_not_kept_ends() -> None:
    fill = streaming(b"a")
    reading = fill.read()
    fill.outgrow()
    await reading.aclose()
    with pytest.raises(CutShort):
        await fill.paced()


async def test_what_upstream_confirms_is_read_from_what_is_stored() -> None:
    fill = Fill("/k")
    head = Head(status=200, fields=(), length=3, etag="", last_modified="", date="")
    fill.confirm(head, stored(b"abc"))
    await fill.decided()
    assert (fill.state, fill.size, fill.confirmed) == (State.COMPLETE, 3, True)
    assert await all_of(fill, 1) == b"bc"
