"""The plan of a text: the media's cuts, and each cue in just the segments in which it is shown."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.plan import make_plan
from packager.text.cues import Cue
from packager.text.plan import TIMESCALE
from tests.packager.text.texts import CUES, cue, film, text_plan
from tests.packager.tracks import audio, index, video


@pytest.mark.rule("RFC 8216bis 3.1.4", "each cue is in every segment in whose period it is shown, and in no other")
@settings(deadline=None)
@given(st.lists(CUES, max_size=12))
def test_each_cue_is_in_just_the_segments_that_it_overlaps(cues: list[Cue]) -> None:
    plan = text_plan(cues)
    placed = [(number, ordinal) for number in range(plan.count) for ordinal, _ in plan.shown(number)]
    assert placed == [
        (number, ordinal)
        for number in range(plan.count)
        for ordinal, one in enumerate(plan.text.cues)
        if plan.ticks(one.start) < plan.cuts[number + 1] and plan.ticks(one.end) > plan.cuts[number]
    ]


def test_cuts_are_the_pictures_and_cover_the_presentation() -> None:
    plan = text_plan([])
    assert plan.cuts == (0, 180_000, 360_000, 540_000, 720_000) and plan.zero == 0
    assert plan.durations == [2.0] * 4


def test_a_film_that_was_moved_moves_its_text() -> None:
    """Priming before zero: everything lies later by `lead`, and so does the text's zero."""
    media = make_plan(index(video([0, 50, 100, 150], 200), audio(375, shift=1024)), 2000)
    plan = text_plan([cue(0, 1)], media)
    assert media.lead == Fraction(1024, 48000) and plan.zero == plan.cuts[0] == 1920
    assert plan.cuts[1] == pytest.approx(1920 + 180_000, abs=TIMESCALE / 12800), "in ticks of the picture"


def test_a_film_without_pictures_is_cut_as_its_sound() -> None:
    media = make_plan(index(audio(375)), 2000)
    plan = text_plan([cue(0, 1)], media)
    starts = [Fraction(int(tick), 48000) for tick in media.tracks[0].start]
    assert [Fraction(at, TIMESCALE) for at in plan.cuts] == pytest.approx(starts, abs=1e-5)


def test_the_edition_follows_the_text_and_the_plan() -> None:
    editions = {
        text_plan([cue(0, 1)]).edition,
        text_plan([cue(0, 2)]).edition,
        text_plan([cue(0, 1)], language="fr").edition,
        text_plan([cue(0, 1)], name="s2").edition,
        text_plan([cue(0, 1)], make_plan(index(video([0, 50, 100, 150], 200)), 2000)).edition,
    }
    assert len(editions) == 5 and text_plan([cue(0, 1)]).edition == text_plan([cue(0, 1)]).edition
    assert all(edition.startswith("t") and len(edition) == 16 for edition in editions)


def test_cues_after_the_end_are_counted() -> None:
    assert text_plan([cue(7999, 9000), cue(8000, 9000), cue(9000, 9001)]).late == 2
    assert film().duration == 8
