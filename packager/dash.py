"""DASH manifests (ISO/IEC 23009-1, 5th edition; DASH-IF timing model): of a live channel, and what others share.

Explicit addressing throughout: SegmentTimeline with $Number$. A live channel's media time counts from 1970, and
availabilityStartTime is 1970, so a Period's start is the UTC time of its first picture. Each unbroken run of
segments is a Period of its own: a Period may have no hole (timing model 9.2, 14).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from xml.etree import ElementTree as ET

from base.names import TIME_PATH, Kind, Leaf, Name
from base.reports import TrackReport
from base.uris import media_template
from packager import dash_images, live_events
from packager.dash_periods import Stretch, by_run, ended, stretches
from packager.live import LiveSegment, LiveWindow
from packager.live_clip import LiveClip
from packager.thumbnails import Sheets

_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
LIVE_PROFILE = "urn:mpeg:dash:profile:isoff-live:2011"
_CHANNELS = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
_ROLE = "urn:mpeg:dash:role:2011"
_CICP, _CICP_NAMES = "urn:mpeg:mpegB:cicp:", ("ColourPrimaries", "TransferCharacteristics", "MatrixCoefficients")
_BT709 = (1, 1, 1)
_SCTE_214 = "urn:scte:dash:scte214-extensions"
ET.register_namespace("scte214", _SCTE_214)
_SHORT = Fraction(1, 2)  # tracks that end apart by no more end together
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def live_manifest(
    window: LiveWindow,
    tracks: Sequence[TrackReport],
    sheets: Sheets | None = None,
    *,
    held_back: int = -1,
    clip: LiveClip | None = None,
) -> str:
    """The MPD of a channel from one snapshot. `sheets`: the thumbnails to speak of; `held_back`: a run to leave out.

    `clip`: the stretch that `window` is. One that is over is a film, whose Periods follow one another from 0 on.
    """
    over = clip is not None and clip.over
    mpd = new_mpd("static" if over else "dynamic", window.target)
    wanted = {run: members for run, members in by_run(window).items() if run != held_back}
    periods = stretches(window, wanted, cut=over)
    # the target duration is rounded (HLS); sound that is cut at frames may last a little longer (5.3.1.2: the maximum)
    longest = duration(Fraction(2 * window.target + 1, 2))
    if over:
        begin = Fraction(0)
        for period in periods:
            begin += _film_period(mpd, window, tracks, period, begin)
        mpd.set("mediaPresentationDuration", duration(begin))
        mpd.set("maxSegmentDuration", longest)
        return printed(mpd)
    mpd.set("availabilityStartTime", "1970-01-01T00:00:00Z")
    mpd.set("publishTime", _publish_time(window))
    mpd.set("minimumUpdatePeriod", duration(Fraction(window.grid_ms, 1000)))
    mpd.set("timeShiftBufferDepth", duration(Fraction(window.window_ms, 1000)))
    mpd.set("suggestedPresentationDelay", duration(Fraction(3 * window.grid_ms, 1000)))
    mpd.set("maxSegmentDuration", longest)
    if clip is not None and clip.query:  # it is asked for again by times that stay what they are (5.3.1.2)
        ET.SubElement(mpd, "Location").text = f"manifest.mpd?{clip.query}"
    for period in periods:
        _live_period(mpd, window, tracks, period, sheets, last=period is periods[-1])
    ET.SubElement(mpd, "UTCTiming", schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014", value=TIME_PATH)
    return printed(mpd)


def _publish_time(window: LiveWindow) -> str:
    """Later for each change of the MPD (5.3.1.2), and the same wherever it is printed.

    It is the end of the newest whole segment, and a millisecond more for each track that has that number and each thing
    that is said of a mark: between two tracks' segments of one number the end may stand still.
    """
    closed = {name: [s for s in track.segments[-2:] if s.closed] for name, track in window.tracks.items()}
    last = {name: segments[-1] for name, segments in closed.items() if segments}
    newest = max((ended(window, name, segment) for name, segment in last.items()), default=Fraction(0))
    number = max((segment.number for segment in last.values()), default=0)
    whole = sum(segment.number == number for segment in last.values())
    said = sum(1 + (mark.end >= 0) + bool(mark.back) for mark in window.marks)
    at = _EPOCH + timedelta(milliseconds=math.floor(newest * 1000) + whole + said)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _live_period(
    mpd: ET.Element,
    window: LiveWindow,
    tracks: Sequence[TrackReport],
    of: Stretch,
    sheets: Sheets | None,
    *,
    last: bool,
) -> None:
    # A Period's id and start never change while it is in the window (timing model 13.6): they are the run's own.
    # All tracks count, not only those that have whole segments of it now.
    first = mpd.find("Period") is None
    period = ET.SubElement(mpd, "Period", id=f"r{of.run}", start=duration(of.start))
    if not last:
        period.set("duration", duration(of.end - of.start))
    _add_events(period, window, of.start, None if last else of.end, first=first)
    _add_sets(period, window, of.members, tracks, of.start)
    if sheets and sheets.track in of.members:
        period.append(dash_images.adaptation_set(sheets, window.edition, of.run))


def _film_period(
    mpd: ET.Element, window: LiveWindow, tracks: Sequence[TrackReport], of: Stretch, begin: Fraction
) -> Fraction:
    """A run of a stretch that is over. Seconds that it lasts: until its first track ends, as all Periods of films."""
    ends = [ended(window, name, s[-1]) for name, s in of.members.items()]
    lasts = (min(*ends, of.end) if max(ends) - min(ends) <= _SHORT else of.end) - of.start
    first = mpd.find("Period") is None
    period = ET.SubElement(mpd, "Period", id=f"r{of.run}", start=duration(begin), duration=duration(lasts))
    _add_events(period, window, of.start, of.start + lasts, first=first)
    _add_sets(period, window, of.members, tracks, of.start)
    return lasts


def _add_events(period: ET.Element, window: LiveWindow, start: Fraction, end: Fraction | None, *, first: bool) -> None:
    events = live_events.event_stream(window.marks, start, end, first=first)
    if events is not None:
        period.append(events)


def _add_sets(
    period: ET.Element,
    window: LiveWindow,
    members: dict[str, list[LiveSegment]],
    tracks: Sequence[TrackReport],
    start: Fraction,
) -> None:
    for at, group in enumerate(sets([track for track in tracks if track.track in members])):
        adaptation = adaptation_set(period, at, group)
        for member in group:
            segments = members[member.track]
            scale = window.tracks[member.track].format.timescale
            template = ET.SubElement(
                representation_of(adaptation, member),
                "SegmentTemplate",
                timescale=str(scale),
                presentationTimeOffset=str(math.floor(start * scale)),
                initialization=init_uri(Kind.LIVE, window.title, window.edition, member.track, segments[-1].init),
                media=media_template(window.edition, member.track),
                startNumber=str(segments[0].number),
            )
            write_timeline(template, [(s.number, s.start, s.duration) for s in segments], segments[0].number)


def new_mpd(kind: str, min_buffer: int, profiles: str = LIVE_PROFILE) -> ET.Element:
    return ET.Element("MPD", xmlns=_NAMESPACE, profiles=profiles, type=kind, minBufferTime=f"PT{min_buffer}S")


def sets(tracks: Sequence[TrackReport]) -> list[list[TrackReport]]:
    """Tracks that one player may switch between: same kind, codec family and language."""
    found: dict[tuple[str, str, str], list[TrackReport]] = {}
    for track in tracks:
        language = track.language if track.kind == "audio" else ""
        # audio tracks of one language are alternatives, not a ladder
        alternative = track.track if track.kind == "audio" else ""
        found.setdefault((track.kind, track.codec.partition(".")[0], language + alternative), []).append(track)
    return list(found.values())


def adaptation_set(period: ET.Element, at: int, members: list[TrackReport]) -> ET.Element:
    first = members[0]
    video = first.kind == "video"
    adaptation = ET.SubElement(
        period,
        "AdaptationSet",
        id=str(at),
        contentType=first.kind,
        mimeType="video/mp4" if video else "audio/mp4",
        segmentAlignment="true",
        startWithSAP="1",
    )
    if video:
        adaptation.set("maxWidth", str(max(m.width for m in members)))
        adaptation.set("maxHeight", str(max(m.height for m in members)))
        _colours(adaptation, members)
    else:
        adaptation.set("lang", first.language)
    if first.label:
        ET.SubElement(adaptation, "Label").text = first.label
    ET.SubElement(adaptation, "Role", schemeIdUri=_ROLE, value="main")
    return adaptation


def _colours(adaptation: ET.Element, members: list[TrackReport]) -> None:
    """What HDR players look for, where all members agree and it is not what is taken for granted (BT.709).

    Supplemental, so that a player that does not know them plays on: the codec string alone decides whether it can.
    """
    said = {member.cicp for member in members}
    if len(said) != 1 or said <= {(), _BT709}:
        return
    for name, value in zip(_CICP_NAMES, said.pop(), strict=True):
        ET.SubElement(adaptation, "SupplementalProperty", schemeIdUri=_CICP + name, value=str(value))


def representation_of(adaptation: ET.Element, track: TrackReport) -> ET.Element:
    representation = ET.SubElement(
        adaptation, "Representation", id=track.track, bandwidth=str(max(track.bandwidth, 1)), codecs=track.codec
    )
    if track.supplemental:  # ANSI/SCTE 214-1: the schema has no attributes of its own for it
        codec, _, brand = track.supplemental.partition("/")
        representation.set(f"{{{_SCTE_214}}}supplementalCodecs", codec)
        representation.set(f"{{{_SCTE_214}}}supplementalProfiles", brand)
    if track.kind == "video":
        representation.set("width", str(track.width))
        representation.set("height", str(track.height))
        if track.frame_rate:
            representation.set("frameRate", track.frame_rate)
    else:
        representation.set("audioSamplingRate", str(track.sample_rate))
        if track.channels:
            ET.SubElement(representation, "AudioChannelConfiguration", schemeIdUri=_CHANNELS, value=str(track.channels))
    return representation


def write_timeline(template: ET.Element, times: Sequence[tuple[int, int, int]], number: int) -> None:
    """SegmentTimeline with repeats (5.3.9.6): @t where a segment does not start at the end of the one before.

    @n only after segments in which a track has nothing: there is no other way to say that numbers were skipped.
    """
    timeline = ET.SubElement(template, "SegmentTimeline")
    end, element, repeat = None, None, 0
    for here, start, length in times:
        if element is not None and start == end and here == number and element.get("d") == str(length):
            repeat += 1
            element.set("r", str(repeat))
        else:
            element, repeat = ET.SubElement(timeline, "S"), 0
            if start != end:
                element.set("t", str(start))
            if here != number:
                element.set("n", str(here))
            element.set("d", str(length))
        end, number = start + length, here + 1


def init_uri(kind: Kind, title: str, edition: str, track: str, generation: str) -> str:
    name = Name(kind=kind, title=title, edition=edition, track=track, leaf=Leaf.INIT, generation=generation)
    return name.relative


def duration(seconds: Fraction) -> str:
    """xs:duration in seconds, to the microsecond."""
    whole, rest = divmod(math.floor(seconds * 1_000_000), 1_000_000)
    return f"PT{whole}" + (f".{rest:06d}".rstrip("0") if rest else "") + "S"


def printed(mpd: ET.Element) -> str:
    ET.indent(mpd)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(mpd, encoding="unicode") + "\n"
