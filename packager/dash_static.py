"""DASH manifests of an asset (ISO/IEC 23009-1, 5th edition; DASH-IF timing model).

With a timeline: SegmentTimeline and $Number$. By number: $Number$ and one duration, where segments are even. On demand:
each track is one file whose segments its sidx lists.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

from base.names import Kind, Leaf, Name
from base.problems import Problem
from base.reports import TrackReport
from base.uris import iframe_template, media_template
from packager import clip, periods
from packager.clip import Span
from packager.dash import (
    LIVE_PROFILE,
    adaptation_set,
    duration,
    init_uri,
    new_mpd,
    printed,
    representation_of,
    sets,
    write_timeline,
)
from packager.drm import NAMESPACES, content_protection
from packager.marks import NONE, Marks
from packager.plan import Plan, TrackPlan
from packager.protect import Protection
from packager.track_file import index_range

_TRICK_MODE = "http://dashif.org/guidelines/trickmode"
_TRICK_ID = 500  # ids of a Period differ: those of the media count from 0, those of texts from 1000
_TAIL = _HALF = Fraction(1, 2)
_MICRO = 1_000_000
_ON_DEMAND_PROFILE = "urn:mpeg:dash:profile:isoff-on-demand:2011"


def static_manifest(
    title: str,
    plan: Plan,
    tracks: Sequence[TrackReport],
    generations: Mapping[str, str],
    protection: Protection | None = None,
    further: Sequence[ET.Element] = (),
    cut: Span | None = None,
    trick: Sequence[TrackReport] = (),
    marks: Marks = NONE,
) -> str:
    """The MPD of an asset. `tracks` describes, in order, the plan's tracks; `generations` their init segments.

    `further`: AdaptationSets of what is no media of the plan (text). `cut`: the segments to speak of. `trick`: the
    video tracks with the rates of their I-frames alone, for trick play. `marks`: events, and where Periods begin.
    """

    def address(
        representation: ET.Element, track: TrackPlan, media: Callable[[str, str], str] = media_template
    ) -> None:
        template = _template(title, plan, track, generations, representation, media)
        template.set("startNumber", str(_first_number(track)))
        write_timeline(template, _asset_times(track), _first_number(track))

    mpd = new_mpd("static", plan.target_duration, LIVE_PROFILE)
    period = _period(mpd, plan, tracks, protection, address, cut)
    known = {report.track: report for report in trick}
    for main, members in enumerate(sets(tracks)):
        if alone := [known[member.track] for member in members if member.track in known]:
            adaptation = _trick_set(period, main, plan, alone)
            for one in alone:
                track = plan.track(one.track)
                assert track is not None
                representation = representation_of(adaptation, msgspec.structs.replace(one, frame_rate=""))
                representation.set("id", f"{one.track}-i")
                address(representation, track, iframe_template)
    period.extend(further)
    if cut:
        clip.period(period, cut)
    shown = _shown(plan, cut)
    periods.apply(mpd, period, title, plan, periods.spans(plan, shown, marks.divisions()), marks)
    return printed(mpd)


def _shown(plan: Plan, cut: Span | None) -> Span:
    """What a manifest presents, up to where its segments cover it."""
    whole = cut or Span(first=0, last=plan.count - 1, begin=plan.origin, end=plan.origin + plan.duration)
    return replace(whole, end=_covered(plan, whole.end))


def _template(
    title: str,
    plan: Plan,
    track: TrackPlan,
    generations: Mapping[str, str],
    representation: ET.Element,
    media: Callable[[str, str], str] = media_template,
) -> ET.Element:
    name, scale = track.track.name, track.track.format.timescale
    return ET.SubElement(
        representation,
        "SegmentTemplate",
        timescale=str(scale),
        presentationTimeOffset=str(math.ceil(plan.origin * scale)),
        initialization=init_uri(Kind.VOD, title, plan.edition, name, generations[name]),
        media=media(plan.edition, name),
    )


def _trick_set(period: ET.Element, main: int, plan: Plan, members: list[TrackReport]) -> ET.Element:
    """DASH-IF IOP 4.3 3.2.9: pictures alone, for the set of this id. @maxPlayoutRate (5.3.7) is how much faster one may
    play with no more pictures a second than the main set has."""
    adaptation = adaptation_set(period, _TRICK_ID + main, members)
    adaptation.set("codingDependency", "false")
    rate = Fraction(members[0].frame_rate or 25) * plan.target_ms / 1000
    adaptation.set("maxPlayoutRate", str(max(1, math.floor(rate))))
    for role in adaptation.findall("Role"):  # it is nobody's choice
        adaptation.remove(role)
    adaptation.insert(0, ET.Element("EssentialProperty", schemeIdUri=_TRICK_MODE, value=str(main)))
    return adaptation


def number_manifest(
    title: str, plan: Plan, tracks: Sequence[TrackReport], generations: Mapping[str, str], marks: Marks = NONE
) -> str:
    """The MPD of an asset without timelines: numbers and one duration (5.3.9.5.3; DASH-IF timing model 18.4).

    Raises Problem unknown with the place where segments are too uneven for that.
    """
    each = round(_even(plan, _covered(plan, plan.origin + plan.duration) - plan.origin) * _MICRO)

    def address(representation: ET.Element, track: TrackPlan) -> None:
        template = _template(title, plan, track, generations, representation)
        # one clock for all tracks: rounded to one's own, durations would drift apart over a long film
        template.set("timescale", str(_MICRO))
        template.set("presentationTimeOffset", str(math.ceil(plan.origin * _MICRO)))
        template.set("duration", str(each))
        template.set("startNumber", "0")

    mpd = new_mpd("static", plan.target_duration, LIVE_PROFILE)
    period = _period(mpd, plan, tracks, None, address)
    periods.apply(mpd, period, title, plan, [_shown(plan, None)], marks)
    return printed(mpd)


def _even(plan: Plan, lasts: Fraction) -> Fraction:
    """The seconds that segments count by: as many as there are fit into `lasts`, and each begins within half of it of
    where its number says. The usual duration if that will do."""
    count = plan.count
    low, high = lasts / count, lasts / (count - 1) if count > 1 else 2 * lasts
    for track in plan.tracks:
        scale = track.track.format.timescale
        if (np.diff(track.first) == 0).any():
            raise _uneven(f"{track.track.name} has nothing in some of them")
        for number, ticks in enumerate(track.shown.tolist()):
            begin = Fraction(ticks, scale) - plan.origin
            low = max(low, begin / (number + _HALF))
            high = min(high, begin / (number - _HALF)) if number else high
            if low >= high:
                raise _uneven(f"segment {number} of {track.track.name} begins at {float(begin):.3f} s")
    usual = Fraction(float(np.median(plan.tracks[0].durations)))
    return usual if low <= usual < high else (low + high) / 2


def _uneven(why: str) -> Problem:
    return Problem(
        "unknown",
        f"its segments cannot be counted by one duration: {why}; use manifest.mpd",
        cache_control="public, max-age=2",
    )


def on_demand_manifest(
    title: str, plan: Plan, tracks: Sequence[TrackReport], inits: Mapping[str, bytes], marks: Marks = NONE
) -> str:
    """The MPD of an asset in the on-demand profile: one file a track (8.3; DASH-IF timing model 18.1)."""

    def address(representation: ET.Element, track: TrackPlan) -> None:
        name, scale = track.track.name, track.track.format.timescale
        segments = sum(end > first for first, end in itertools.pairwise(track.first.tolist()))
        initialization, index = index_range(inits[name], segments)
        file = Name(kind=Kind.VOD, title=title, edition=plan.edition, track=name, leaf=Leaf.TRACK_FILE)
        ET.SubElement(representation, "BaseURL").text = file.relative
        base = ET.SubElement(
            representation,
            "SegmentBase",
            timescale=str(scale),
            presentationTimeOffset=str(math.ceil(plan.origin * scale)),
            indexRange=f"{index[0]}-{index[1]}",
            indexRangeExact="true",
        )
        ET.SubElement(base, "Initialization", range=f"{initialization[0]}-{initialization[1]}")

    mpd = new_mpd("static", plan.target_duration, _ON_DEMAND_PROFILE)
    period = _period(mpd, plan, tracks, None, address)
    periods.apply(mpd, period, title, plan, [_shown(plan, None)], marks)
    return printed(mpd)


def _period(
    mpd: ET.Element,
    plan: Plan,
    tracks: Sequence[TrackReport],
    protection: Protection | None,
    address: Callable[[ET.Element, TrackPlan], None],
    cut: Span | None = None,
) -> ET.Element:
    """The whole's sets; the times of the Period are those of the cut."""
    if protection:
        mpd.attrib.update(NAMESPACES)
    shown = _shown(plan, cut)
    lasts = duration(shown.end - shown.begin)
    mpd.set("mediaPresentationDuration", lasts)
    period = ET.SubElement(mpd, "Period", id="0", start="PT0S", duration=lasts)
    for at, members in enumerate(sets(tracks)):
        adaptation = adaptation_set(period, at, members)
        if protection:  # the schema wants it before labels and roles
            adaptation[:0] = content_protection(protection, members[0].kind)
        for member in members:
            track = plan.track(member.track)
            assert track is not None
            address(representation_of(adaptation, member), track)
    return period


def _covered(plan: Plan, end: Fraction) -> Fraction:
    """Where a Period ends: segments must cover it (DASH-IF timing model 9.2), and sound seldom ends with the picture.

    Of the longer one up to _TAIL is not shown. Where a track ends earlier than that it is left short: players go on
    without it, and cutting the others would lose more.
    """
    ends = [Fraction(int(t.start[-1]), t.track.format.timescale) for t in plan.tracks]
    return min((at for at in ends if end - _TAIL <= at < end), default=end)


def _first_number(track: TrackPlan) -> int:
    return next(n for n in range(len(track.first) - 1) if track.first[n + 1] > track.first[n])


def _asset_times(track: TrackPlan) -> list[tuple[int, int, int]]:
    """(number, start, duration) of the segments in which the track has something."""
    first, shown, start = track.first.tolist(), track.shown.tolist(), track.start.tolist()
    return [(n, shown[n], start[n + 1] - shown[n]) for n in range(len(first) - 1) if first[n + 1] > first[n]]
