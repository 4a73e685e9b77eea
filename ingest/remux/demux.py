"""Reads a file whole, once: the samples of each track go to a file of their own, and an index says where they lie."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from base.problems import Problem
from ingest.remux import carriers, timing
from ingest.remux.carriers import Carrier
from ingest.remux.formats import format_of, language_of
from packager.index import FileKey, Index, IndexTrack
from packager.limits import USUAL
from packager.tables import SAMPLE

# Demuxers that may be chosen. No playlist is among them, nor anything that opens further files or addresses.
_DEMUXERS = (
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpegts,mpeg,flv,flac,ogg,mp3,aac,ac3,eac3,wav,w64,aiff,caf,avi,asf,obu"
)
_OPTIONS = {
    "format_whitelist": _DEMUXERS,
    "protocol_whitelist": "file",
    "probesize": "20000000",
    "analyzeduration": "20000000",
}
_FIRST_PACKETS = 8  # what a sample entry is made of
_MOST_STREAMS = 32
_MOST_NOTES = 8


@dataclass(slots=True, kw_only=True)
class _Stream:
    """One stream while it is read. Stamps are presentation times in the stream's time base."""

    stream: av.stream.Stream
    carrier: Carrier
    out: BinaryIO
    path: Path
    base: Fraction
    first: list[bytes] = field(default_factory=list)
    stamps: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[int] = field(default_factory=lambda: array("q"))
    keys: array[int] = field(default_factory=lambda: array("q"))
    last_s: Fraction = Fraction(0)

    @property
    def picture(self) -> bool:
        return self.carrier.codec in carriers.VIDEO


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """`index`: tracks whose samples lie in `files`, by name; `notes`: what was left out and why."""

    index: Index
    files: dict[str, Path]
    notes: tuple[str, ...]


