"""Where the reference is cut, by policy. The examples of a 33 s and a 38 s film are nginx-vod-module's own."""

from __future__ import annotations

import numpy as np
import pytest

from base.problems import Problem
from packager.cuts import video_cuts
from packager.index import IndexTrack
from packager.plan import make_plan
from packager.policy import Last, Policy
from tests.packager.tracks import audio, index, video


def cut(track: IndexTrack, policy: Policy) -> list[float]:
    (planned,) = make_plan(index(track), policy).tracks
    return [round(float(d), 1) for d in planned.durations]


@pytest.mark.parametrize(
    ("last", "seconds", "expected"),
    [
        (Last.SHORT, 33, [10, 10, 10, 3]),
        (Last.LONG, 33, [10, 10, 13]),
        (Last.ROUNDED, 33, [10, 10, 13]),
        (Last.ROUNDED, 38, [10, 10, 10, 8]),
        (Last.LONG, 38, [10, 10, 18]),
        (Last.USUAL, 33, [10, 10, 10, 3]),
        (Last.USUAL, 38, [10, 10, 10, 8]),
        (Last.SHORT, 30, [10, 10, 10]),
        (Last.LONG, 30, [10, 10, 10]),
        (Last.LONG, 4, [4]),
    ],
)
def test_the_end_is_as_the_policy_wants_it(last: Last, seconds: int, expected: list[float]) -> None:
    policy = Policy(target_ms=10_000, last=last)
    assert cut(video(range(0, seconds * 25, 25), seconds * 25), policy) == expected
    if last is not Last.USUAL:
        assert cut(audio(0, durations=[4800] * seconds * 10), policy) == expected


def test_sound_alone_has_a_short_last_segment_unless_told() -> None:
    assert cut(audio(0, durations=[4800] * 330), Policy(target_ms=10_000)) == [10, 10, 10, 3]


@pytest.mark.parametrize("track", [video(range(0, 500, 25), 500), audio(0, durations=[4800] * 200)])
def test_the_first_segments_may_be_shorter(track: IndexTrack) -> None:
    policy = Policy(target_ms=4000, last=Last.SHORT, bootstrap_ms=(1000, 2000))
    assert cut(track, policy) == [1, 2, 4, 4, 4, 4, 1]


def test_a_bootstrap_is_as_near_as_keyframes_allow() -> None:
    track = video(range(0, 500, 50), 500)
    policy = Policy(target_ms=4000, last=Last.SHORT, bootstrap_ms=(1000, 1000))
    assert cut(track, policy) == [2, 2, 4, 4, 4, 4]


def test_an_end_is_never_joined_past_what_a_segment_may_be() -> None:
    track = video([0, 50, 650], 950)
    assert cut(track, Policy(target_ms=20_000, last=Last.LONG)) == [26.0, 12.0]


def test_a_keyframe_that_is_shown_before_an_earlier_one_is_no_cut() -> None:
    cto = np.zeros(200, np.int64)
    cto[50:75] = 512 * 60
    track = video([0, 50, 75, 100, 125, 150], 200, cto=cto.tolist())
    shown = track.samples["dts"] + track.samples["cto"]
    cuts = video_cuts(track, shown, Policy(target_ms=1000)).tolist()
    assert cuts == [0, 50, 125, 150]


def test_sound_that_goes_back_is_refused() -> None:
    with pytest.raises(Problem, match="not in the order"):
        make_plan(index(audio(0, durations=[1024, -3000, 1024, 1024])), 2000)
