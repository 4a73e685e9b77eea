"""The low-latency manifest of a channel: numbers and one duration, so that a segment can be asked for while it is open.

ISO/IEC 23009-1 5.3.9.5.3: with @availabilityTimeOffset a segment is there as soon as its first part is, and with
@availabilityTimeComplete=false not whole; the origin sends it part by part as it comes (chunked transfer). A timeline
would tell of a segment only with the next manifest. What the players' latency is measured from, and how much of it is
wished, stand in ProducerReferenceTime (5.12) and ServiceDescription (annex K).

Segment n of a run begins, by number, (n - run) durations after the run. Where segments are further than half of one
from there (DASH-IF timing model 18.4), the channel has no such manifest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from xml.etree import ElementTree as ET

from base.names import TIME_PATH, Kind
from base.problems import Problem
from base.reports import TrackReport
from base.uris import media_template
from packager import dash, dash_periods
from packager.dash_periods import Stretch
from packager.live import LiveWindow

PROFILES = f"{dash.LIVE_PROFILE},http://www.dashif.org/guidelines/low-latency-live-v5"
_UTC = {"schemeIdUri": "urn:mpeg:dash:utc:http-xsdate:2014", "value": TIME_PATH}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What players may do to keep their latency.
_SLOWEST, _FASTEST = "0.96", "1.04"


def manifest(window: LiveWindow, tracks: Sequence[TrackReport], *, held_back: int = -1) -> str:
    """From one snapshot. `held_back`: a run to leave out. Raises Problem unknown where segments are not even."""
    runs = {run: members for run, members in dash_periods.by_run(window).items() if run != held_back}
    even = {run: members for run, members in runs.items() if _is_even(window, run, members)}
    if not runs or max(runs) not in even:
        raise Problem(
            "unknown",
            "the segments of this channel are not even, so numbers do not tell when they begin: use manifest.mpd",
            cache_control="no-store",
        )
    mpd = dash.new_mpd("dynamic", window.target, PROFILES)
    mpd.set("availabilityStartTime", "1970-01-01T00:00:00Z")
    # it changes with each run only
    mpd.set("publishTime", _date(Fraction(max(even) * window.grid_ms, 1000)))
    mpd.set("minimumUpdatePeriod", dash.duration(Fraction(window.grid_ms, 1000)))
    mpd.set("timeShiftBufferDepth", dash.duration(Fraction(window.window_ms, 1000)))
    mpd.set("maxSegmentDuration", dash.duration(Fraction(2 * window.target + 1, 2)))
    latency = 3 * window.part_ms + 1000
    service = ET.SubElement(mpd, "ServiceDescription", id="0")
    ET.SubElement(
        service, "Latency", referenceId="0", target=str(latency), min=str(latency * 3 // 4), max=str(2 * latency)
    )
    ET.SubElement(service, "PlaybackRate", min=_SLOWEST, max=_FASTEST)
    periods = dash_periods.stretches(window, even)
    for period in periods:
        _period(mpd, window, tracks, period, last=period is periods[-1])
    ET.SubElement(mpd, "UTCTiming", _UTC)
    return dash.printed(mpd)


def _is_even(window: LiveWindow, run: int, members: dash_periods.Members) -> bool:
    start, half = dash_periods.began(window, run), Fraction(window.grid_ms, 2000)
    for name, segments in members.items():
        for segment in (segments[0], segments[-1]):
            due = start + Fraction((segment.number - run) * window.grid_ms, 1000)
            if abs(Fraction(segment.start, window.tracks[name].format.timescale) - due) > half:
                return False
    return True


def _period(mpd: ET.Element, window: LiveWindow, tracks: Sequence[TrackReport], of: Stretch, *, last: bool) -> None:
    members, start = of.members, of.start
    period = ET.SubElement(mpd, "Period", id=f"r{of.run}", start=dash.duration(start))
    if not last:
        period.set("duration", dash.duration(of.end - start))
    early = Fraction(max(0, window.grid_ms - window.part_ms), 1000)
    for at, group in enumerate(dash.sets([track for track in tracks if track.track in members])):
        adaptation = dash.adaptation_set(period, at, group)
        scale = window.tracks[group[0].track].format.timescale
        role = next(place for place, element in enumerate(adaptation) if element.tag == "Role")
        adaptation.insert(role, _reference(at, start, math.floor(start * scale)))
        adaptation.insert(role + 1, ET.Element("Resync", type="0", dT=str(window.part_ms * scale // 1000)))
        for member in group:
            scale = window.tracks[member.track].format.timescale
            ET.SubElement(
                dash.representation_of(adaptation, member),
                "SegmentTemplate",
                timescale=str(scale),
                duration=str(window.grid_ms * scale // 1000),
                presentationTimeOffset=str(math.floor(start * scale)),
                availabilityTimeOffset=f"{float(early):g}",
                availabilityTimeComplete="false",
                initialization=dash.init_uri(
                    Kind.LIVE, window.title, window.edition, member.track, members[member.track][-1].init
                ),
                media=media_template(window.edition, member.track),
                startNumber=str(of.run),
            )


def _reference(number: int, start: Fraction, ticks: int) -> ET.Element:
    """Media times are the time of day at which the encoder sent (ingest puts them there), from 1970 on."""
    made = ET.Element(
        "ProducerReferenceTime",
        id=str(number),
        inband="false",
        type="encoder",
        wallClockTime=_date(start),
        presentationTime=str(ticks),
    )
    ET.SubElement(made, "UTCTiming", _UTC)
    return made


def _date(seconds: Fraction) -> str:
    return (_EPOCH + timedelta(milliseconds=round(seconds * 1000))).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
