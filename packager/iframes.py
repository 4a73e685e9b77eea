"""I-frame playlists (RFC 8216bis 4.4.3.6): the first picture of each segment as a range of that segment.

A range ends with the I-frame, within mdat (3.1.2 allows that cut), so no further objects exist for trick play: players
ask for ranges of segments that caches have anyway. Keyframes inside a segment are not listed, since a range cannot
begin there; the density is that of the segments.
"""

from __future__ import annotations

import numpy as np

from base.reports import TrackReport
from base.uris import init_file, segment_file
from packager import describe
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.moof import moof_and_mdat_head
from packager.plan import Plan, TrackPlan
from packager.segment import Body, pieces, segment

_VERSION = 5  # EXT-X-MAP in an I-frame playlist (section 8)


def ranges(track: TrackPlan) -> list[tuple[int, int, float]]:
    """(segment number, octets from its start to the end of its first picture, seconds to the next one)."""
    first = track.first.tolist()
    size = track.track.samples["size"]
    durations = track.durations.tolist()
    return [
        (number, len(segment(track, number).head) + int(size[first[number]]), durations[number])
        for number in range(len(durations))
        if first[number + 1] > first[number]
    ]


def playlist(plan: Plan, track: TrackPlan, generation: str) -> str:
    lines = [
        Tag.M3U,
        f"{Tag.VERSION}:{_VERSION}",
        f"{Tag.TARGETDURATION}:{plan.target_duration}",
        f"{Tag.MEDIA_SEQUENCE}:0",
        f"{Tag.PLAYLIST_TYPE}:VOD",
        Tag.I_FRAMES_ONLY,
        attributes(Tag.MAP, URI=quoted(init_file(generation))),
    ]
    for number, size, duration in ranges(track):
        lines += [f"{Tag.INF}:{seconds(duration)},", f"{Tag.BYTERANGE}:{size}@0", segment_file(number)]
    lines.append(Tag.ENDLIST)
    return "\n".join(lines) + "\n"


def picture(plan: TrackPlan, number: int) -> Body:
    """The first picture of a segment as a segment of its own: shown when it is, and as long as the whole segment.

    The caller has checked that there is one.
    """
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    track, rows = plan.track, plan.track.samples[first : first + 1]
    following = int(track.samples["dts"][end]) if end < len(track.samples) else track.end_dts
    head = moof_and_mdat_head(
        sequence=number + 1,
        tfdt=int(rows["dts"][0]) + plan.base,
        duration=np.array([following - int(rows["dts"][0])]),
        size=rows["size"].astype(np.int64),
        cto=rows["cto"].astype(np.int64) - plan.hidden,
        sync=np.array([True]),
    )
    return Body(head=head, ranges=pieces(rows), length=len(head) + int(rows["size"][0]))


def report(plan: Plan, track: TrackPlan, whole: TrackReport) -> TrackReport:
    """The track with the rates of its I-frames alone; what moof adds is estimated, as in TrackPlan.sizes."""
    listed = np.flatnonzero(np.diff(track.first))
    pictures = track.track.samples["size"][track.first[listed]].astype(np.int64)
    sizes = pictures + 16 * np.diff(track.first)[listed] + 120
    durations = track.durations[listed]
    peak, average = describe.rates(sizes.tolist(), durations.tolist(), plan.target_duration)
    return describe.report(whole.track, track.track.format, peak, average, whole.frame_rate)
