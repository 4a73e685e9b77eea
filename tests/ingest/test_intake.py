from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from ingest.flv import Config, Frame
from ingest.intake import Intake, Outcome, Run, Stamped
from tests.kit.rtmp import ASC, AVCC

NOW = 1_795_300_000_000
VIDEO, AUDIO = Config(kind="video", record=AVCC), Config(kind="audio", record=ASC)
OTHER_AAC = Config(kind="audio", record=bytes.fromhex("1210"))


class Source:
    """Frames at 25 a second with AAC beside them; `now` runs with the source's clock."""

    def __init__(self, *configs: Config, not_before_ms: int = 0, delay_ms: int = 0) -> None:
        self.intake = Intake(segment_ms=2000, not_before_ms=not_before_ms)
        for config in configs:
            self.intake.config(config)
        self.offset = 0  # what the source adds to its timestamps
        self.delay_ms = delay_ms
        self.sound = 0

    def plays(
        self, begin_ms: int, end_ms: int, *, keys: set[int] | None = None, kinds: tuple[str, ...] = ("video", "audio")
    ) -> list[Outcome]:
        out: list[Outcome] = []
        for ms in range(begin_ms, end_ms, 40):
            now = NOW + ms + self.delay_ms
            if "video" in kinds:
                key = ms in keys if keys is not None else ms % 2000 == 0
                frame = Frame(kind="video", data=b"v", key=key)
                out += self.intake.frame(frame, (ms + self.offset) % 2**32, now)
            while "audio" in kinds and self.sound * 1024 // 48 <= ms:
                at = self.sound * 1024 // 48
                out += self.intake.frame(Frame(kind="audio", data=b"a"), (at + self.offset) % 2**32, now)
                self.sound += 1
        return out


def runs(outcomes: list[Outcome]) -> list[Run]:
    return [outcome for outcome in outcomes if isinstance(outcome, Run)]


def times(outcomes: list[Outcome], track: str) -> list[int]:
    return [o.sample.dts for o in outcomes if isinstance(o, Stamped) and o.track == track]


def test_frames_are_held_until_the_second_keyframe() -> None:
    source = Source(VIDEO, AUDIO)
    assert source.plays(0, 2000) == []
    out = source.plays(2000, 2040)
    assert isinstance(out[0], Run)
    assert out[0].grid.grid_ms == 2000
    assert out[0].jumped
    assert sorted(out[0].formats) == ["a1", "v1"]
    assert times(out, "v1") == [(NOW + ms) * 90 for ms in range(0, 2040, 40)]
    audio = times(out, "a1")
    assert audio[0] == NOW * 48
    assert {later - earlier for earlier, later in itertools.pairwise(audio)} == {1024}


def test_the_clock_is_anchored_by_the_least_delayed_frame() -> None:
    """A relay that begins with a burst of two old seconds: the newest frame is now, the oldest in the past."""
    source = Source(VIDEO)
    out: list[Outcome] = []
    for ms in range(0, 2040, 40):
        out += source.intake.frame(Frame(kind="video", data=b"v", key=ms % 2000 == 0), ms, NOW + 2000)
    assert times(out, "v1")[0] == NOW * 90


def test_nothing_is_stamped_before_what_the_channel_has() -> None:
    out = Source(VIDEO, AUDIO, not_before_ms=NOW + 700).plays(0, 2040)
    assert times(out, "v1")[0] == (NOW + 700) * 90


def test_audio_alone() -> None:
    source = Source(AUDIO)
    out = source.plays(0, 3200, kinds=("audio",))
    assert [sorted(run.formats) for run in runs(out)] == [["a1"]]
    assert runs(out)[0].grid.grid_ms == 2000
    assert len(times(out, "a1")) == source.sound


def test_video_alone() -> None:
    out = Source(VIDEO).plays(0, 2040, kinds=("video",))
    assert [sorted(run.formats) for run in runs(out)] == [["v1"]]


def test_video_that_appears_later_begins_a_run_of_both() -> None:
    source = Source(AUDIO)
    source.plays(0, 4000, kinds=("audio",))
    source.intake.config(VIDEO)
    out = source.plays(4000, 6040)
    assert [sorted(run.formats) for run in runs(out)] == [["a1", "v1"]]
    assert not runs(out)[0].jumped


def test_audio_that_appears_later_begins_a_run_of_both() -> None:
    source = Source(VIDEO)
    source.plays(0, 2040, kinds=("video",))
    source.intake.config(AUDIO)
    source.sound = 96  # 2048 ms
    out = source.plays(2040, 4080)
    assert [sorted(run.formats) for run in runs(out)] == [["a1", "v1"]]


