"""One track in order: re-sent, late, missing, begun anew."""

from __future__ import annotations

import pytest

from base.media import Sample
from ingest.cmaf.fragment import Fragment
from ingest.cmaf.sequence import MAX_HELD, PATIENCE_S, Ordered, TrackSequence

SCALE, STEP = 1000, 100


def piece(first: int, count: int = 10, *, digest: bytes = b"", bits: int = 64) -> Fragment:
    samples = [Sample(dts=first + n * STEP, data=b"x") for n in range(count)]
    return Fragment(
        track_id=1, samples=samples, end=first + count * STEP, bits=bits, digest=digest or str((first, count)).encode()
    )


def times(found: list[Ordered]) -> list[int]:
    return [sample.dts for ordered in found for sample in ordered.samples]


def test_fragments_in_order() -> None:
    track = TrackSequence(SCALE)
    assert times(track.take(piece(5000), 0)) == list(range(5000, 6000, STEP))
    assert times(track.take(piece(6000), 1)) == list(range(6000, 7000, STEP))


@pytest.mark.rule("DASH-IF ingest 6.8 6", "a fragment that was received already is ignored")
def test_a_fragment_that_is_sent_again() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    track.take(piece(1000), 0)
    assert track.take(piece(0), 1) == [] == track.take(piece(1000), 1)
    assert track.repeated == 2
    assert times(track.take(piece(2000), 2))[0] == 2000


def test_a_segment_that_is_sent_again_from_its_start_gives_what_was_missing() -> None:
    """The connection broke in the second of two chunks; the segment comes again as one."""
    track = TrackSequence(SCALE)
    track.take(piece(0, 5), 0)
    assert times(track.take(piece(0, 10), 1)) == list(range(500, 1000, STEP))


def test_a_late_fragment_is_waited_for() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    assert track.take(piece(2000), 0.1) == []
    assert track.take(piece(3000), 0.2) == []
    assert times(track.take(piece(1000), 0.3)) == list(range(1000, 4000, STEP))
    assert track.gaps == 0


@pytest.mark.rule("DASH-IF ingest 6.8 6", "a discontinuity is permissible: missing media is a gap, not an error")
def test_a_hole_that_nobody_fills_is_a_gap() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    assert track.take(piece(2000), 1) == []
    assert track.take(piece(2000), 1.5) == [], "sent again while it waits"
    assert track.tick(1 + PATIENCE_S - 0.01) == []
    assert times(track.tick(1 + PATIENCE_S)) == list(range(2000, 3000, STEP))
    assert (track.gaps, track.repeated) == (1, 1)
    assert track.take(piece(1000), 9) == [], "too late now"


def test_holes_hold_no_more_than_so_many() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    found = []
    for n in range(MAX_HELD + 2):
        found += track.take(piece(2000 + n * 2000), 0)
    assert times(found)[0] == 2000


def test_rounded_times_are_no_hole() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    assert times(track.take(piece(1001), 0))[0] == 1001
    assert times(track.take(piece(2000), 0))[0] == 2000, "and none is lost by an overlap of a tick"


@pytest.mark.rule("DASH-IF ingest 6.2 19", "a restarted track sends its header again")
def test_a_source_that_begins_anew() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(50_000), 0)
    track.header()
    (anew,) = track.take(piece(0, digest=b"another"), 1)
    assert anew.anew and times([anew])[0] == 0
    (after,) = track.take(piece(1000), 1)
    assert not after.anew


def test_a_header_that_is_sent_again_is_no_new_beginning() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    track.take(piece(1000), 0)
    track.header()
    assert track.take(piece(1000), 1) == []
    (after,) = track.take(piece(2000), 1)
    assert not after.anew


def test_far_back_without_a_header_is_a_new_beginning_too() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(100_000), 0)
    (anew,) = track.take(piece(0), 1)
    assert anew.anew


@pytest.mark.rule("DASH-IF ingest 6.9", "two sources with one timeline: the second one's fragments are repetitions")
def test_epoch_times_never_begin_anew() -> None:
    track = TrackSequence(SCALE, epoch=True)
    track.take(piece(100_000), 0)
    track.header()
    assert track.take(piece(0, digest=b"older"), 1) == []
    assert track.take(piece(100_000, digest=b"the other encoder's"), 1) == []
    assert times(track.take(piece(101_000, digest=b"whose is first"), 2))[0] == 101_000


def test_times_of_32_bits_go_on_behind_their_end() -> None:
    track = TrackSequence(SCALE)
    wrap = 1 << 32
    track.take(piece(wrap - 1000, bits=32), 0)
    assert times(track.take(piece(0, bits=32), 0))[0] == wrap
    assert times(track.take(piece(1000, bits=32), 0))[0] == wrap + 1000


def test_the_end_gives_what_waits() -> None:
    track = TrackSequence(SCALE)
    track.take(piece(0), 0)
    track.take(piece(4000), 0)
    track.take(piece(2000), 0)
    assert times(track.flush()) == [*range(2000, 3000, STEP), *range(4000, 5000, STEP)]
