"""The objects of a text track, by the names under its edition: which formats there are, and each one's octets.

{edition}/s1      WebVTT for HLS with fMP4        media.m3u8, {number}.vtt
{edition}/s1ts    WebVTT for HLS with MPEG-TS     media-ts.m3u8, {number}.vtt
{edition}/s1wvtt  fMP4 for DASH                   init-{generation}.mp4, {number}.m4s
{edition}/s1stpp  fMP4 for DASH                   likewise
"""

from __future__ import annotations

import re
from bisect import bisect_left

from base.problems import Problem
from base.reports import TrackReport
from packager import describe
from packager.init import generation
from packager.text import fragments, markup, webvtt
from packager.text.cues import Cue
from packager.text.init import CODECS, FORMATS, init
from packager.text.plan import TIMESCALE, TextPlan
from packager.ts import START_90K

KIND = "text"
WEBVTT, WEBVTT_TS = "", "ts"
LARGEST_SEGMENT = 4 << 20  # octets
# Octets of a fragment's boxes; of a cue's boxes in wvtt; of a document without cues, of a cue and of a run in it.
_FRAGMENT, _VTTC, _DOCUMENT, _PARAGRAPH, _SPAN = 120, 36, 620, 240, 130
_NAME = re.compile(r"(s[1-9][0-9]?)(|ts|wvtt|stpp)")


def split(track: str) -> tuple[str, str]:
    """`s1wvtt` -> (`s1`, `wvtt`); empty names where it is none of a text track."""
    found = _NAME.fullmatch(track)
    return (found[1], found[2]) if found else ("", "")


def is_name(track: str) -> bool:
    """True for `s1` to `s99`."""
    name, form = split(track)
    return bool(name) and not form


def webvtt_segment(plan: TextPlan, number: int, form: str = WEBVTT) -> bytes:
    """The clock of MPEG-TS is ahead of the media's by ts.START_90K."""
    ahead = START_90K if form == WEBVTT_TS else 0
    cues = [cue for _, cue in plan.shown(number)]
    return webvtt.segment(cues, start=plan.cuts[number] + ahead, zero=plan.zero + ahead).encode()


def fmp4_segment(plan: TextPlan, number: int, form: str) -> bytes:
    return fragments.segment(form, plan, number)


def inits(plan: TextPlan) -> dict[str, bytes]:
    """Init segments by track name."""
    return {plan.name + form: init(form, plan.text.language) for form in FORMATS}


def generations(plan: TextPlan) -> dict[str, str]:
    return {track: generation(made) for track, made in inits(plan).items()}


def report(plan: TextPlan, form: str = "") -> TrackReport:
    """What a status and a manifest say of it; rates are those of `wvtt` (of `stpp` if that is `form`)."""
    text = plan.text
    sizes = _sizes(plan, form or "wvtt")
    target = max(1, round(max(plan.durations)))
    peak, average = describe.rates(sizes, plan.durations, target)
    return TrackReport(
        track=plan.name + form,
        kind=KIND,
        codec=CODECS[form or "wvtt"],
        bandwidth=max(1, peak),
        average=average,
        language=text.language,
        label=text.label,
        role=text.role,
        forced=text.forced,
        default=text.default,
    )


def notes(plan: TextPlan) -> list[str]:
    """What was said of the text when it was read, and what the film has no time for."""
    found = list(plan.text.notes)
    if not plan.text.cues:
        found.append("no cues at all")
    elif plan.late:
        found.append(f"cues after the end of the film: {plan.late} of {len(plan.text.cues)}")
    return [f"{plan.name}: {note}" for note in found]


def check(plan: TextPlan) -> None:
    """Raises Problem unplayable if the text is too dense to be served."""
    sizes = _sizes(plan, "wvtt")
    worst = max(range(plan.count), key=sizes.__getitem__)
    if sizes[worst] > LARGEST_SEGMENT:
        at = (plan.cuts[worst] - plan.cuts[0]) / TIMESCALE
        raise Problem(
            "unplayable", f"too much text in the {plan.durations[worst]:.0f} s from {at:.0f} s on: is it subtitles?"
        )


def _sizes(plan: TextPlan, form: str) -> list[int]:
    """Octets of each segment, rather over than under the true figure: nothing is printed to know it."""
    return [(_wvtt_size if form == "wvtt" else _stpp_size)(plan, number) for number in range(plan.count)]


def _wvtt_size(plan: TextPlan, number: int) -> int:
    """A cue is in as many samples as there are changes of what is shown while it is."""
    begin, end = plan.cuts[number], plan.cuts[number + 1]
    cues = [cue for _, cue in plan.shown(number)]
    times = [(max(begin, plan.ticks(cue.start)), min(end, plan.ticks(cue.end))) for cue in cues]
    bounds = sorted({begin, end, *(at for pair in times for at in pair)})
    samples = [bisect_left(bounds, stop) - bisect_left(bounds, start) for start, stop in times]
    octets = sum(count * (_VTTC + _octets(cue)) for cue, count in zip(cues, samples, strict=True))
    return _FRAGMENT + 16 * len(bounds) + octets


def _stpp_size(plan: TextPlan, number: int) -> int:
    cues = [cue for _, cue in plan.shown(number)]
    return _FRAGMENT + _DOCUMENT + sum(_PARAGRAPH + _SPAN * sum(map(len, cue.lines)) + _octets(cue) for cue in cues)


def _octets(cue: Cue) -> int:
    return len(markup.written(cue.lines).encode()) + len(webvtt.settings(cue.place))
