"""Harvest: a stretch of a channel becomes an asset. Its segment files are linked, not copied (origin.extents).

    PUT /vod/{title}/harvest.json     base.arrival.Harvest    -> 201 AssetReport

What cannot be one film is refused with the place: a hole, or another encoder setup in the middle.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from base.arrival import Harvest
from base.problems import Problem
from base.uris import init_file, segment_file
from node.clock import Clock
from origin import extents
from origin.channel import Channel
from origin.disk import write_whole
from origin.extents import MOST_FILES, Extents
from packager import live_clip
from packager.live import LiveSegment, LiveTrack
from packager.pieces import LONGEST_HOLE

MOST_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """`names`: of the asset's files, in order; `notes`: what is said of them."""

    folders: tuple[Path, ...]
    lists: tuple[Extents, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def gather(channels: Mapping[str, Channel], wanted: Harvest, clock: Clock) -> Gathered:
    """What a stretch is made of. Raises Problem unknown, gone, early, too-large, unplayable."""
    channel = channels.get(wanted.channel)
    if channel is None or channel.removed:
        raise Problem("unknown", f"there is no channel {wanted.channel}, or nothing was published on it")
    if not 0 <= wanted.start_ms < wanted.end_ms <= wanted.start_ms + 1000 * MOST_SECONDS:
        raise Problem("malformed", f"end must be after start, by {MOST_SECONDS // 3600} h at most")
    clip = live_clip.cut(channel.window(), wanted.start_ms, wanted.end_ms, clock.now_ms())
    if not clip.over:
        raise Problem("early", "that is not over yet: harvest it when its end has been sent")
    lists, folders, names = [], [], []
    for name, track in clip.window.tracks.items():
        if not (found := _unbroken(track)):
            raise Problem("early", f"{name} has no whole segment of that time yet")
        files = [init_file(found[0].init), *(segment_file(segment.number) for segment in found)]
        sizes = [(channel.tracks[name].folder / files[0]).stat().st_size, *(segment.size for segment in found)]
        lists.append((name, list(zip(files, sizes, strict=True))))
        folders.append(channel.tracks[name].folder)
        names.append(f"{wanted.channel}/{name}")
    count = sum(len(files) for _, files in lists)
    if count > MOST_FILES:
        raise Problem(
            "too-large", f"that are {count} segments, an asset has at most {MOST_FILES}: harvest it in pieces"
        )
    first = next(iter(clip.window.tracks.values()))
    begins = _ms(first.segments[0], first)
    notes = [f"sent by channel {wanted.channel} from {live_clip.date(begins)}"]
    for name, track in clip.window.tracks.items():
        if track.segments[0].number > first.segments[0].number:
            notes.append(f"{name} begins only at {live_clip.date(_ms(track.segments[0], track))}")
    return Gathered(
        folders=tuple(folders),
        lists=tuple(Extents(files=tuple((f"{name}/{file}", size) for file, size in files)) for name, files in lists),
        names=tuple(names),
        notes=tuple(notes),
    )


def link(gathered: Gathered, folder: Path, stems: list[str]) -> None:
    """Links and lists in a folder; `stems`: of each file of the asset. Blocking. Raises Problem gone, OSError."""
    for source, made, stem in zip(gathered.folders, gathered.lists, stems, strict=True):
        for name, _ in made.files:
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            try:
                os.link(source / target.name, target)
            except FileNotFoundError:
                raise Problem(
                    "gone", f"segment {target.stem} has just left the window: ask for a later start"
                ) from None
            except OSError as fault:
                if fault.errno != errno.EXDEV:
                    raise
                raise Problem(
                    "unplayable", "channels and films lie on different file systems here: nothing can be linked"
                ) from fault
        write_whole(folder / f"{stem}{extents.SUFFIX}", msgspec.json.encode(made))


def _unbroken(track: LiveTrack) -> list[LiveSegment]:
    """The segments with media. Raises Problem unplayable where they are not one stretch of one format."""
    found = [segment for segment in track.segments if segment.closed and not segment.gap]
    scale = track.format.timescale
    for before, after in pairwise(found):
        hole = after.start - before.start - before.duration
        at = live_clip.date((before.start + before.duration) * 1000 // scale)
        if hole > LONGEST_HOLE * scale or after.number > before.number + 1:
            until = live_clip.date(_ms(after, track))
            raise Problem(
                "unplayable", f"{track.name} has nothing from {at} to {until}: harvest what is before or after"
            )
        if after.init != before.init:
            raise Problem("unplayable", f"{track.name} was set up anew at {at}: harvest what is before or after")
    return found


def _ms(segment: LiveSegment, track: LiveTrack) -> int:
    return segment.start * 1000 // track.format.timescale
