"""A media file's tracks: `moov` and what follows from it (14496-12 8.1 to 8.8), progressive or fragmented."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from base.media import Format
from base.problems import Problem
from packager import entries, fragments, tables
from packager.boxes import Box, child, fields, full, malformed, walk
from packager.edits import NO_EDIT, Edit, read_edit, trimmed
from packager.limits import USUAL, Limits, OverLimit

# Boxes on the way from moov to what is read.
_HOLDS = frozenset({"moov", "trak", "mdia", "minf", "stbl", "edts", "mvex"})
_LONGEST_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTrack:
    """One track of a file. presentation time = dts + cto - shift, in the track's timescale."""

    track_id: int
    format: Format
    columns: tables.Columns
    edit: Edit = NO_EDIT
    notes: tuple[str, ...] = ()

    @property
    def shift(self) -> int:
        return self.edit.shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Movie:
    """`left_out`: why a track of the file is not among `tracks`, one sentence each. `epoch`: see Index."""

    tracks: tuple[SourceTrack, ...]
    left_out: tuple[str, ...] = ()
    epoch: int = 0


def read_init(data: memoryview) -> Format:
    """The format of an init segment (one track, no samples). Raises Problem unplayable."""
    moov, _ = _find(data, USUAL)
    movie_scale = _timescale(data, child(data, moov, "mvhd"))[0]
    traks = [box for box in walk(data, moov.body, moov.end) if box.type == "trak"]
    if len(traks) != 1:
        raise malformed(f"an init segment has one track, not {len(traks)}")
    handler = child(data, traks[0], "mdia/hdlr")
    video = bytes(data[handler.body + 8 : handler.body + 12]) == b"vide"
    return _read_track(data, traks[0], video, movie_scale, {}, USUAL).format


def read_movie(data: memoryview, limits: Limits = USUAL) -> Movie:
    """The playable tracks of a whole file. Raises Problem unplayable that says why there is none."""
    moov, moofs = _find(data, limits)
    trex = fragments.read_trex(data, moov)
    parts: dict[int, list[fragments.Fragment]] = {}
    following: dict[int, int] = {}
    counts: dict[int, int] = {}
    for moof in moofs:
        for fragment in fragments.read_moof(data, moof, trex, following, limits):
            parts.setdefault(fragment.track_id, []).append(fragment)
            track_id = fragment.track_id
            counts[track_id] = counts.get(track_id, 0) + len(fragment.samples)
            limits.check("samples", counts[track_id], f"it has {counts[track_id]} samples in one track or more")
        if (count := sum(counts.values())) > len(data):
            raise malformed(f"{count} samples in {len(data)} octets")
    (movie_scale,) = _timescale(data, child(data, moov, "mvhd"))
    tracks: list[SourceTrack] = []
    left_out: list[str] = []
    refused: Problem | None = None
    traks = [box for box in walk(data, moov.body, moov.end, limits) if box.type == "trak"]
    limits.check("tracks", len(traks), f"it has {len(traks)} tracks")
    for number, trak in enumerate(traks, 1):
        handler = bytes(data[(hdlr := child(data, trak, "mdia/hdlr")).body + 8 : hdlr.body + 12])
        if handler not in (b"vide", b"soun"):
            left_out.append(f"track {number} ({handler.decode('latin-1')}) is neither video nor audio")
            continue
        try:
            track = _read_track(data, trak, handler == b"vide", movie_scale, parts, limits)
        except Problem as problem:
            if "codec" not in problem.detail:
                raise
            refused = refused or problem
            left_out.append(f"track {number}: {problem.detail}")
            continue
        if len(track.columns.samples):
            tracks.append(track)
        else:
            left_out.append(f"track {number} has no samples")
    if not tracks:
        raise refused or Problem(
            "unplayable", "the file has no video and no audio: " + ("; ".join(left_out) or "empty")
        )
    _check_extent(data, tracks)
    # how long a track is that goes on in fragments, its edit list cannot know
    tracks = [t if t.track_id in parts else replace(t, columns=trimmed(t.columns, t.edit)) for t in tracks]
    epoch = _from_zero(tracks) if moofs else 0
    return Movie(tracks=tuple(tracks), left_out=tuple(left_out), epoch=epoch)


