"""Dialogues with the live segmenter: samples in, parts out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.media import Format, Sample
from packager import segmenter
from packager.boxes import walk
from packager.fragments import read_moof
from packager.segmenter import Part, Segmenter

SCALE, RATE, FRAME, AAC = 90000, 48000, 3600, 1024
VIDEO = Format(kind="video", codec="avc1.42c01e", timescale=SCALE, entry=b"")
AUDIO = Format(kind="audio", codec="mp4a.40.2", timescale=RATE, entry=b"", sample_duration=AAC)
EPOCH = 1_700_000_000  # a multiple of the 2 s grid


@dataclass
class Show:
    """A segmenter and what it said, read back from the parts' own boxes."""

    segmenter: Segmenter
    parts: list[Part] = field(default_factory=list)

    def push(self, track: str, *samples: Sample) -> list[Part]:
        made = [part for sample in samples for part in self.segmenter.push(track, sample)]
        self.parts += made
        return made

    def finish(self) -> list[Part]:
        made = self.segmenter.finish()
        self.parts += made
        return made

    def of(self, track: str) -> list[Part]:
        return [part for part in self.parts if part.track == track]

    def numbers(self, track: str) -> list[int]:
        return list(dict.fromkeys(part.number - FIRST for part in self.of(track)))


FIRST = EPOCH // 2  # the wall grid's cell in which every show begins


def show(tracks: dict[str, Format] | None = None, *, grid_ms: int = 2000, part_ms: int = 500, **more: object) -> Show:
    tracks = tracks or {"v1": VIDEO, "a1": AUDIO}
    generations = {name: "ab" * 8 for name in tracks}
    return Show(Segmenter(tracks, generations, grid_ms=grid_ms, part_ms=part_ms, **more))  # type: ignore[arg-type]


def picture(at: int, *, key: bool = False, cto: int = 0, data: bytes = b"") -> Sample:
    """Frame `at` of a 25 fps video that starts on the grid."""
    return Sample(dts=EPOCH * SCALE + at * FRAME, cto=cto, sync=key, data=data or f"v{at}".encode())


def pictures(first: int, end: int, gop: int = 50) -> list[Sample]:
    return [picture(at, key=at % gop == 0) for at in range(first, end)]


def frame(at: int) -> Sample:
    return Sample(dts=EPOCH * RATE + at * AAC, data=f"a{at}".encode())


def frames(first_s: float, end_s: float) -> list[Sample]:
    return [frame(at) for at in range(round(first_s * RATE / AAC), round(end_s * RATE / AAC))]


def read(part: Part) -> tuple[int, int, list[Sample]]:
    """tfdt, decode time after the last sample, samples."""
    data = memoryview(part.body)
    moof, mdat = walk(data, 0, len(data))
    (fragment,) = read_moof(data, moof, {}, {})
    assert int(fragment.samples["offset"][0]) == mdat.body
    made = [
        Sample(
            dts=int(row["dts"]),
            cto=int(row["cto"]),
            sync=bool(sync),
            data=bytes(data[int(row["offset"]) : int(row["offset"]) + int(row["size"])]),
        )
        for row, sync in zip(fragment.samples, fragment.sync, strict=True)
    ]
    return fragment.tfdt, fragment.end, made


def samples(parts: Iterable[Part]) -> Iterator[Sample]:
    for part in parts:
        yield from read(part)[2]


def length(part: Part, scale: int) -> float:
    tfdt, end, _ = read(part)
    return (end - tfdt) / scale


# cuts and numbers


def test_a_segment_begins_at_each_keyframe_on_the_grid() -> None:
    live = show({"v1": VIDEO})
    live.push("v1", *pictures(0, 150))
    live.finish()
    starts = {part.number - FIRST: read(part)[0] for part in reversed(live.parts)}
    assert starts == {n: EPOCH * SCALE + n * 2 * SCALE for n in (2, 1, 0)}
    assert [part.note.last for part in live.parts] == [False, False, False, False, True] * 3
    assert [part.part for part in live.parts] == [0, 1, 2, 3, 4] * 3


def test_keyframes_within_a_cell_do_not_cut() -> None:
    live = show({"v1": VIDEO})
    live.push("v1", *pictures(0, 101, gop=10))
    live.finish()
    assert live.numbers("v1") == [0, 1, 2]


def test_the_cut_is_the_first_keyframe_at_or_after_the_line() -> None:
    live = show({"v1": VIDEO})
    live.push("v1", *pictures(0, 130, gop=60))  # 2.4 s
    live.finish()
    assert [read(part)[0] - EPOCH * SCALE for part in live.parts if part.part == 0] == [0, 60 * FRAME, 120 * FRAME]


def test_what_comes_before_the_first_keyframe_is_dropped() -> None:
    live = show({"v1": VIDEO})
    assert live.push("v1", *[picture(at) for at in range(5)]) == []
    live.push("v1", picture(5, key=True))
    (part,) = live.finish()
    assert [s.data for s in read(part)[2]] == [b"v5"]


