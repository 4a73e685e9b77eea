from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.media_clock import AudioSteps, Placed, SourceTimeline, VideoTicks

WRAP = 1 << 32


def test_time_goes_on_through_the_wrap() -> None:
    """RTMP 4: 32-bit milliseconds."""
    timeline = SourceTimeline()
    begin = WRAP - 50
    placed = [timeline.place("video", (begin + ms) % WRAP) for ms in range(0, 200, 40)]
    assert placed == [Placed(0, ms) for ms in range(0, 200, 40)]


def test_a_jump_begins_a_stretch_for_all_tracks() -> None:
    timeline = SourceTimeline()
    timeline.place("video", 5000)
    timeline.place("audio", 5010)
    assert timeline.place("video", 90_000) == Placed(1, 0)
    assert timeline.place("audio", 5033) == Placed(0, 33)  # a straggler of the old stretch
    assert timeline.place("audio", 90_020) == Placed(1, 20)
    assert timeline.place("video", 100) == Placed(2, 0)


def test_slow_video_beside_audio_is_no_jump() -> None:
    timeline = SourceTimeline()
    timeline.place("video", 0)
    for ms in range(0, 3000, 20):
        assert timeline.place("audio", ms).stretch == 0
    assert timeline.place("video", 3000) == Placed(0, 3000)


def test_a_pause_of_one_track_ends_where_the_other_is() -> None:
    timeline = SourceTimeline()
    timeline.place("video", 0)
    timeline.place("audio", 0)
    for ms in range(40, 5000, 40):
        timeline.place("video", ms)
    assert timeline.place("audio", 5000) == Placed(0, 5000)


def test_tracks_may_begin_apart() -> None:
    timeline = SourceTimeline()
    timeline.place("audio", 0)
    assert timeline.place("video", 2500) == Placed(0, 2500)


@given(st.lists(st.tuples(st.sampled_from(["video", "audio"]), st.integers(0, WRAP - 1)), max_size=60))
def test_stretches_never_go_back_for_a_track(frames: list[tuple[str, int]]) -> None:
    timeline = SourceTimeline()
    last: dict[str, int] = {}
    for track, timestamp in frames:
        stretch = timeline.place(track, timestamp).stretch
        assert stretch >= last.get(track, 0)
        last[track] = stretch


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=50))
def test_video_times_rise_whatever_comes(times: list[int]) -> None:
    ticks = VideoTicks(90_000, after=4)
    placed = [ticks.place(ms) for ms in times]
    assert all(later > earlier for earlier, later in zip([4, *placed], placed, strict=False))


def test_video_is_exact_where_ms_are() -> None:
    ticks = VideoTicks(90_000)
    assert [ticks.place(1_795_300_000_000 + ms) - 161_577_000_000_000 for ms in (0, 40, 80)] == [0, 3600, 7200]


def test_audio_is_rebuilt_from_rounded_times() -> None:
    """44.1 kHz frames last 23.22 ms: rounded they come 23 and 24 ms apart."""
    steps = AudioSteps(44_100, 1024)
    placed = [steps.place(n * 1024 * 1000 // 44_100) for n in range(5000)]
    assert placed == [n * 1024 for n in range(5000)]
    assert steps.resyncs == 0


def test_jitter_of_two_frames_is_absorbed_and_a_gap_is_not() -> None:
    steps = AudioSteps(48_000, 1024)
    assert steps.place(1000) == 48_000
    assert steps.place(1021 + 42) == 49_024
    assert steps.place(2000) == 96_000
    assert steps.resyncs == 1


def test_audio_that_falls_back_has_no_room() -> None:
    steps = AudioSteps(48_000, 1024)
    for n in range(10):
        steps.place(1000 + n * 1024 // 48)
    assert steps.place(1_050) is None
    assert steps.place(1_213) == 48_000 + 10 * 1024
    assert steps.resyncs == 0


def test_a_floor_holds() -> None:
    assert AudioSteps(48_000, 1024, after=47_999).place(900) == 48_000


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=80))
def test_audio_times_rise_whatever_comes(times: list[int]) -> None:
    steps = AudioSteps(48_000, 1024)
    placed = [dts for ms in times if (dts := steps.place(ms)) is not None]
    assert all(later - earlier >= 1024 for earlier, later in itertools.pairwise(placed))


def test_steps_fit_their_format_only() -> None:
    assert AudioSteps(48_000, 1024).fits(48_000, 1024)
    assert not AudioSteps(48_000, 1024).fits(44_100, 1024)
