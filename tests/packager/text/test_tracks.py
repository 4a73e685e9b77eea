"""Names of text tracks, their octets and their rates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.text import tracks, webvtt
from packager.text.cues import Cue
from packager.text.fragments import segment
from packager.text.init import FORMATS
from tests.packager.text.texts import CUES, cue, text_plan


@pytest.mark.parametrize(
    "track, found",
    [
        ("s1", ("s1", "")), ("s12ts", ("s12", "ts")), ("s3wvtt", ("s3", "wvtt")), ("s9stpp", ("s9", "stpp")),
        ("v1", ("", "")), ("s0", ("", "")), ("s100", ("", "")), ("s1x", ("", "")),
    ],
)  # fmt: skip
def test_names(track: str, found: tuple[str, str]) -> None:
    assert tracks.split(track) == found and tracks.is_name(track) == (bool(found[0]) and not found[1])


def test_the_clock_of_transport_streams_is_another() -> None:
    plan = text_plan([cue(1000, 3000)])
    assert b"MPEGTS:0\n" in tracks.webvtt_segment(plan, 0)
    assert b"MPEGTS:900000\n" in tracks.webvtt_segment(plan, 0, tracks.WEBVTT_TS)
    for form in (tracks.WEBVTT, tracks.WEBVTT_TS):
        assert webvtt.read(tracks.webvtt_segment(plan, 1, form).decode()).cues == (cue(1000, 3000),)


@settings(deadline=None)
@given(st.lists(CUES, max_size=8), st.sampled_from(FORMATS))
def test_declared_rates_hold(cues: list[Cue], form: str) -> None:
    """RFC 8216bis 4.1 speaks of peaks: what is declared is never below what is sent."""
    plan = text_plan(cues)
    said = tracks.report(plan, form)
    sent = [len(segment(form, plan, number)) * 8 / plan.durations[number] for number in range(plan.count)]
    assert max(sent) <= said.bandwidth and said.average <= said.bandwidth


def test_what_a_report_says() -> None:
    said = tracks.report(text_plan([cue(0, 1)], label="Deutsch", role="captions", forced=True, default=True))
    assert (said.track, said.kind, said.codec, said.language, said.label) == ("s1", "text", "wvtt", "de", "Deutsch")
    assert (said.role, said.forced, said.default) == ("captions", True, True)
    assert tracks.report(text_plan([]), "stpp").codec == "stpp.ttml.im1t"


def test_too_dense_a_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = [cue(at, at + 50, "x" * 3000) for at in range(4000, 5000)]
    tracks.check(text_plan([cue(0, 1)]))
    with pytest.raises(Problem, match="too much text in the 2 s from 4 s on"):
        tracks.check(text_plan(dense))
