"""Edit lists (ISO/IEC 14496-12 8.6.6): when a track begins to be presented, and when it stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from packager.boxes import Box, children, fields, full, malformed
from packager.tables import Columns

_LONGEST_EDIT_S = 24 * 3600
_MOST_EDITS = 16
_NORMAL_RATE = 0x10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """In ticks of the track. `shift`: what presentation time is behind composition time. `end`: the presentation time
    from which on nothing is presented, None if that is the media's end. `tick`: one of the movie's, by which an end
    may be rounded."""

    shift: int = 0
    end: int | None = None
    tick: int = 1


NO_EDIT = Edit()


def read_edit(data: memoryview, trak: Box, timescale: int, movie_scale: int) -> tuple[Edit, tuple[str, ...]]:
    """The list of a track as one edit, and notes: an initial empty edit delays it, media_time drops its beginning,
    segment_duration may drop its end. Raises Problem unplayable."""
    edts = children(data, trak).get("edts")
    elst = children(data, edts).get("elst") if edts else None
    if elst is None:
        return NO_EDIT, ()
    version, _ = full(data, elst)
    (count,) = fields(data, elst, "I")
    width = 20 if version else 12
    if elst.body + 8 + count * width > elst.end:
        raise malformed(f"table elst claims {count} entries, more than it holds")
    delay = shift = lasts = seen = 0
    for i in range(min(count, _MOST_EDITS)):
        duration, media_time, rate = fields(data, elst, "QqI" if version else "IiI", 8 + i * width)
        if media_time < 0:
            if not seen:
                delay += duration
            continue
        if seen == 0:
            shift, lasts = media_time, duration if rate == _NORMAL_RATE else 0
        seen += 1
    if max(shift / timescale, delay / movie_scale) > _LONGEST_EDIT_S:
        raise malformed("its edit list moves a track by more than a day")
    shift -= round(delay * timescale / movie_scale)
    tick = math.ceil(timescale / movie_scale)
    if seen > 1:
        return Edit(shift=shift, tick=tick), ("the edit list has several cuts: only the first is applied",)
    end = (delay + lasts) * timescale // movie_scale if lasts else None  # 0: as long as the media is
    return Edit(shift=shift, end=end, tick=tick), ()


def trimmed(columns: Columns, edit: Edit) -> Columns:
    """Without the samples at the end that are not presented. One that is presented in part stays whole; a picture past
    the end stays if one that is shown before the end is decoded after it.

    Raises Problem unplayable if nothing is left.
    """
    samples = columns.samples
    if edit.end is None or not len(samples):
        return columns
    shown = samples["dts"] + samples["cto"] - edit.shift
    # an end that was rounded by a tick of the movie's time neither shows a sample for that long nor hides a whole one
    usual = int(np.median(np.diff(samples["dts"]))) if len(samples) > 1 else columns.last_duration
    limit = edit.end - edit.tick + 1 if 2 * edit.tick <= usual else edit.end + edit.tick
    kept = np.flatnonzero(shown < limit)
    if not len(kept):
        raise malformed("its edit list hides a whole track")
    stop = int(kept[-1]) + 1
    if stop == len(samples):
        return columns
    return replace(
        columns,
        samples=samples[:stop].copy(),
        sync=columns.sync[columns.sync < stop],
        last_duration=int(samples["dts"][stop]) - int(samples["dts"][stop - 1]),
    )