@pytest.mark.parametrize("jump_ms", [5_000, -1_500, 2**31, 3_600_000])
def test_a_jump_of_the_sources_clock_begins_a_run_at_its_next_keyframe(jump_ms: int) -> None:
    source = Source(VIDEO, AUDIO)
    first = source.plays(0, 3000)
    source.offset = jump_ms
    out = source.plays(3000, 5000)
    assert [run.jumped for run in runs(out)] == [True]
    assert times(out, "v1")[0] >= (NOW + 4000) * 90, "from the keyframe on, in step with the wall clock"
    assert times(out, "a1")[0] > times(first, "a1")[-1]
    assert source.intake.resyncs["jump"] == 1


def test_a_wrap_of_the_sources_clock_is_no_jump() -> None:
    source = Source(VIDEO, AUDIO)
    source.offset = -1000
    assert len(runs(source.plays(0, 6000))) == 1


def test_an_irregular_keyframe_begins_a_counted_run() -> None:
    source = Source(VIDEO, AUDIO)
    out = source.plays(0, 6000, keys={0, 2000, 4000, 4400})
    first, second = runs(out)
    assert (first.grid.counted, second.grid.counted) == (False, True)
    assert not second.jumped
    after = out[out.index(second) + 1]
    assert isinstance(after, Stamped)
    assert after.sample.sync
    assert after.sample.dts == (NOW + 4400) * 90


def test_a_changed_configuration_begins_a_run_and_a_repeated_one_does_not() -> None:
    source = Source(VIDEO, AUDIO)
    source.plays(0, 3000)
    source.intake.config(VIDEO)
    source.intake.config(AUDIO)
    assert runs(source.plays(3000, 5000)) == []
    source.intake.config(OTHER_AAC)
    [run] = runs(source.plays(5000, 6040))
    assert run.formats["a1"].timescale == 44_100


def test_no_keyframe_is_refused_after_ten_seconds() -> None:
    with pytest.raises(Problem, match="keyframe interval to 2 s"):
        Source(VIDEO, AUDIO).plays(0, 11_000, keys={0})
    source = Source(VIDEO, AUDIO)
    source.plays(0, 4000)
    with pytest.raises(Problem, match="keyframe interval to 2 s"):
        source.plays(4000, 15_000, keys=set())


def test_a_track_that_stops_is_said_to_have_stopped() -> None:
    source = Source(VIDEO, AUDIO)
    source.plays(0, 4000)
    with pytest.raises(Problem, match="audio stopped"):
        source.plays(4000, 16_000, kinds=("video",))


def test_what_is_held_is_bounded() -> None:
    intake = Intake(segment_ms=2000)
    intake.config(VIDEO)
    with pytest.raises(Problem, match="before the second keyframe") as refused:
        for n in range(100):
            intake.frame(Frame(kind="video", data=bytes(1 << 20), key=n == 0), n * 40, NOW)
    assert refused.value.kind.name == "too-large"


def test_frames_before_their_configuration_are_dropped() -> None:
    intake = Intake(segment_ms=2000)
    assert intake.frame(Frame(kind="video", data=b"v"), 0, NOW) == []
    assert intake.dropped == 1


def test_a_bad_configuration_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        Intake(segment_ms=2000).config(Config(kind="video", record=b"\x01"))
    assert refused.value.kind.name == "unplayable"


FRAMES = st.lists(
    st.tuples(st.sampled_from(["video", "audio"]), st.booleans(), st.integers(-3000, 3000) | st.integers(0, 2**32 - 1)),
    max_size=120,
)


@given(FRAMES)
@settings(max_examples=200)
def test_times_rise_in_every_track_whatever_the_publisher_does(frames: list[tuple[str, bool, int]]) -> None:
    intake = Intake(segment_ms=2000)
    intake.config(VIDEO)
    intake.config(AUDIO)
    timestamp, now, last = 0, NOW, {"v1": -1, "a1": -1}
    running = False
    for kind, key, step in frames:
        timestamp = (timestamp + step) % 2**32
        now += 30
        try:
            out = intake.frame(Frame(kind=kind, data=b"x", key=key), timestamp, now)
        except Problem:
            return
        for outcome in out:
            if isinstance(outcome, Run):
                running = True
                continue
            assert running
            assert outcome.sample.dts > last[outcome.track]
            last[outcome.track] = outcome.sample.dts
