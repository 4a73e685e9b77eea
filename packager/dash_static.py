"""DASH manifests of an asset (ISO/IEC 23009-1, 5th edition; DASH-IF timing model).

With a timeline: SegmentTimeline and $Number$. On demand: each track is one file whose segments its sidx lists.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from base.names import Kind, Leaf, Name, media_template
from base.reports import TrackReport
from packager import clip
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
from packager.plan import Plan, TrackPlan
from packager.protect import Protection
from packager.track_file import index_range

_TAIL = Fraction(1, 2)
_ON_DEMAND_PROFILE = "urn:mpeg:dash:profile:isoff-on-demand:2011"


def static_manifest(
    title: str,
    plan: Plan,
    tracks: Sequence[TrackReport],
    generations: Mapping[str, str],
    protection: Protection | None = None,
    further: Sequence[ET.Element] = (),
    cut: Span | None = None,
) -> str:
    """The MPD of an asset. `tracks` describes, in order, the plan's tracks; `generations` their init segments.

    `further`: AdaptationSets of what is no media of the plan (text). `cut`: the segments to speak of.
    """

    def address(representation: ET.Element, track: TrackPlan) -> None:
        name, scale = track.track.name, track.track.format.timescale
        template = ET.SubElement(
            representation,
            "SegmentTemplate",
            timescale=str(scale),
            presentationTimeOffset=str(math.ceil(plan.origin * scale)),
            initialization=init_uri(Kind.VOD, title, plan.edition, name, generations[name]),
            media=media_template(plan.edition, name),
            startNumber=str(_first_number(track)),
        )
        write_timeline(template, _asset_times(track), _first_number(track))

    mpd = new_mpd("static", plan.target_duration, LIVE_PROFILE)
    return _manifest(mpd, plan, tracks, protection, address, further, cut)


def on_demand_manifest(title: str, plan: Plan, tracks: Sequence[TrackReport], inits: Mapping[str, bytes]) -> str:
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
    return _manifest(mpd, plan, tracks, None, address)


def _manifest(
    mpd: ET.Element,
    plan: Plan,
    tracks: Sequence[TrackReport],
    protection: Protection | None,
    address: Callable[[ET.Element, TrackPlan], None],
    further: Sequence[ET.Element] = (),
    cut: Span | None = None,
) -> str:
    if protection:
        mpd.attrib.update(NAMESPACES)
    begin, end = (cut.begin, cut.end) if cut else (plan.origin, plan.origin + plan.duration)
    lasts = duration(_covered(plan, end) - begin)
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
    period.extend(further)
    if cut:
        clip.period(period, cut)
    return printed(mpd)


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
