"""Several tracks in one row."""

from __future__ import annotations

from ingest.cmaf.merge import MAX_BEHIND_S, MAX_HELD_BYTES, PATIENCE_S, Merge
from ingest.media import Frame


def frames(track: str, *seconds: float, size: int = 1) -> list[Frame]:
    scale = 90_000 if track[0] == "v" else 48_000
    return [Frame(track=track, dts=round(at * scale), timescale=scale, data=bytes(size)) for at in seconds]


def said(found: list[Frame]) -> list[tuple[str, float]]:
    return [(frame.track, frame.dts / frame.timescale) for frame in found]


def test_frames_leave_when_all_tracks_have_come_as_far() -> None:
    merge = Merge()
    merge.push(frames("v1", 0, 1, 2), 0)
    merge.push(frames("a1", 0), 0)
    assert said(merge.pull(0)) == [("v1", 0), ("a1", 0)]
    merge.push(frames("a1", 0.5, 1.5), 0)
    assert said(merge.pull(0)) == [("a1", 0.5), ("v1", 1), ("a1", 1.5)]
    assert not merge.empty


def test_a_track_that_stopped_is_waited_for_and_then_not() -> None:
    merge = Merge()
    merge.push(frames("a1", 0), 0)
    merge.push(frames("v1", 0, 1, 2), 1)
    assert said(merge.pull(1)) == [("a1", 0), ("v1", 0)]
    assert merge.pull(PATIENCE_S - 0.1) == []
    assert said(merge.pull(PATIENCE_S)) == [("v1", 1), ("v1", 2)]
    merge.push(frames("v1", 3), PATIENCE_S + 1)
    assert said(merge.pull(PATIENCE_S + 1)) == [("v1", 3)]


def test_a_track_that_comes_back_late_leaves_at_once() -> None:
    merge = Merge()
    merge.push(frames("a1", 0), 0)
    merge.push(frames("v1", 0, 60), 0)
    assert said(merge.pull(0)) == [("a1", 0), ("v1", 0), ("v1", 60)], f"over {MAX_BEHIND_S} s apart"
    merge.push(frames("a1", 1), 1)
    assert said(merge.pull(1)) == [("a1", 1)]


def test_memory_is_bounded() -> None:
    merge = Merge()
    merge.push(frames("a1", 0), 0)
    merge.push(frames("v1", 0, 1, 2, size=MAX_HELD_BYTES // 2), 0)
    assert len(merge.pull(0)) == 4


def test_a_new_beginning_lets_everything_go() -> None:
    merge = Merge()
    merge.push(frames("a1", 100), 0)
    merge.push(frames("v1", 100, 101), 0)
    merge.pull(0)
    assert said(merge.flush()) == [("v1", 101)]
    merge.push(frames("v1", 0), 0)
    assert said(merge.pull(0)) == [("v1", 0)]
    assert merge.empty
