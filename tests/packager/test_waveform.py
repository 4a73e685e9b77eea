"""Pieces of a waveform: which sound each needs, and the two forms of what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from base.problems import Problem
from packager import waveform
from packager.boxes import walk
from packager.fragments import read_moof
from packager.movie import read_movie
from packager.plan import make_plan
from packager.waveform import HEAD, PER_PIXEL, PIXELS
from tests.packager.live_windows import window
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index

PIECE_S = Fraction(PER_PIXEL * PIXELS, 48_000)


def test_the_pieces_of_a_track_cover_it() -> None:
    plan = make_plan(index(audio(9000)), 4000)  # 192 s
    (track,) = plan.tracks
    assert waveform.count(plan, track) == 5
    orders = [waveform.order(plan, track, number) for number in range(5)]
    assert [order.start for order in orders] == [k * PER_PIXEL * PIXELS for k in range(5)]
    assert [order.pixels for order in orders] == [PIXELS] * 4 + [9000 * 1024 // PER_PIXEL - 4 * PIXELS]
    with pytest.raises(Problem, match="no such piece"):
        waveform.order(plan, track, 5)


def test_the_cost_of_a_piece_does_not_grow_with_the_film() -> None:
    plan = make_plan(index(audio(400_000)), 4000)
    (track,) = plan.tracks
    media = memoryview(bytes(400_000 * 100))
    sizes = [len(waveform.sound(plan, track, number, media)) for number in (1, 50, 190)]
    assert max(sizes) - min(sizes) < 1000 and max(sizes) < 2100 * 104 + 2000


def test_a_piece_brings_a_little_of_what_was_before() -> None:
    plan = make_plan(index(audio(9000)), 4000)
    (track,) = plan.tracks
    film = waveform.sound(plan, track, 1, memoryview(bytes(9000 * 100)))
    view = memoryview(film)
    moof = next(box for box in walk(view, 0, len(view)) if box.type == "moof")
    (found,) = read_moof(view, moof, {}, {})
    begin, end = PIECE_S, 2 * PIECE_S
    assert len(found.samples) * 1024 >= (end - begin + Fraction(1, 5)) * 48_000
    assert len(found.samples) * 1024 <= (end - begin + Fraction(3, 10)) * 48_000
    tfdt = Fraction(found.tfdt, 48_000)
    assert begin - Fraction(1, 4) < tfdt <= begin - Fraction(1, 5)


@pytest.mark.parametrize("name", ["plain", "hevc-ac3", "av1-opus", "mp3"])
def test_every_codec_of_a_film_makes_a_film_of_sound(packed: Callable[..., Packed], name: str) -> None:
    film = packed(name)
    track = film.track("a1")
    (found,) = read_movie(memoryview(waveform.sound(film.plan, track, 0, memoryview(film.data)))).tracks
    assert len(found.columns.samples) == len(track.track.samples)


def test_a_picture_has_no_waveform(packed: Callable[..., Packed]) -> None:
    film = packed("plain")
    with pytest.raises(Problem):
        waveform.order(film.plan, film.track("v1"), 0)


def test_both_forms_say_the_same() -> None:
    """The binary form's header is 24 octets, all values little-endian (audiowaveform's DataFormat, version 2)."""
    least, greatest = np.array([-128, -3, 0], np.int8), np.array([-1, 3, 127], np.int8)
    dat = waveform.as_dat(least, greatest, rate=44_100, per_pixel=512)
    assert dat[:24].hex(" ", 4) == "02000000 01000000 44ac0000 00020000 03000000 01000000"
    assert HEAD.unpack_from(dat) == (2, 1, 44_100, 512, 3, 1)
    assert json.loads(waveform.as_json(dat)) == {
        "version": 2, "channels": 1, "sample_rate": 44_100, "samples_per_pixel": 512, "bits": 8, "length": 3,
        "data": [-128, -1, -3, 3, 0, 127],
    }  # fmt: skip


def test_a_piece_of_a_channel_is_a_segment() -> None:
    one = window().tracks["a1"]
    wanted = waveform.of_segment(one.format, one.segments[3])
    assert (wanted.start, wanted.rate, wanted.per_pixel, wanted.pixels) == (one.segments[3].start, 48_000, 512, 188)
    video = window().tracks["v1"]
    with pytest.raises(Problem, match="no such piece"):
        waveform.of_segment(video.format, video.segments[3])