def _find(data: memoryview, limits: Limits) -> tuple[Box, list[Box]]:
    moov, moofs, seen = None, [], set()
    try:
        for box in walk(data, 0, len(data), limits):
            seen.add(box.type)
            if box.type == "moov":
                moov = moov or box
            elif box.type == "moof":
                moofs.append(box)
    except OverLimit:
        raise
    except Problem:
        if moov is None and "ftyp" in seen:
            raise Problem(
                "unplayable", "the file is truncated: it ends before its index (moov); copy or record it again"
            ) from None
        if moov is None:
            raise Problem("unplayable", "this is not an MP4 file (no ISO-BMFF boxes)") from None
        raise Problem("unplayable", "the file is truncated: its last box is cut off; copy it again") from None
    if moov is None:
        if "ftyp" not in seen and "moof" not in seen:
            raise Problem("unplayable", "this is not an MP4 file (no ftyp, no moov)")
        raise Problem("unplayable", "the file has no index (moov): the recording was cut short; remux it")
    limits.check("moov", moov.size, f"its index (moov) has {moov.size} octets")
    _check_depth(data, moov, limits)
    return moov, moofs


def _check_depth(data: memoryview, moov: Box, limits: Limits) -> None:
    """Whatever lies in one another; what is damaged there is said where it is read."""
    waiting = [(moov, 1)]
    while waiting:
        box, depth = waiting.pop()
        limits.check("depth", depth, f"it has boxes {depth} deep or more")
        try:
            waiting += [(inner, depth + 1) for inner in walk(data, box.body, box.end, limits) if inner.type in _HOLDS]
        except OverLimit:
            raise
        except Problem:
            continue


def _read_track(
    data: memoryview,
    trak: Box,
    video: bool,
    movie_scale: int,
    parts: dict[int, list[fragments.Fragment]],
    limits: Limits,
) -> SourceTrack:
    tkhd = child(data, trak, "tkhd")
    version, _ = full(data, tkhd)
    (track_id,) = fields(data, tkhd, "I", 20 if version else 12)
    timescale, language = _timescale_and_language(data, child(data, trak, "mdia/mdhd"))
    stbl = child(data, trak, "mdia/minf/stbl")
    stsd = child(data, stbl, "stsd")
    found = list(walk(data, stsd.body + 8, stsd.end))
    if not found:
        raise malformed("box stsd is empty")
    columns = tables.expand(data, stbl, limits)
    if track_id in parts:
        if len(columns.samples):
            raise malformed("a track has samples both in moov and in fragments: remux the file")
        columns = fragments.join(parts[track_id])
    if not 1 <= columns.description <= len(found):
        raise malformed("stsc names a sample entry that is not there")
    fmt = entries.read_format(
        data,
        found[columns.description - 1],
        kind="video" if video else "audio",
        timescale=timescale,
        language=language,
    )
    edit, notes = read_edit(data, trak, timescale, movie_scale)
    samples = columns.samples
    if len(samples) and edit.shift > int(samples["dts"][-1]) + int(samples["cto"][-1]) + columns.last_duration:
        raise malformed("its edit list hides a whole track")
    return SourceTrack(track_id=track_id, format=fmt, columns=columns, edit=edit, notes=notes)


def _timescale(data: memoryview, box: Box) -> tuple[int]:
    version, _ = full(data, box)
    (scale,) = fields(data, box, "I", 20 if version else 12)
    if not 0 < scale <= 1_000_000_000:
        raise malformed(f"box {box.type} has timescale {scale}")
    return (scale,)


def _timescale_and_language(data: memoryview, mdhd: Box) -> tuple[int, str]:
    version, _ = full(data, mdhd)
    (scale,) = _timescale(data, mdhd)
    (packed,) = fields(data, mdhd, "H", 32 if version else 20)
    letters = "".join(chr((packed >> at & 0x1F) + 0x60) for at in (10, 5, 0))
    return scale, letters if letters.isalpha() and letters.islower() else "und"


def _check_extent(data: memoryview, tracks: list[SourceTrack]) -> None:
    """All samples lie in the file, and all times fit the 32 bits that a trun has for them."""
    for track in tracks:
        samples = track.columns.samples
        end = int((samples["offset"].astype("i8") + samples["size"]).max())
        if end > len(data):
            raise Problem(
                "unplayable", f"the file is truncated: its samples end at octet {end}, the file at {len(data)}"
            )
        steps = np.diff(samples["dts"])
        if (steps < 0).any():
            raise malformed("decode times go back")
        if int(samples["dts"][-1]) - int(samples["dts"][0]) > _LONGEST_S * track.format.timescale:
            raise malformed("it claims to last longer than a week")
        if max(int(steps.max(initial=0)), track.columns.last_duration) >= 1 << 32:
            raise malformed("a sample lasts longer than its duration can say")
        if int(np.abs(samples["cto"].astype("i8")).max()) >= 1 << 30:
            raise malformed("a sample is shown at a time far from where it is decoded")


def _from_zero(tracks: list[SourceTrack]) -> int:
    """A recorded live stream counts from 1970 or from anywhere: take whole seconds off, the same for all tracks."""
    first = min(int(t.columns.samples["dts"][0]) // t.format.timescale for t in tracks)
    for track in tracks:
        track.columns.samples["dts"] -= first * track.format.timescale
    return first
