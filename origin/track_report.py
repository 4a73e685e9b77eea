"""What playlists declare of a track of a channel: its rates, measured over the newest segments, with head room."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

from base.reports import TrackReport
from packager import describe
from packager.live import LiveTrack

# As many closed segments are measured.
_SAMPLE = 30
# Head room of declared rates, as a share of the measured peak, before and after this many closed segments.
_ROOM_UNSETTLED, _ROOM, _SETTLED = 0.5, 0.25, 8


def measured(track: LiveTrack, target: int) -> TrackReport:
    """Rates over the last 30 closed segments; of the open one while there is no other.

    What is said now is held against segments that are still to come (RFC 8216bis 4.4.6.2), so there is head room: much
    while little was seen, for an encoder's rate control settles over its first seconds.
    """
    scale = track.format.timescale
    newest = (s for s in reversed(track.segments) if not s.gap and s.duration)
    known = list(islice(newest, _SAMPLE + 1))
    sample = [s for s in reversed(known) if s.closed][-_SAMPLE:] or known[:1]
    peak, average = describe.rates([s.size for s in sample], [s.duration / scale for s in sample], target)
    parts = [part for s in sample for part in s.parts]
    ticks = sum(part.duration for part in parts)
    rate = ""
    if track.format.kind == "video" and ticks:
        rate = describe.frame_rate(Fraction(sum(part.samples for part in parts) * scale, ticks))
    room = _ROOM if len(sample) >= _SETTLED else _ROOM_UNSETTLED
    return describe.report(track.name, track.format, peak + int(peak * room), average, rate, track.label)