def test_a_cell_without_a_keyframe_stays_a_hole_by_wall_and_not_when_counted() -> None:
    stream = [picture(at, key=at in (0, 50, 150)) for at in range(200)]
    by_wall, counted = show({"v1": VIDEO}), show({"v1": VIDEO}, counted=True)
    for live in (by_wall, counted):
        live.push("v1", *stream)
        live.finish()
    assert by_wall.numbers("v1") == [0, 1, 3]
    assert counted.numbers("v1") == [0, 1, 2]


def test_numbers_never_go_back_behind_what_was_used() -> None:
    live = show({"v1": VIDEO}, next_number=FIRST + 7)
    assert live.segmenter.last_number == FIRST + 6
    live.push("v1", *pictures(0, 60))
    live.finish()
    assert live.numbers("v1") == [7, 8]
    assert live.segmenter.last_number == FIRST + 8


def test_discontinuity_is_said_once_a_track() -> None:
    live = show(discontinuity=True)
    for second in range(4):
        live.push("v1", *pictures(second * 25, second * 25 + 25))
        live.push("a1", *frames(second, second + 1))
    live.finish()
    for track in ("v1", "a1"):
        assert [part.note.discontinuity for part in live.of(track)] == [True] + [False] * (len(live.of(track)) - 1)


# parts


@pytest.mark.rule("RFC 8216bis 4.4.4.9", "no part is longer than the part target")
@pytest.mark.rule("RFC 8216bis 4.4.4.9", "a part lasts 85 % of the part target unless it is the last of its segment")
@pytest.mark.parametrize(("part_ms", "step"), [(500, FRAME), (330, FRAME), (1000, 3003), (400, 1500)])
def test_parts_are_cut_before_the_target_is_exceeded(part_ms: int, step: int) -> None:
    live = show({"v1": VIDEO}, part_ms=part_ms)
    gop = 2 * SCALE // step
    live.push(
        "v1", *(Sample(dts=EPOCH * SCALE + at * step, sync=at % gop == 0, data=b"x") for at in range(3 * gop + 1))
    )
    live.finish()
    for part in live.parts:
        assert length(part, SCALE) * 1000 <= part_ms
        assert part.note.last or length(part, SCALE) * 1000 >= 0.85 * part_ms


@pytest.mark.rule("RFC 8216bis 4.4.4.9", "a frame that lasts longer than announced does not make its part too long")
def test_a_lost_frame_does_not_make_a_part_too_long() -> None:
    live = show({"v1": VIDEO}, part_ms=400)  # ten frames
    kept = [at for at in range(51) if at != 10]
    live.push("v1", *(picture(at, key=at % 50 == 0) for at in kept))
    live.finish()
    assert max(length(part, SCALE) for part in live.parts) <= 0.4
    assert [s.data for s in samples(live.parts)] == [f"v{at}".encode() for at in kept]


def test_parts_are_bounded_however_little_time_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter, "MOST_PART_OCTETS", 1000)
    live = show({"v1": VIDEO})
    live.push("v1", *(Sample(dts=EPOCH * SCALE + at, sync=at == 0, data=bytes(300)) for at in range(10)))
    live.finish()
    assert [len(read(part)[2]) for part in live.parts] == [3, 3, 3, 1]


def test_the_last_frame_before_a_cut_may_last_longer() -> None:
    live = show({"v1": VIDEO}, part_ms=400)
    live.push("v1", *(picture(at, key=at in (0, 50)) for at in range(60) if at not in (48, 49)))
    live.finish()
    assert max(length(part, SCALE) for part in live.parts) <= 0.4


def test_a_part_says_whether_it_begins_with_a_keyframe() -> None:
    live = show({"v1": VIDEO})
    live.push("v1", *pictures(0, 51))
    assert [read(part)[2][0].sync for part in live.of("v1")] == [True, False, False, False, False]


def test_composition_offsets_come_through() -> None:
    live = show({"v1": VIDEO})
    offsets = (2, 4, 1, 0, 2)
    stream = [picture(at, key=at % 50 == 0, cto=offsets[at % 5] * FRAME) for at in range(60)]
    live.push("v1", *stream)
    live.finish()
    assert list(samples(live.parts)) == stream


def test_the_cut_counts_by_presentation_time() -> None:
    """Keyframes 1.96 s of decode time after the last, but on the line when they are shown."""
    live = show({"v1": VIDEO})
    stream = [picture(0, key=True, cto=2 * FRAME)] + [picture(at) for at in range(1, 49)]
    stream.append(picture(49, key=True, cto=3 * FRAME))
    live.push("v1", *stream)
    live.finish()
    assert live.numbers("v1") == [0, 1]


# followers


def test_audio_is_cut_at_its_first_frame_at_or_after_the_videos_cut() -> None:
    live = show()
    for at in range(3):
        live.push("v1", *pictures(at * 50, at * 50 + 50))
        live.push("a1", *frames(at * 2, at * 2 + 2))
    live.push("v1", picture(150, key=True))
    live.finish()
    assert live.numbers("a1") == [0, 1, 2]
    for part in live.of("a1"):
        if part.part == 0:
            edge = (part.number * 2) * RATE
            assert edge <= read(part)[0] < edge + AAC


