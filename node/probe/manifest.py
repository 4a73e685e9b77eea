"""Rules of a DASH manifest as it stands: the schema's shape, and the DASH-IF timing model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from node.probe.mpd import NAMESPACE, Manifest, Node, Period, Representation, duration
from node.probe.playlist import date
from node.probe.rules import Finding

_SEGMENTS = ("SegmentBase", "SegmentList", "SegmentTemplate")
_COMMON = (
    *("FramePacking", "AudioChannelConfiguration", "ContentProtection", "OutputProtection", "EssentialProperty"),
    *("SupplementalProperty", "InbandEventStream", "Switching", "RandomAccess", "GroupLabel", "Label"),
    *("ProducerReferenceTime", "ContentPopularityRate", "Resync"),
)
# The schema's sequences (5th edition). Elements that are not named are left alone.
_ORDER = {
    "MPD": (
        *("ProgramInformation", "BaseURL", "Location", "PatchLocation", "ServiceDescription", "InitializationSet"),
        *("InitializationGroup", "InitializationPresentation", "ContentProtection", "Period", "Metrics"),
        *("EssentialProperty", "SupplementalProperty", "UTCTiming", "LeapSecondInformation"),
    ),
    "Period": (
        *("BaseURL", *_SEGMENTS, "AssetIdentifier", "EventStream", "ServiceDescription", "ContentProtection"),
        *("AdaptationSet", "Subset", "SupplementalProperty", "EmptyAdaptationSet", "GroupLabel", "Preselection"),
    ),
    "AdaptationSet": (
        *(*_COMMON, "Accessibility", "Role", "Rating", "Viewpoint", "ContentComponent", "BaseURL", *_SEGMENTS),
        "Representation",
    ),
    "Representation": (*_COMMON, "BaseURL", "ExtendedBandwidth", "SubRepresentation", *_SEGMENTS),
}
_DURATIONS = (
    *("minBufferTime", "mediaPresentationDuration", "minimumUpdatePeriod", "timeShiftBufferDepth"),
    *("suggestedPresentationDelay", "maxSegmentDuration"),
)
_DATES = ("availabilityStartTime", "publishTime", "availabilityEndTime")
_CLOCK = "urn:mpeg:dash:utc:"
_KID = "urn:mpeg:cenc:2013 default_KID"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VARIABLE = re.compile(r"\$([^$]*)\$")
_KNOWN = re.compile(r"|RepresentationID|(Number|Bandwidth|Time|SubNumber)(%0\d+d)?")
_SLACK_S = 0.5  # tracks of one Period end at their own last sample
_TICK_S = 0.001


def root(node: Node, url: str) -> Iterator[Finding]:
    if node.name != "MPD" or node.namespace != NAMESPACE:
        yield Finding("mpd-xml", url, node.line, f"{{{node.namespace}}}{node.name}", f"{{{NAMESPACE}}}MPD")


def check(found: Manifest, now: float) -> Iterator[Finding]:
    """`now` in seconds since 1970."""
    yield from _order(found)
    yield from _attributes(found)
    yield from _presentation(found)
    yield from _periods(found)
    yield from _protection(found)
    longest = duration(found.node.get("maxSegmentDuration"))
    for one in found.representations:
        yield from _addressing(one)
        yield from _timeline(one)
        yield from _covers(one, now)
        for slot in one.slots(now):
            if longest is not None and slot.duration / one.timescale > longest + _TICK_S:
                said = f"{slot.duration / one.timescale:g} s"
                yield Finding("max-segment", found.url, slot.line, said, f"{longest:g} s at most")
                break


def _order(found: Manifest) -> Iterator[Finding]:
    for node in found.node.walk():
        order = _ORDER.get(node.name, ())
        at = 0
        for child in node.children:
            if child.name not in order:
                continue
            if order.index(child.name) < at:
                yield Finding("mpd-order", found.url, child.line, f"{child.name} behind {order[at]} in {node.name}")
            at = max(at, order.index(child.name))


def _attributes(found: Manifest) -> Iterator[Finding]:
    url, node = found.url, found.node
    for name in ("profiles", "minBufferTime"):
        if not node.get(name):
            yield Finding("mpd-attribute", url, node.line, f"MPD without {name}")
    for name in _DURATIONS:
        if node.get(name) and duration(node.get(name)) is None:
            yield Finding("mpd-attribute", url, node.line, f"{name}={node.get(name)}", "an xs:duration")
    for name in _DATES:
        if node.get(name) and date(node.get(name)) is None:
            yield Finding("mpd-attribute", url, node.line, f"{name}={node.get(name)}", "an xs:dateTime with zone")
    for period in found.periods:
        ids: set[str] = set()
        for one in period.representations:
            line = one.node.line
            if not one.id or re.search(r"\s", one.id):
                yield Finding("mpd-attribute", url, line, f"Representation@id={one.id!r}", "an id without white space")
            elif one.id in ids:
                yield Finding("representation-id", url, line, f"{one.id} again")
            ids.add(one.id)
            if one.bandwidth < 1:
                yield Finding("mpd-attribute", url, line, f"bandwidth={one.node.get('bandwidth')!r}", "bit/s")
            if not one.said("mimeType") and not one.said("containerProfiles"):
                yield Finding("mpd-attribute", url, line, f"Representation {one.id} without mimeType")


def _presentation(found: Manifest) -> Iterator[Finding]:
    url, node = found.url, found.node
    if not found.periods:
        yield Finding("mpd-attribute", url, node.line, "no Period")
        return
    if not found.dynamic:
        if found.periods[-1].duration is None:
            yield Finding("mpd-static", url, node.line, "neither mediaPresentationDuration nor Period@duration")
        if found.periods[0].start:
            yield Finding("mpd-static", url, found.periods[0].node.line, f"starts at {found.periods[0].start:g} s", "0")
        return
    clocks = [timing for timing in node.all("UTCTiming") if timing.get("schemeIdUri").startswith(_CLOCK)]
    if not node.get("availabilityStartTime") or not clocks:
        said = "no UTCTiming" if node.get("availabilityStartTime") else "no availabilityStartTime"
        yield Finding("mpd-dynamic", url, node.line, said)
    if not node.get("publishTime"):
        yield Finding("mpd-publish", url, node.line, "no publishTime")
    for period in found.periods:
        if not period.id:
            yield Finding("mpd-ids", url, period.node.line, "a Period without id")
        for set_node in period.node.all("AdaptationSet"):
            if not set_node.get("id"):
                yield Finding("mpd-ids", url, set_node.line, "an AdaptationSet without id")
    delay = duration(node.get("suggestedPresentationDelay"))
    if delay is not None and found.depth is not None and delay >= found.depth:
        yield Finding("delay", url, node.line, f"{delay:g} s", f"less than {found.depth:g} s")


def _periods(found: Manifest) -> Iterator[Finding]:
    before: Period | None = None
    for period in found.periods:
        line = period.node.line
        if not period.known:
            yield Finding("period-start", found.url, line, f"Period {period.id}: its start cannot be told")
        elif before is not None and period.start <= before.start:
            yield Finding("period-start", found.url, line, f"{period.start:g} s after {before.start:g} s")
        if period.duration is not None and period.duration <= 0:
            yield Finding("period-start", found.url, line, f"Period {period.id} lasts {period.duration:g} s")
        before = period


def _protection(found: Manifest) -> Iterator[Finding]:
    for node in found.node.walk():
        if node.name != "ContentProtection" or node.get("schemeIdUri") != "urn:mpeg:dash:mp4protection:2011":
            continue
        if node.get("value") not in ("cenc", "cbcs", "cens", "cbc1") or not _UUID.fullmatch(node.get(_KID)):
            said = f"value={node.get('value')!r}, default_KID={node.get(_KID)!r}"
            yield Finding("protection-kid", found.url, node.line, said)


def _addressing(one: Representation) -> Iterator[Finding]:
    url, line = one.period.manifest.url, one.node.line
    ways = {name for node in (one.set_node, one.node) for name in _SEGMENTS if node.first(name)}
    if len(ways) > 1:
        yield Finding("addressing", url, line, " and ".join(sorted(ways)))
    if "SegmentTemplate" in ways or one.template:
        if "timescale" not in one.template:
            yield Finding("addressing", url, one.template_line, "SegmentTemplate without timescale")
        if (one.timeline is None) == ("duration" not in one.template):
            said = "both duration and SegmentTimeline" if one.timeline else "neither duration nor SegmentTimeline"
            yield Finding("addressing", url, one.template_line, said)
        yield from _template(one, url)
    own = one.node.first("SegmentTemplate")
    for name in ("availabilityTimeOffset", "availabilityTimeComplete"):
        if own and own.get(name) and len({_own(other, name) for other in _siblings(one)}) > 1:
            yield Finding("availability-place", url, own.line, f"{name}={own.get(name)}", "as its siblings")


def _siblings(one: Representation) -> list[Representation]:
    return [other for other in one.period.representations if other.set_node is one.set_node]


def _own(one: Representation, name: str) -> str:
    return one.template.get(name, "")


def _template(one: Representation, url: str) -> Iterator[Finding]:
    media = one.template.get("media", "")
    for name, text in (("media", media), ("initialization", one.template.get("initialization", ""))):
        if text.count("$") % 2:
            yield Finding("template", url, one.template_line, f"{name}={text}", "identifiers between two $")
            continue
        for identifier in _VARIABLE.findall(text):
            if not _KNOWN.fullmatch(identifier):
                yield Finding("template", url, one.template_line, f"${identifier}$ in {name}")
    kinds = {found.partition("%")[0] for found in _VARIABLE.findall(media)} & {"Number", "Time"}
    if len(kinds) != 1:
        yield Finding("template", url, one.template_line, f"media={media}", "$Number$ or $Time$")


def _timeline(one: Representation) -> Iterator[Finding]:
    url = one.period.manifest.url
    end: int | None = None
    for row in one.timeline.all("S") if one.timeline else ():
        texts = {name: row.get(name) for name in ("t", "d", "r", "n") if row.get(name)}
        wrong = [f"{name}={text}" for name, text in texts.items() if not re.fullmatch(r"-?\d+", text)]
        if wrong or int(texts.get("d", "0")) < 1 or int(texts.get("r", "0")) < -1:
            yield Finding("timeline", url, row.line, ", ".join(wrong) or f"d={row.get('d')!r}, r={row.get('r')!r}")
            return
        time = int(texts.get("t", end or 0))
        if end is not None and time != end:
            off = (time - end) / one.timescale
            yield Finding("timeline-gap", url, row.line, f"{off:+.4f} s in Representation {one.id}", "0")
        if int(texts.get("r", "0")) < 0:
            return
        end = time + int(texts["d"]) * (int(texts.get("r", "0")) + 1)


def _covers(one: Representation, now: float) -> Iterator[Finding]:
    """A Period's beginning and end lie within segments; a live one may have lost its beginning."""
    period = one.period
    slots = one.slots(now)
    if not slots:
        return
    url, scale = period.manifest.url, one.timescale
    begins = (slots[0].time - one.offset) / scale
    ends = (slots[-1].time + slots[-1].duration - one.offset) / scale
    if not period.manifest.dynamic and begins > _SLACK_S:
        yield Finding("timeline-cover", url, slots[0].line, f"{one.id} begins {begins:g} s late", "0")
    closed = not period.manifest.dynamic or period is not period.manifest.periods[-1]
    if closed and period.duration is not None and ends < period.duration - _SLACK_S and one.timeline is not None:
        said = f"{one.id} ends at {ends:g} s"
        yield Finding("timeline-cover", url, slots[-1].line, said, f"{period.duration:g} s")
