"""One track out of an init segment and many segments that lie in one buffer, each where its extent says. Pure.

What a channel sent is read as a recording: times count from 1970, and whole seconds are taken off (Index.epoch). What
lies between the extents is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from base.problems import Problem
from packager import fragments
from packager.boxes import walk
from packager.limits import USUAL, Limits
from packager.movie import Movie, SourceTrack, read_init

Extent = tuple[int, int]  # offset, octets
# Media that goes on after a hole of this is shown as if there were none; more has to be told of, which no film can.
LONGEST_HOLE = Fraction(1, 2)


def read_pieces(data: memoryview, init: Extent, segments: Sequence[Extent], limits: Limits = USUAL) -> Movie:
    """Raises Problem unplayable: damaged, out of order, or with a hole."""
    fmt = read_init(data[init[0] : init[0] + init[1]])
    found: list[fragments.Fragment] = []
    following: dict[int, int] = {}
    samples = 0
    for at, size in segments:
        for box in walk(data, at, at + size, limits):
            if box.type != "moof":
                continue
            for fragment in fragments.read_moof(data, box, {}, following, limits):
                hole = fragment.tfdt - found[-1].end if found else 0
                if hole < 0 and found[-1].samples["dts"][-1] >= fragment.tfdt:
                    raise Problem("unplayable", "its segments are not one behind the other")
                if hole > LONGEST_HOLE * fmt.timescale:
                    raise Problem("unplayable", f"{hole / fmt.timescale:.1f} s are missing in it")
                found.append(fragment)
                samples += len(fragment.samples)
                limits.check("samples", samples, f"it has {samples} samples in one track or more")
    if not samples:
        raise Problem("unplayable", "it has no samples")
    columns = fragments.join(found)
    epoch = int(columns.samples["dts"][0]) // fmt.timescale
    columns.samples["dts"] -= epoch * fmt.timescale
    return Movie(tracks=(SourceTrack(track_id=1, format=fmt, columns=columns),), epoch=epoch)
