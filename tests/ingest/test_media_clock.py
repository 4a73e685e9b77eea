from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.media_clock import AudioSteps, KeptTicks, Placed, SourceTimeline, VideoTicks

MS = 1000


def test_a_jump_begins_a_stretch_for_all_tracks() -> None:
    timeline = SourceTimeline()
    timeline.place("v1", 5000 * MS)
    timeline.place("a1", 5010 * MS)
    assert timeline.place("v1", 90_000 * MS) == Placed(1, 0)
    assert timeline.place("a1", 5033 * MS) == Placed(0, 33 * MS)  # a straggler of the old stretch
    assert timeline.place("a1", 90_020 * MS) == Placed(1, 20 * MS)
    assert timeline.place("v1", 100 * MS) == Placed(2, 0)


def test_slow_video_beside_audio_is_no_jump() -> None:
    timeline = SourceTimeline()
    timeline.place("v1", 0)
    for ms in range(0, 3000, 20):
        assert timeline.place("a1", ms * MS).stretch == 0
    assert timeline.place("v1", 3000 * MS) == Placed(0, 3000 * MS)


def test_a_pause_of_one_track_ends_where_the_others_are() -> None:
    timeline = SourceTimeline()
    for track in ("v1", "v2", "a1"):
        timeline.place(track, 0)
    for ms in range(40, 5000, 40):
        timeline.place("v1", ms * MS)
    assert timeline.place("a1", 5000 * MS) == Placed(0, 5000 * MS)
    assert timeline.place("v2", 5000 * MS) == Placed(0, 5000 * MS)


def test_tracks_may_begin_apart() -> None:
    timeline = SourceTimeline()
    timeline.place("a1", 0)
    assert timeline.place("v1", 2500 * MS) == Placed(0, 2500 * MS)


@given(st.lists(st.tuples(st.sampled_from(["v1", "v2", "a1"]), st.integers(-(2**45), 2**45)), max_size=60))
def test_stretches_never_go_back_for_a_track(frames: list[tuple[str, int]]) -> None:
    timeline = SourceTimeline()
    last: dict[str, int] = {}
    for track, us in frames:
        stretch = timeline.place(track, us).stretch
        assert stretch >= last.get(track, 0)
        last[track] = stretch


@given(st.lists(st.integers(0, 10**16), min_size=1, max_size=50))
def test_video_times_rise_whatever_comes(times: list[int]) -> None:
    ticks = VideoTicks(90_000, after=4)
    placed = [ticks.place(us) for us in times]
    assert all(later > earlier for earlier, later in zip([4, *placed], placed, strict=False))


def test_video_is_exact_where_ms_are() -> None:
    ticks = VideoTicks(90_000)
    epoch = 1_795_300_000_000
    assert [ticks.place((epoch + ms) * MS) - epoch * 90 for ms in (0, 40, 80)] == [0, 3600, 7200]


def test_a_clock_of_90_khz_goes_through_unrounded() -> None:
    """30000/1001 pictures a second are 3003 ticks apart, which are no whole microseconds."""
    ticks, anchor = VideoTicks(90_000), 1_795_300_000_123 * MS
    placed = [ticks.place((n * 3003 * 1_000_000 + 45_000) // 90_000 + anchor) for n in range(2000)]
    assert placed == [anchor * 9 // 100 + n * 3003 for n in range(2000)]


def test_a_picture_is_shown_when_it_is_due_even_where_its_decode_time_had_to_move() -> None:
    ticks = VideoTicks(90_000)
    assert (ticks.place(1_000_000), ticks.offset(1_000_000, 40, 1000)) == (90_000, 3600)
    assert (ticks.place(900_000), ticks.offset(900_000, 140, 1000)) == (90_001, 3599)
    assert (ticks.place(900_000), ticks.offset(900_000, 40, 1000)) == (90_002, 0)


def test_audio_is_rebuilt_from_rounded_times() -> None:
    """44.1 kHz frames last 23.22 ms: rounded they come 23 and 24 ms apart."""
    steps = AudioSteps(44_100)
    placed = [steps.place(n * 1024 * 1000 // 44_100 * MS, 1024) for n in range(5000)]
    assert placed == [n * 1024 for n in range(5000)]
    assert steps.resyncs == 0


def test_frames_may_last_differently() -> None:
    """Opus packets of 20 and of 60 ms."""
    steps = AudioSteps(48_000)
    assert [steps.place(ms * MS, 48 * lasts) for ms, lasts in ((0, 20), (20, 60), (80, 20))] == [0, 960, 3840]


def test_jitter_of_two_frames_is_absorbed_and_a_gap_is_not() -> None:
    steps = AudioSteps(48_000)
    assert steps.place(1000 * MS, 1024) == 48_000
    assert steps.place((1021 + 42) * MS, 1024) == 49_024
    assert steps.place(2000 * MS, 1024) == 96_000
    assert steps.resyncs == 1


def test_audio_that_falls_back_has_no_room() -> None:
    steps = AudioSteps(48_000)
    for n in range(10):
        steps.place((1000 + n * 1024 // 48) * MS, 1024)
    assert steps.place(1_050 * MS, 1024) is None
    assert steps.place(1_213 * MS, 1024) == 48_000 + 10 * 1024
    assert steps.resyncs == 0


def test_a_floor_holds() -> None:
    assert AudioSteps(48_000, after=47_999).place(900 * MS, 1024) == 48_000


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=80))
def test_audio_times_rise_whatever_comes(times: list[int]) -> None:
    steps = AudioSteps(48_000)
    placed = [dts for us in times if (dts := steps.place(us, 1024)) is not None]
    assert all(later - earlier >= 1024 for earlier, later in itertools.pairwise(placed))


def test_kept_times_only_have_to_rise() -> None:
    ticks = KeptTicks(48_000, after=999)
    assert [ticks.place(dts) for dts in (999, 1000, 5000, 5000, 4000, 6024)] == [None, 1000, 5000, None, None, 6024]