def read(path: Path, folder: Path, stopped: Callable[[], bool] = lambda: False) -> Film:
    """Blocking. Raises Problem unplayable that says what is wrong with the file, OSError if the disk is full."""
    try:
        container = av.open(str(path), options=_OPTIONS, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as fault:
        raise Problem(
            "unplayable", "it is no film or sound that can be read: give MP4, Matroska, MPEG-TS, ..."
        ) from fault
    notes: list[str] = []
    with container:
        streams = _chosen(container, folder, notes)
        try:
            jumps = _collect(container, streams, stopped)
        except av.error.FFmpegError as fault:
            raise Problem("unplayable", f"the file is damaged: {fault.strerror or fault}") from fault
        finally:
            for stream in streams.values():
                stream.out.close()
        return _film(list(streams.values()), notes, jumps)


def _chosen(container: av.container.InputContainer, folder: Path, notes: list[str]) -> dict[int, _Stream]:
    found: dict[int, _Stream] = {}
    refused: Problem | None = None
    pictures = False
    for number, stream in enumerate(container.streams, 1):
        if stream.type not in ("video", "audio") or stream.disposition & av.stream.Disposition.attached_pic:
            notes.append(f"track {number} ({stream.type or 'unknown'}) is neither video nor audio")
            continue
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
        if codec not in (carriers.VIDEO if stream.type == "video" else carriers.AUDIO):
            problem = carriers.refuse(codec)
            if stream.type == "video":
                refused = refused or problem
            notes.append(f"track {number}: {problem.detail}")
            continue
        if len(found) == _MOST_STREAMS:
            raise Problem("unplayable", f"it has more than {_MOST_STREAMS} tracks: leave some out")
        assert stream.time_base is not None
        pictures = pictures or stream.type == "video"
        out = folder / f"{stream.index}.samples"
        found[stream.index] = _Stream(
            stream=stream,
            carrier=Carrier(codec=codec, extradata=stream.codec_context.extradata or b""),
            out=open(out, "wb"),  # noqa: SIM115 (closed when all is read)
            path=out,
            base=stream.time_base,
        )
    if refused is not None and not pictures:
        raise refused
    if not found:
        raise Problem(
            "unplayable", "it has no video and no audio that can be carried: " + ("; ".join(notes) or "empty")
        )
    return found


def _collect(
    container: av.container.InputContainer, streams: dict[int, _Stream], stopped: Callable[[], bool]
) -> list[float]:
    """All packets; the seconds at which time stamps began anew."""
    unwrapped = timing.Unwrapped()
    joins = container.format.name == "mpegts"
    for packet in container.demux([s.stream for s in streams.values()]):
        if not packet.size:
            continue
        if stopped():
            raise Problem("busy", "the remuxer is being stopped: send the file again")
        one = streams[packet.stream.index]
        if one.picture and not one.keys and not packet.is_keyframe:
            continue  # nothing can be made of pictures before the first keyframe
        octets = bytes(packet)
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            stamp = one.stamps[-1] + (packet.duration or 0) if one.stamps else 0
        elif joins:
            at = packet.dts if packet.dts is not None else stamp
            moved = unwrapped.move(packet.stream.index, float(at * one.base), float((packet.duration or 0) * one.base))
            stamp += round(moved / one.base)
        _take(one, octets, stamp, bool(packet.is_keyframe))
        if packet.duration:
            one.last_s = packet.duration * one.base
    return unwrapped.jumps


def _take(one: _Stream, octets: bytes, stamp: int, key: bool) -> None:
    sample = one.carrier.sample(octets)
    if not sample:
        return
    lasts = one.carrier.lasts(octets)
    one.out.write(sample)
    if not lasts and not one.picture and one.stamps:  # a dependent substream: part of the sample before
        one.sizes[-1] += len(sample)
        return
    if len(one.first) < _FIRST_PACKETS:
        one.first.append(octets)
    if key:
        one.keys.append(len(one.stamps))
    one.stamps.append(stamp)
    one.sizes.append(len(sample))
    one.lasts.append(lasts)
    if len(one.stamps) > USUAL.samples:
        raise Problem("unplayable", f"it has more than {USUAL.samples} samples in one track: cut it in two")


def _film(streams: list[_Stream], notes: list[str], jumps: list[float]) -> Film:
    kept = [one for one in streams if one.stamps and (one.keys or not one.picture)]
    for one in streams:
        if one not in kept:
            what = "keyframe" if one.picture else "samples"
            notes.append(f"track {one.stream.index + 1} has no {what}")
    if not kept:
        raise Problem("unplayable", "it has no samples that can be played")
    zero = _zero(kept)
    notes += [f"its time stamps jump at {at - float(zero):.3f} s: the gap was closed" for at in jumps[:_MOST_NOTES]]
    tracks, files = [], {}
    counts = {"v": 0, "a": 0}
    for one in kept:
        kind = "v" if one.picture else "a"
        counts[kind] += 1
        name = f"{kind}{counts[kind]}"
        tracks.append(_track(name, one, zero))
        files[name] = one.path
    return Film(index=Index(key=FileKey(0, 0, 0), tracks=tuple(tracks)), files=files, notes=tuple(notes))


def _zero(kept: list[_Stream]) -> Fraction:
    """Seconds at which the film begins: its first picture, or its first sound."""
    pictures = [one for one in kept if one.picture] or kept
    return min(min(one.stamps) * one.base for one in pictures)


def _track(name: str, one: _Stream, zero: Fraction) -> IndexTrack:
    stamps = np.array(one.stamps, np.int64)
    fmt = format_of(one.stream, one.carrier, one.first)
    if one.picture:
        said = (getattr(one.stream, rate, None) for rate in ("average_rate", "guessed_rate", "base_rate"))
        times = timing.video(stamps, one.base, zero, [Fraction(rate) for rate in said if rate], one.last_s)
    else:
        rate = one.carrier.rate or fmt.sample_rate
        times = timing.audio(stamps, one.base, zero, np.array(one.lasts, np.int64), rate)
    sizes = np.array(one.sizes, np.int64)
    samples = np.empty(len(stamps), SAMPLE)
    samples["size"], samples["dts"], samples["cto"] = sizes, times.dts, times.cto
    samples["offset"] = np.cumsum(sizes) - sizes
    assert os.path.getsize(one.path) == int(sizes.sum())
    return IndexTrack(
        name=name,
        format=replace(fmt, timescale=times.timescale, language=language_of(one.stream.metadata)),
        samples=samples,
        sync=np.array(one.keys, np.uint32) if one.picture else np.arange(len(stamps), dtype=np.uint32),
        last_duration=times.last,
        shift=0,
    )
