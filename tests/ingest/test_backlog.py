from __future__ import annotations

from base.push import PartNote
from ingest.backlog import Backlog
from packager.segmenter import Part


def part(number: int, index: int, *, last: bool = False, track: str = "v1", size: int = 10) -> Part:
    return Part(track=track, number=number, part=index, body=bytes(size), note=PartNote(init="00112233", last=last))


def filled(*parts: Part, **bounds: int) -> Backlog:
    backlog = Backlog(**bounds)
    for one in parts:
        backlog.add(one, 0.0)
    return backlog


def sent(backlog: Backlog, track: str = "v1") -> list[tuple[int, int]]:
    """Acknowledge everything; the order in which it went."""
    order = []
    while (waiting := backlog.next(track)) is not None:
        pending, one = waiting
        order.append((one.number, one.part))
        backlog.acknowledged(track, pending, one)
    return order


def test_parts_go_in_order_and_closed_segments_leave() -> None:
    backlog = filled(part(7, 0), part(7, 1, last=True), part(8, 0))
    assert sent(backlog) == [(7, 0), (7, 1), (8, 0)]
    assert backlog.idle
    assert backlog.bytes == 10, "the open segment stays"


def test_an_origin_that_forgot_gets_the_open_segment_again() -> None:
    backlog = filled(part(7, 0), part(7, 1))
    assert sent(backlog) == [(7, 0), (7, 1)]
    backlog.add(part(7, 2, last=True), 1.0)
    waiting = backlog.next("v1")
    assert waiting is not None
    backlog.again(waiting[0])
    assert sent(backlog) == [(7, 0), (7, 1), (7, 2)]
    assert backlog.bytes == 0


def test_a_skipped_segment_takes_its_later_parts_along() -> None:
    backlog = filled(part(7, 0))
    waiting = backlog.next("v1")
    assert waiting is not None
    backlog.skip("v1", waiting[0])
    backlog.add(part(7, 1, last=True), 0.0)
    backlog.add(part(8, 0), 0.0)
    assert sent(backlog) == [(8, 0)]
    assert backlog.dropped_parts == 2


def test_the_oldest_whole_segment_goes_when_the_origin_stays_away() -> None:
    backlog = Backlog(max_age_s=60)
    for n in range(40):
        for track in ("v1", "a1"):
            for lost in backlog.add(part(n, 0, last=True, track=track), n * 2.0):
                assert lost.number < n
    assert [number for number, _ in sent(backlog)] == list(range(9, 40))
    assert sent(backlog, "a1")[-1] == (39, 0)
    assert backlog.dropped_parts == 18


def test_bytes_are_bounded() -> None:
    backlog = filled(*(part(n, 0, last=True, size=100) for n in range(20)), max_bytes=1000)
    assert backlog.bytes == 1000
    assert [number for number, _ in sent(backlog)] == list(range(10, 20))


def test_an_acknowledged_open_segment_does_not_grow_old() -> None:
    backlog = filled(part(7, 0))
    sent(backlog)
    assert backlog.add(part(7, 1), 100.0) == []
    assert sent(backlog) == [(7, 1)]


def test_it_knows_which_inits_are_needed() -> None:
    assert filled(part(7, 0), part(7, 0, track="a1")).generations == {("v1", "00112233"), ("a1", "00112233")}
