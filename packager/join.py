"""One presentation out of several files: a ladder and languages as they come from an encoder.

Tracks are named anew, over all files: video best first (v1, v2, ...), audio in the order of the files (a1, a2, ...).
One file alone keeps the names that its index gave. Time zero of a file is where its edit lists say that it begins;
files that were recorded from one clock (fragmented, counted from 1970) keep their distance.

An encoder puts the same sound into every file of a ladder. Where files with picture carry sound that reads the same
(codec, language, channels, rate), the first is taken and the others are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from base.problems import Problem
from packager.index import FileKey, Index, IndexTrack

MOST_FILES = 32
# Clocks of files that differ by more are not one clock.
_LONGEST_APART_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """`file_of`: which of the files each track of `index` lies in, counted from 0."""

    index: Index
    file_of: dict[str, int]


def join(parts: Sequence[Index], names: Sequence[str]) -> Joint:
    """`names`: what people call the files, for notes. Raises Problem unplayable if the files are too many."""
    if len(parts) == 1:
        return Joint(index=parts[0], file_of={t.name: 0 for t in parts[0].tracks})
    if len(parts) > MOST_FILES:
        raise Problem("unplayable", f"an asset has at most {MOST_FILES} files, not {len(parts)}")
    notes = [f"{name}: {note}" for part, name in zip(parts, names, strict=True) for note in part.notes]
    videos: list[tuple[int, IndexTrack]] = []
    audios: list[tuple[int, IndexTrack]] = []
    heard: dict[tuple[str, str, int, int], int] = {}
    for at, part in enumerate(parts):
        moved = _moved(part, parts)
        videos += [(at, track) for track in moved if track.format.kind == "video"]
        for track in moved:
            if track.format.kind != "audio":
                continue
            sort = (track.format.codec, track.format.language, track.format.channels, track.format.sample_rate)
            if part.video and heard.setdefault(sort, at) != at:
                notes.append(f"{names[at]}: its sound was left out, {names[heard[sort]]} has the same")
                continue
            audios.append((at, track))
    videos.sort(key=lambda found: _worth(found[1]), reverse=True)
    named = [
        (at, replace(track, name=f"{track.format.kind[0]}{number}"))
        for found in (videos, audios)
        for number, (at, track) in enumerate(found, 1)
    ]
    index = Index(key=_key([part.key for part in parts]), tracks=tuple(track for _, track in named), notes=tuple(notes))
    return Joint(index=index, file_of={track.name: at for at, track in named})


def _moved(part: Index, parts: Sequence[Index]) -> tuple[IndexTrack, ...]:
    """The tracks of a file whose clock began later than that of another file, moved as much later."""
    first = min(other.epoch for other in parts)
    late = part.epoch - first
    if not late or late > _LONGEST_APART_S:
        return part.tracks
    return tuple(replace(track, shift=track.shift - late * track.format.timescale) for track in part.tracks)


def _worth(track: IndexTrack) -> tuple[int, float]:
    """Pixels, then octets a second."""
    octets = int(track.samples["size"].sum(dtype="u8"))
    ticks = track.end_dts - int(track.samples["dts"][0])
    return track.format.width * track.format.height, octets * track.format.timescale / max(1, ticks)


def _key(keys: Sequence[FileKey]) -> FileKey:
    """A key that is another as soon as one of the files, or their order, is another."""
    digest = hashlib.sha256(repr([(key.size, key.mtime_ns, key.inode) for key in keys]).encode()).digest()
    return FileKey(
        sum(key.size for key in keys), int.from_bytes(digest[:7], "big"), int.from_bytes(digest[7:14], "big")
    )
