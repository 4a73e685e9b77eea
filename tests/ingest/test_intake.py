from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from ingest.intake import MOST_STILL, Intake, Outcome, Run, Stamped
from ingest.media import Frame, TrackConfig
from packager.entries import aac_format, avc_format
from tests.kit.rtmp import ASC, AVCC

NOW = 1_795_300_000_000
VIDEO, AUDIO = TrackConfig(track="v1", format=avc_format(AVCC)), TrackConfig(track="a1", format=aac_format(ASC))
OTHER_AAC = TrackConfig(track="a1", format=aac_format(bytes.fromhex("1210")))
SMALL = TrackConfig(track="v2", format=avc_format(AVCC))
GERMAN = TrackConfig(track="a2", format=aac_format(ASC, "deu"))


def frame(track: str, ms: int, *, key: bool = True, data: bytes = b"x") -> Frame:
    return Frame(track=track, dts=ms, timescale=1000, key=key, data=data)


class Source:
    """Frames at 25 a second with AAC beside them; `now` runs with the source's clock."""

    def __init__(self, *configs: TrackConfig, not_before_ms: int = 0) -> None:
        self.intake = Intake(segment_ms=2000, not_before_ms=not_before_ms)
        for config in configs:
            self.intake.config(config)
        self.offset = 0  # what the source adds to its timestamps
        self.sounds: dict[str, int] = {}  # by track: the next frame

    def plays(
        self,
        begin_ms: int,
        end_ms: int,
        *,
        keys: set[int] | None = None,
        tracks: tuple[str, ...] = ("v1", "a1"),
    ) -> list[Outcome]:
        out: list[Outcome] = []
        for ms in range(begin_ms, end_ms, 40):
            for track in tracks:
                if track[0] == "v":
                    key = ms in keys if keys is not None else ms % 2000 == 0
                    out += self.intake.frame(frame(track, ms + self.offset, key=key), NOW + ms)
                    continue
                sound = self.sounds.get(track, -(-begin_ms * 48 // 1024))
                while sound * 1024 // 48 <= ms:
                    out += self.intake.frame(frame(track, sound * 1024 // 48 + self.offset), NOW + ms)
                    sound += 1
                self.sounds[track] = sound
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
        out += source.intake.frame(frame("v1", ms, key=ms % 2000 == 0), NOW + 2000)
    assert times(out, "v1")[0] == NOW * 90


def test_nothing_is_stamped_before_what_the_channel_has() -> None:
    out = Source(VIDEO, AUDIO, not_before_ms=NOW + 700).plays(0, 2040)
    assert times(out, "v1")[0] == (NOW + 700) * 90


def test_audio_alone() -> None:
    source = Source(AUDIO)
    out = source.plays(0, 3200, tracks=("a1",))
    assert [sorted(run.formats) for run in runs(out)] == [["a1"]]
    assert runs(out)[0].grid.grid_ms == 2000
    assert len(times(out, "a1")) == source.sounds["a1"]


def test_video_alone() -> None:
    out = Source(VIDEO).plays(0, 2040, tracks=("v1",))
    assert [sorted(run.formats) for run in runs(out)] == [["v1"]]


def test_video_that_appears_later_begins_a_run_of_both() -> None:
    source = Source(AUDIO)
    source.plays(0, 4000, tracks=("a1",))
    source.intake.config(VIDEO)
    out = source.plays(4000, 6040)
    assert [sorted(run.formats) for run in runs(out)] == [["a1", "v1"]]
    assert not runs(out)[0].jumped


def test_audio_that_appears_later_begins_a_run_of_both() -> None:
    source = Source(VIDEO)
    source.plays(0, 2040, tracks=("v1",))
    source.intake.config(AUDIO)
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


def test_a_track_that_stops_is_left_out_and_taken_in_again() -> None:
    source = Source(VIDEO, AUDIO)
    source.plays(0, 4000)
    out = source.plays(4000, 18_000, tracks=("v1",))
    assert [sorted(run.formats) for run in runs(out)] == [["v1"]]
    assert len(times(out, "v1")) == 350, "no picture is lost"
    source.sounds.clear()
    [run] = runs(source.plays(18_000, 21_000))
    assert sorted(run.formats) == ["a1", "v1"]
    assert not run.jumped


def test_the_first_picture_that_stops_leaves_the_lead_to_another() -> None:
    source = Source(VIDEO, SMALL, AUDIO)
    [first] = runs(source.plays(0, 4000, tracks=("v1", "v2", "a1")))
    assert list(first.formats) == ["v1", "v2", "a1"]
    later = runs(source.plays(4000, 20_000, tracks=("v2", "a1")))
    assert [list(run.formats) for run in later] == [["v2", "a1"]]
    last = runs(source.plays(20_000, 34_000, tracks=("a1",)))
    assert [list(run.formats) for run in last] == [["a1"]]


def test_renditions_and_languages() -> None:
    source = Source(GERMAN, SMALL, AUDIO, VIDEO)
    out = source.plays(0, 4000, tracks=("v2", "v1", "a2", "a1"))
    [run] = runs(out)
    assert list(run.formats) == ["v1", "v2", "a1", "a2"], "in the order of playlists, however they came"
    assert run.formats["a2"].language == "deu"
    assert times(out, "v1") == times(out, "v2") == [(NOW + ms) * 90 for ms in range(0, 4000, 40)]
    assert times(out, "a1") == times(out, "a2")


def test_a_track_that_is_configured_and_never_comes_is_left_out() -> None:
    out = Source(VIDEO, AUDIO).plays(0, 6000, tracks=("v1",))
    assert [list(run.formats) for run in runs(out)] == [["v1"]]


def test_any_timescale() -> None:
    """Pictures at 90 kHz, sound at its own rate: as MPEG-TS and RTP bring them."""
    intake, out = Intake(segment_ms=2000), []
    intake.config(VIDEO)
    intake.config(AUDIO)
    for n in range(61):
        picture = Frame(track="v1", dts=n * 3003, timescale=90_000, cto=3003, key=n % 60 == 0, data=b"v")
        out += intake.frame(picture, NOW + n * 1001 // 30)
        sound = Frame(track="a1", dts=n * 1024, timescale=48_000, data=b"a")
        out += intake.frame(sound, NOW + n * 1001 // 30)
    assert times(out, "v1") == [NOW * 90 + n * 3003 for n in range(61)]
    assert {o.sample.cto for o in out if isinstance(o, Stamped) and o.track == "v1"} == {3003}
    assert {b - a for a, b in itertools.pairwise(times(out, "a1"))} == {1024}


def test_open_gops_are_measured_as_they_are_shown() -> None:
    """A CRA picture is decoded before the pictures that lead up to it: here two frames early."""
    intake, out = Intake(segment_ms=2000), []
    intake.config(VIDEO)
    for n in range(200):
        group, place = divmod(n + 2, 50) if n >= 48 else (0, n)
        key = place == 0
        shown = (group * 50 + (0 if key else place)) * 40 + 80
        picture = Frame(track="v1", dts=n * 40, timescale=1000, cto=shown - n * 40, key=key, data=b"v")
        out += intake.frame(picture, NOW + n * 40)
    [run] = runs(out)
    assert (run.grid.grid_ms, run.grid.counted) == (2000, False)
    assert run.grid.frame_ms == pytest.approx(40, abs=1)


def test_too_many_tracks() -> None:
    intake = Intake(segment_ms=2000)
    with pytest.raises(Problem, match="over 16 tracks"):
        for n in range(1, 18):
            intake.config(TrackConfig(track=f"a{n}", format=AUDIO.format))


def test_no_frame_of_a_new_format_gets_into_the_old_run() -> None:
    source = Source(VIDEO, AUDIO)
    source.plays(0, 3000)
    source.intake.config(OTHER_AAC)
    assert times(source.plays(3000, 4000), "a1") == []
    out = source.plays(4000, 4040)
    assert runs(out)[0].formats["a1"] == OTHER_AAC.format


def test_sound_after_a_jump_begins_where_the_sound_before_it_ended() -> None:
    """Its last frames came up to two early, and kept their steps; those after the jump come with no delay at all."""
    intake = Source(AUDIO).intake
    out: list[Outcome] = []
    for number in range(200):
        ms = number * 1024 // 48
        out += intake.frame(frame("a1", ms - (30 if number >= 150 else 0)), NOW + ms)
    for number in range(3):
        out += intake.frame(frame("a1", 100_000 + number * 1024 // 48), NOW)
    found = times(out, "a1")
    assert len(found) == 203 and len(runs(out)) == 2
    assert min(later - earlier for earlier, later in itertools.pairwise(found)) >= 1024


def test_what_is_held_is_bounded() -> None:
    intake = Intake(segment_ms=2000)
    intake.config(VIDEO)
    with pytest.raises(Problem, match="before the second keyframe") as refused:
        for n in range(100):
            intake.frame(frame("v1", n * 40, key=n == 0, data=bytes(1 << 20)), NOW)
    assert refused.value.kind.name == "too-large"


def test_frames_before_their_configuration_are_dropped() -> None:
    intake = Intake(segment_ms=2000)
    assert intake.frame(frame("v1", 0), NOW) == []
    assert intake.dropped == 1


def drifting(ppm: int, seconds: int) -> tuple[Intake, list[Outcome], list[int]]:
    """A source whose clock is `ppm` fast: what comes out, and how far each picture's time was from UTC, in us."""
    intake, out, off = Intake(segment_ms=2000), [], []
    intake.config(VIDEO)
    intake.config(AUDIO)
    sound = 0
    for n in range(seconds * 5):
        ms = n * 200  # of the source
        now_ms = NOW + round(ms / (1 + ppm / 1_000_000))
        found = intake.frame(frame("v1", ms, key=n % 10 == 0), now_ms)
        while sound * 1024 // 48 <= ms:
            found += intake.frame(frame("a1", sound * 1024 // 48, data=b"%d" % sound), now_ms)
            sound += 1
        stamps = [o.sample.dts // 90 * 1000 for o in found if isinstance(o, Stamped) and o.track == "v1"]
        off += [stamp - now_ms * 1000 for stamp in stamps[-1:]]
        out += found
    return intake, out, off


@pytest.mark.parametrize(
    ("ppm", "seconds"), [(-200, 1200), (200, 1200), pytest.param(200, 86_400, marks=pytest.mark.slow)]
)
def test_a_source_that_drifts_is_held_to_utc_within_a_tenth_of_a_second(ppm: int, seconds: int) -> None:
    intake, out, off = drifting(ppm, seconds)
    assert max(abs(us) for us in off) < 100_000
    [run] = runs(out)
    assert (run.grid.grid_ms, run.grid.counted) == (2000, False), "keyframes stay regular"
    assert intake.resyncs == {"jump": 0, "drift": 0, "audio": 0, "overlap": 0}
    pictures, sounds = times(out, "v1"), times(out, "a1")
    assert {b - a for a, b in itertools.pairwise(sounds)} == {1024}, "sound has neither gaps nor overlaps"
    steps = {b - a for a, b in itertools.pairwise(pictures)}
    assert min(steps) > 0 and max(abs(step - 18_000) for step in steps) <= 18
    assert abs(sounds[-1] / 48_000 - pictures[-1] / 90_000) < 0.3, "and keeps with the picture"
    data = [int(o.sample.data) for o in out if isinstance(o, Stamped) and o.track == "a1"]
    changed = sum(b - a != 1 for a, b in itertools.pairwise(data))
    assert changed == pytest.approx(seconds * 200e-6 / (1024 / 48_000), abs=6), "a frame less or more, now and then"


@pytest.mark.parametrize("ppm", [-8000, 8000])
def test_a_clock_that_runs_away_is_anchored_anew(ppm: int) -> None:
    intake, out, off = drifting(ppm, 900)
    assert intake.resyncs["drift"] >= 1
    assert [run.jumped for run in runs(out)] == [True] * len(runs(out))
    assert max(abs(us) for us in off) < 4_500_000
    for track in ("v1", "a1"):
        assert all(b > a for a, b in itertools.pairwise(times(out, track)))


def test_pictures_at_any_rate() -> None:
    """A variable frame rate: each picture keeps its time, and regular keyframes their grid."""
    intake, out = Intake(segment_ms=2000), []
    intake.config(VIDEO)
    shown = [group * 2000 + ms for group in range(5) for ms in (0, 33, 50, 67, 400, 1100, 1117, 1900)]
    for ms in shown:
        out += intake.frame(frame("v1", ms, key=ms % 2000 == 0), NOW + ms)
    assert times(out, "v1") == [(NOW + ms) * 90 for ms in shown]
    assert [run.grid.counted for run in runs(out)] == [False]


FRAMES = st.lists(
    st.tuples(
        st.sampled_from(["v1", "v2", "a1"]), st.booleans(), st.integers(-3000, 3000) | st.integers(-(2**33), 2**33)
    ),
    max_size=120,
)


@given(FRAMES)
@settings(max_examples=200)
def test_times_rise_in_every_track_whatever_the_publisher_does(frames: list[tuple[str, bool, int]]) -> None:
    intake = Intake(segment_ms=2000)
    for config in (VIDEO, SMALL, AUDIO):
        intake.config(config)
    ms, now, last = 0, NOW, {"v1": -1, "v2": -1, "a1": -1}
    present: set[str] = set()
    for track, key, step in frames:
        ms += step
        now += 30
        try:
            out = intake.frame(frame(track, ms, key=key or track == "a1"), now)
        except Problem:
            return
        for outcome in out:
            if isinstance(outcome, Run):
                present = set(outcome.formats)
                continue
            assert outcome.track in present
            assert outcome.sample.dts > last[outcome.track]
            last[outcome.track] = outcome.sample.dts


def exact(config: TrackConfig, first: int, count: int, *, gop: int = 25) -> list[Frame]:
    """Frames `first` and on of a track's whole timeline since 1970, in its own timescale."""
    fmt = config.format
    step = fmt.sample_duration or fmt.timescale // 25
    return [
        Frame(track=config.track, dts=n * step, timescale=fmt.timescale, key=bool(fmt.sample_duration) or n % gop == 0,
              data=n.to_bytes(8, "big"))
        for n in range(first, first + count)
    ]  # fmt: skip


def anchored(first: int, count: int, *, not_before_ms: int = 0) -> list[Outcome]:
    """What comes of an anchored source that joins at picture `first`."""
    intake = Intake(segment_ms=2000, not_before_ms=not_before_ms)
    intake.anchored = True
    intake.config(VIDEO)
    return [outcome for one in exact(VIDEO, first, count) for outcome in intake.frame(one, NOW)]


@pytest.mark.rule("DASH-IF ingest 6.9", "times since 1970 are kept, and segments begin at K times their duration")
@pytest.mark.parametrize("late", [0, 1, 24, 25, 26, 49, 60])
def test_anchored_sources_cut_alike_whenever_they_join(late: int) -> None:
    second = NOW // 1000 // 2 * 2 + 2
    out = anchored(second * 25 - 10 + late, 400)
    (run,) = runs(out)
    assert (run.grid.grid_ms, run.jumped) == (2000, True)
    found = times(out, "v1")
    assert found[0] % (2 * 90_000) == 0, "the first keyframe of a cell, not any keyframe"
    assert found == [found[0] + n * 3600 for n in range(len(found))]
    assert found[-1] == (second * 25 - 10 + late + 399) * 3600


def test_a_hole_in_anchored_times_is_no_jump() -> None:
    intake = Intake(segment_ms=2000)
    intake.anchored = True
    intake.config(VIDEO)
    second = NOW // 1000 // 2 * 2
    frames = [*exact(VIDEO, second * 25, 100), *exact(VIDEO, second * 25 + 300, 100)]
    out = [outcome for one in frames for outcome in intake.frame(one, NOW)]
    assert len(runs(out)) == 1
    assert times(out, "v1") == [one.dts for one in frames]


def test_an_anchored_source_goes_on_where_the_one_before_ended() -> None:
    second = NOW // 1000 // 2 * 2
    out = anchored(second * 25, 300, not_before_ms=(second + 3) * 1000)
    assert times(out, "v1")[0] == (second + 4) * 90_000


def test_anchored_times_far_ahead_are_refused() -> None:
    """Of sound, too: the channel would end where they do."""
    intake = Intake(segment_ms=2000)
    intake.anchored = True
    intake.config(VIDEO)
    intake.config(AUDIO)
    for one in exact(VIDEO, NOW // 2000 * 2 * 25, 100):
        intake.frame(one, NOW)
    before = intake.ends_ms
    with pytest.raises(Problem, match="ahead"):
        intake.frame(frame("a1", NOW + 86_400_000), NOW)
    assert intake.ends_ms == before


def test_anchored_times_that_fall_back_are_left_out() -> None:
    intake = Intake(segment_ms=2000)
    intake.anchored = True
    intake.config(VIDEO)
    first = NOW // 2000 * 2 * 25
    frames = [*exact(VIDEO, first, 100), *exact(VIDEO, first + 50, 100)]
    out = [outcome for one in frames for outcome in intake.frame(one, NOW)]
    assert times(out, "v1") == [(first + n) * 3600 for n in range(150)]
    assert intake.resyncs["overlap"] == 50


def test_anchored_sound_alone_begins_on_a_line() -> None:
    intake = Intake(segment_ms=2000)
    intake.anchored = True
    intake.config(AUDIO)
    out = [outcome for one in exact(AUDIO, NOW * 48 // 1024 - 20, 400) for outcome in intake.frame(one, NOW)]
    first = times(out, "a1")[0]
    assert first // 96_000 != (first - 1024) // 96_000


def test_keyframes_that_are_asked_for_may_jitter_within_their_cells() -> None:
    source = Source(VIDEO, AUDIO)
    source.intake.asked = True
    keys = {200, 2320, 4160, 6280, 8200, 10_360}
    out = source.plays(200, 12_000, keys=keys)
    assert [(run.grid.grid_ms, run.grid.counted) for run in runs(out)] == [(2000, False)], "no second one is needed"
    assert len(times(out, "v1")) == (12_000 - 200) // 40


def test_pictures_whose_times_stand_still_are_left_out_and_begin_no_runs() -> None:
    source = Source(VIDEO, AUDIO)
    source.plays(0, 4000)
    found: list[Run] = []
    for ms in range(4000, 20_000, 40):
        found += runs(source.intake.frame(frame("v1", 4000, key=ms % 2000 == 0), NOW + ms))
        found += runs(source.plays(ms, ms + 40, tracks=("a1",)))
    assert [sorted(run.formats) for run in found] == [["a1"]]


def test_pictures_alone_whose_times_stand_still_are_refused() -> None:
    source = Source(VIDEO)
    source.plays(0, 4000, tracks=("v1",))
    with pytest.raises(Problem, match="stand still"):
        for _ in range(MOST_STILL + 2):
            source.intake.frame(frame("v1", 3000), NOW + 4000)


@pytest.mark.parametrize("cto", [-10_001, 10_001, 8_000_000])
def test_a_picture_that_is_shown_far_from_where_it_is_decoded(cto: int) -> None:
    """Its segment would be numbered by when it is shown, and numbers never go back."""
    intake = Source(VIDEO).intake
    with pytest.raises(Problem, match="over 10 s from when it is decoded"):
        intake.frame(Frame(track="v1", dts=0, timescale=1000, cto=cto, data=b"x"), NOW)