def test_audio_is_held_until_the_video_has_passed_it() -> None:
    live = show()
    live.push("v1", *pictures(0, 30))
    assert live.push("a1", *frames(0, 2.9)) != []
    newest = max(s.dts for s in samples(live.of("a1")))
    assert newest / RATE < EPOCH + 30 / 25
    # the video goes on, and with it what was held; the cut at 2 s is met although that audio came long before
    live.push("v1", *pictures(30, 80))
    live.finish()
    assert live.numbers("a1") == [0, 1]
    assert [s.data for s in samples(live.of("a1"))] == [s.data for s in frames(0, 2.9)]


def test_audio_before_the_first_cut_is_dropped() -> None:
    live = show()
    live.push("a1", *frames(-1, 0.5))
    live.push("v1", *pictures(0, 30))
    live.finish()
    assert min(s.dts for s in samples(live.of("a1"))) >= EPOCH * RATE


def test_audio_does_not_wait_for_ever_for_a_stalled_video() -> None:
    live = show()
    live.push("v1", *pictures(0, 10))
    live.push("a1", *frames(0, 8))
    assert max(s.dts for s in samples(live.of("a1"))) / RATE > EPOCH + 4


def test_audio_alone_is_cut_on_the_grid() -> None:
    live = show({"a1": AUDIO})
    live.push("a1", *frames(0, 6.1))
    live.finish()
    assert live.numbers("a1") == [0, 1, 2, 3]
    assert all(length(part, RATE) <= 0.5 for part in live.parts)


def test_two_renditions_are_cut_at_the_same_keyframes() -> None:
    live = show({"v1": VIDEO, "v2": VIDEO, "a1": AUDIO})
    for at in range(4):
        live.push("v2", *pictures(at * 50, at * 50 + 50))
        live.push("v1", *pictures(at * 50, at * 50 + 50))
    live.finish()
    of = {
        track: [(part.number, part.part, read(part)[:2], part.note.last) for part in live.of(track)]
        for track in ("v1", "v2")
    }
    assert of["v1"] == of["v2"]


def test_finish_closes_every_track() -> None:
    live = show()
    live.push("v1", *pictures(0, 60))
    live.push("a1", *frames(0, 2.4))
    live.finish()
    assert live.of("v1")[-1].note.last and live.of("a1")[-1].note.last
    assert live.finish() == []


# what holds for any stream

GOPS = st.lists(st.integers(1, 90), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    gops=GOPS,
    lost=st.sets(st.integers(0, 200), max_size=20),
    before=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
    counted=st.booleans(),
    part_ms=st.sampled_from([200, 330, 500, 2000]),
    seconds=st.floats(0, 12),
)
def test_no_sample_is_lost_or_doubled(
    gops: list[int], lost: set[int], before: int, order: object, counted: bool, part_ms: int, seconds: float
) -> None:
    keys, at = set(), before
    for gop in gops:
        keys.add(at)
        at += gop
    video = [picture(n, key=n in keys, cto=FRAME * (n % 3)) for n in range(at) if n not in lost or n in keys]
    audio = frames(-0.2, seconds)
    live = show(part_ms=part_ms, counted=counted)
    waiting = {"v1": list(video), "a1": list(audio)}
    while waiting["v1"] or waiting["a1"]:
        # tracks come in bursts, at most half a second apart, as from a muxer
        due = {t: w[0].dts / (SCALE if t == "v1" else RATE) for t, w in waiting.items() if w}
        near = [t for t, when in due.items() if when - min(due.values()) < 0.5]
        track = order.choice(near)  # type: ignore[attr-defined]
        live.push(track, waiting[track].pop(0))
    live.finish()
    began = next(s for s in video if s.sync)
    assert list(samples(live.of("v1"))) == [s for s in video if s.dts >= began.dts]
    heard = [s for s in audio if s.dts * SCALE >= began.pts * RATE]
    assert list(samples(live.of("a1"))) == heard
    for track in ("v1", "a1"):
        parts = live.of(track)
        edges = [read(part)[:2] for part in parts]
        assert all(edges[n][1] == edges[n + 1][0] for n in range(len(edges) - 1))  # no gap, no overlap
        opened = [part for part in parts if part.part == 0]
        assert all(a.number < b.number for a, b in itertools.pairwise(opened))
        assert [p.part for p in parts] == [n for o in opened for n in range(sum(p.number == o.number for p in parts))]
        assert sum(part.note.last for part in parts) == len(opened)
        for part in parts:
            one_frame = len(read(part)[2]) == 1
            assert (
                one_frame or length(part, SCALE if track == "v1" else RATE) * 1000 <= part_ms + 1e-6 or _stalled(part)
            )


def _stalled(part: Part) -> bool:
    """Its newest frame alone is longer than any part may be: nothing could have been cut."""
    tfdt, end, found = read(part)
    return end - found[-1].dts > (end - tfdt) / 2
