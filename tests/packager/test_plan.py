"""Where an asset is cut: a pure function of its index and the target."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.index import FileKey
from packager.plan import Plan, TrackPlan, make_plan
from packager.policy import Last, Policy
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video


def seconds(track: TrackPlan) -> list[float]:
    return [round(float(d), 3) for d in track.durations]


def edges(plan: Plan, name: str) -> list[int]:
    found = plan.track(name)
    assert found is not None
    return found.first.tolist()


def test_a_regular_film_is_cut_at_the_target() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250), audio(469)), 2000)
    assert seconds(plan.tracks[0]) == [2.0] * 5
    assert plan.count == 5 and plan.target_duration == 2 and plan.switchable
    # audio: the first frame at or after each cut (2 s = frame 93.75)
    assert edges(plan, "a1") == [0, 94, 188, 282, 375, 469]


def test_a_larger_target_takes_several_groups_together() -> None:
    plan = make_plan(index(video(range(0, 250, 25), 250)), 4000)
    assert seconds(plan.tracks[0]) == [4.0, 4.0, 2.0]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([0, 10, 130, 140, 225], [0.4, 4.8, 0.4, 3.4, 3.0]),  # each cut as near to the target as keyframes allow
        ([0], [12.0]),
        ([0, 50, 100, 120], [2.0, 2.0, 0.8, 7.2]),
        ([0, 250, 290], [10.0, 2.0]),  # a stub of less than half a target joins what is before
    ],
)
def test_irregular_keyframes(keys: list[int], expected: list[float]) -> None:
    assert seconds(make_plan(index(video(keys, 300)), 2000).tracks[0]) == expected


def test_audio_alone_is_cut_at_the_target() -> None:
    plan = make_plan(index(audio(469)), 2000)
    assert edges(plan, "a1") == [0, 94, 188, 282, 375, 469]


def test_late_audio_has_nothing_in_the_first_segments() -> None:
    plan = make_plan(index(video(range(0, 500, 50), 500), audio(469, shift=-5 * 48000)), 2000)
    assert edges(plan, "a1")[:4] == [0, 0, 0, 47]
    late = plan.tracks[1]
    # the timeline is the video's where the track has nothing, and goes on from the cut before it has something
    assert late.start[:4].tolist() == [0, 2 * 48000, 4 * 48000, int(late.shown[3])]
    assert late.shown[2] == 5 * 48000


def test_audio_that_goes_on_after_the_picture_is_cut_at_the_target() -> None:
    plan = make_plan(index(video(range(0, 100, 50), 100), audio(469)), 2000)
    assert plan.count == 5
    assert edges(plan, "v1") == [0, 50, 100, 100, 100, 100]
    assert max(seconds(plan.tracks[1])) < 2.03
    assert plan.target_duration == 2


def test_audio_before_the_first_picture_is_cut_at_the_target() -> None:
    plan = make_plan(index(video(range(0, 100, 50), 100, shift=-6 * 12800), audio(469)), 2000)
    assert edges(plan, "v1") == [0, 0, 0, 0, 50, 100]
    assert max(seconds(plan.tracks[1])) < 2.03 and plan.target_duration == 2


def test_short_audio_ends_before_the_picture() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250), audio(100)), 2000)
    assert edges(plan, "a1") == [0, 94, 100, 100, 100, 100]
    assert seconds(plan.tracks[1])[1:] == [0.128, 0, 0, 0]


def test_a_hole_in_the_audio_leaves_the_sum_as_it_is() -> None:
    track = audio(0, durations=[1024] * 100 + [6 * 48000] + [1024] * 100)
    plan = make_plan(index(video(range(0, 500, 50), 500), track), 2000)
    planned = plan.tracks[1]
    assert 0 in [b - a for a, b in zip(planned.first.tolist(), planned.first.tolist()[1:], strict=False)]
    assert float(planned.durations.sum()) == pytest.approx((200 * 1024 + 6 * 48000) / 48000)
    assert max(seconds(planned)) < 2.05


@pytest.mark.rule("ISO/IEC 23009-1 5.3.9.6.2", "numbers of a track go on by one, wherever it has something at all")
def test_a_segment_shorter_than_a_frame_has_the_next_frame() -> None:
    """Players do not listen to S@n, so no hole is made where none is needed."""
    picture = video([0, 50, 51, 101], 151)
    plan = make_plan(index(picture, audio(60, durations=[4608] * 60)), 1000)
    sound = plan.tracks[1]
    assert edges(plan, "v1") == [0, 50, 51, 101, 151]
    # 2.00 to 2.04 s: the frame at 2.016 s begins in it; the one at 4.128 s in none of 4.04 to 4.08 s
    assert edges(plan, "a1") == [0, 21, 22, 43, 60] and all(sound.durations > 0)
    late = make_plan(index(video([0, 50, 51, 101, 102], 151), audio(60, durations=[4608] * 60)), 1000)
    assert edges(late, "v1") == [0, 50, 51, 101, 102, 151]
    assert edges(late, "a1") == [0, 21, 22, 43, 44, 60] and (np.diff(late.tracks[1].first) > 0).all()
    assert late.tracks[1].start.tolist() == [frame * 4608 for frame in (0, 21, 22, 43, 44, 60)]


def test_a_rendition_with_other_keyframes_is_left_out_with_the_reason() -> None:
    other = video(range(0, 250, 40), 250, name="v2")
    plan = make_plan(index(video(range(0, 250, 50), 250), other, audio(469)), 2000)
    assert [t.track.name for t in plan.tracks] == ["v1", "a1"]
    assert not plan.switchable
    assert "v2 was left out: its keyframes are not where those of v1 are" in plan.notes[0]


def test_a_rendition_with_another_timescale_is_aligned() -> None:
    other = video(range(0, 250, 50), 250, name="v2", step=3600, scale=90000)
    plan = make_plan(index(video(range(0, 250, 50), 250), other), 2000)
    assert edges(plan, "v1") == edges(plan, "v2") and plan.switchable


def test_thirty_seconds_without_a_keyframe_are_refused_with_the_place() -> None:
    with pytest.raises(Problem, match=r"from 4\.0 s on there is none for 36\.0 s"):
        make_plan(index(video([0, 50, 100], 1000)), 2000)


def test_no_keyframe_at_all_is_refused() -> None:
    with pytest.raises(Problem, match="no keyframe"):
        make_plan(index(video([], 100)), 2000)


def test_presentation_times_that_go_back_are_refused() -> None:
    with pytest.raises(Problem, match="go back"):
        make_plan(index(video([0, 50], 150, cto=[0] * 60 + [-60000] * 40 + [0] * 50)), 2000)


def test_priming_moves_the_whole_asset() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250, cto=[1024] * 250, shift=1024), audio(469, shift=1024)), 2000)
    assert plan.lead == Fraction(1024, 48000) == plan.origin
    picture, sound = plan.tracks
    assert sound.start[0] == 0 and sound.base == 0
    # a picture that is shown at 0 is moved as far
    assert picture.start[0] == math.ceil(plan.lead * 12800)
    # and the asset still begins with it: what comes before is not shown
    assert plan.duration == Fraction(int(picture.start[-1]), 12800) - plan.lead


@pytest.mark.rule("ISO/IEC 14496-12 8.8.12", "tfdt is a decode time and never negative, whatever an edit list hides")
@pytest.mark.parametrize("shift", [0, 1024, 512 * 30])
def test_decoding_begins_at_or_after_zero(shift: int) -> None:
    reordered = [2048, 512, 1024, 0, 1024] * 50
    plan = make_plan(index(video(range(0, 250, 50), 250, cto=reordered, shift=shift)), 2000)
    picture = plan.tracks[0]
    assert picture.hidden == 0 and picture.base >= 0
    assert int(picture.start[0]) == picture.base + 1024  # the first picture shown: dts 512 + 512


def test_what_all_pictures_wait_is_left_out() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250, cto=[1024] * 250, shift=1024)), 2000)
    assert plan.tracks[0].hidden == 1024 and plan.lead == 0 and plan.tracks[0].base == 0


def test_an_asset_that_begins_late_says_where() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250, shift=-12800), audio(469, shift=-48000)), 2000)
    assert plan.lead == 0 and plan.origin == 1


def test_editions_are_what_they_were_when_films_were_first_added() -> None:
    """Names never change their meaning: these were printed by the first version that had editions."""
    keys = [0, 10, 130, 140, 225]
    tracks = (video(keys, 300, shift=1024), video(keys, 300, name="v2"), audio(700, shift=2112))
    assert make_plan(index(video(range(0, 250, 50), 250), audio(469)), 2000).edition == "ee090a015c"
    assert make_plan(index(audio(469)), 4000).edition == "ea580d3c9e"
    assert make_plan(index(*tracks), 2000).edition == "eac41d1ef4"


def test_a_policy_is_part_of_the_edition() -> None:
    tracks = (video(range(0, 250, 50), 250), audio(469))
    policies = [Policy(target_ms=2000, last=last, bootstrap_ms=first) for last in Last for first in ((), (1000,))]
    assert len({make_plan(index(*tracks), policy).edition for policy in policies}) == len(policies)


def test_the_edition_names_content_and_target() -> None:
    tracks = (video(range(0, 250, 50), 250), audio(469))
    one = make_plan(index(*tracks), 2000).edition
    assert one == make_plan(index(*tracks, key=FileKey(9, 9, 9)), 2000).edition
    assert one != make_plan(index(*tracks), 4000).edition
    assert one != make_plan(index(tracks[0], audio(468)), 2000).edition


@pytest.mark.rule("RFC 8216bis 4.4.2.1", "leading pictures of an open group count for the segment that holds them")
def test_open_groups_begin_with_their_leading_pictures(packed: Callable[..., Packed]) -> None:
    asset = packed("hevc-open-gop")
    planned = asset.track("v1")
    rows = planned.track.samples
    shown = rows["dts"] + planned.base + rows["cto"] - planned.hidden
    for number in asset.numbers("v1"):
        first, end = planned.first[number], planned.first[number + 1]
        assert shown[first:end].min() == planned.shown[number] == planned.start[number]


@settings(max_examples=80, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 200), min_size=1, max_size=12),
    frames=st.integers(1, 2500),
    target=st.sampled_from([1000, 2000, 4000, 6000]),
    last=st.sampled_from(Last),
    bootstrap=st.lists(st.integers(200, 4000), max_size=3),
    shift=st.integers(-90000, 3000),
    priming=st.sampled_from([0, 1024, 2112]),
    scale=st.sampled_from([(12800, 512), (30000, 1001), (90000, 3003), (1000, 40)]),
)
def test_cuts_cover_every_sample_once(
    gaps: list[int],
    frames: int,
    target: int,
    last: Last,
    bootstrap: list[int],
    shift: int,
    priming: int,
    scale: tuple[int, int],
) -> None:
    keys = [sum(gaps[:n]) for n in range(len(gaps))]
    ticks, step = scale
    picture = video(keys, sum(gaps), scale=ticks, step=step, shift=shift * ticks // 90000)
    sound = audio(frames, shift=priming)
    policy = Policy(target_ms=target, last=last, bootstrap_ms=tuple(bootstrap))
    try:
        plan = make_plan(index(picture, sound), policy)
    except Problem as problem:  # a target that only a longer segment than may be would reach
        assert "no keyframe in 30 s" in problem.detail
        return
    for planned in plan.tracks:
        first = planned.first.tolist()
        assert first[0] == 0 and first[-1] == len(planned.track.samples) and first == sorted(first)
        assert len(first) == plan.count + 1
        # EXTINF: each, rounded, at most the target duration; together the media's length within a frame
        assert all(math.floor(d + 0.5) <= plan.target_duration for d in planned.durations)
        rows = planned.track.samples
        media = (rows["dts"] + rows["cto"]).max() - (rows["dts"] + rows["cto"]).min() + planned.track.last_duration
        nothing = planned.shown[0] - planned.start[0] if first[1] else 0
        full = [n for n in range(plan.count) if first[n + 1] > first[n]]
        lasts = sum(int(planned.start[n + 1] - planned.start[n]) for n in range(full[0], plan.count))
        late = int(planned.shown[full[0]] - planned.start[full[0]])
        assert abs(lasts - late - nothing - int(media)) <= planned.track.last_duration
        assert (planned.start[1:] >= planned.start[:-1]).all()
        # each segment's tfdt is where the one before it ended
        edges = np.append(rows["dts"], planned.track.end_dts) + planned.base
        for number in full:
            made = edges[first[number] : first[number + 1] + 1]
            assert int(np.diff(made).sum()) == int(edges[first[number + 1]] - edges[first[number]])
        # no decode time before zero
        assert int(rows["dts"][0]) + planned.base >= 0
    picture_plan = plan.tracks[0]
    assert set(picture_plan.first[:-1].tolist()) - {len(picture.samples)} <= set(keys)
