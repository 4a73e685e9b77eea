"""A plan beside its index, so that an asset is opened without reading the tables of its samples.

    magic 8, length of the header u32, CRC-32 of all that follows u32, header (JSON), padding to 8,
    then per planned track: first, start and shown (i64, little-endian)

The header carries the keys of the files and the policy: a plan of anything else is made anew, never used. With the
arrays it is some kilobytes an hour, and checked whole each time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import msgspec
import numpy as np
import numpy.typing as npt

from base.reports import Alignment, TrackReport
from packager import describe
from packager.index import FileKey, Index, StaleIndex
from packager.join import Joint, join
from packager.plan import Plan, TrackPlan, make_plan
from packager.policy import Policy

_MAGIC = b"HWPLAN\x00\x04"  # the last octet is the version of the layout and of what plans are made by
_HEAD = struct.Struct("<8sII")


class _Source(msgspec.Struct, frozen=True):
    """A track of the joint index: its name there, the file that it lies in, its name and shift there."""

    name: str
    file: int
    known_as: str
    shift: int


class _Planned(msgspec.Struct, frozen=True):
    name: str
    base: int
    hidden: int


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    keys: tuple[FileKey, ...]
    policy: str
    key: FileKey
    sources: tuple[_Source, ...]
    index_notes: tuple[str, ...]
    edition: str
    lead: tuple[int, int]
    notes: tuple[str, ...]
    alignments: tuple[Alignment, ...]
    count: int
    planned: tuple[_Planned, ...]
    reports: tuple[TrackReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What opening an asset comes to: the joint index of its files, its plan, and what is said of each track."""

    joint: Joint
    plan: Plan
    reports: tuple[TrackReport, ...]


def prepare(parts: Sequence[Index], names: Sequence[str], policy: Policy) -> Prepared:
    """The files of an asset in order, and what people call them. Raises Problem unplayable."""
    joint = join(parts, names)
    plan = make_plan(joint.index, policy)
    if len(parts) > 1:
        files = tuple(
            msgspec.structs.replace(found, file=names[joint.file_of[found.track]]) for found in plan.alignments
        )
        plan = replace(plan, alignments=files)
    reports = tuple(describe.of_plan(t, plan.target_duration) for t in plan.tracks)
    return Prepared(joint=joint, plan=plan, reports=reports)


def to_bytes(prepared: Prepared, parts: Sequence[Index]) -> bytes:
    plan, joint = prepared.plan, prepared.joint
    header = msgspec.json.encode(
        _Header(
            keys=tuple(part.key for part in parts),
            policy=plan.policy.identity.decode(),
            key=joint.index.key,
            sources=_sources(joint, parts),
            index_notes=joint.index.notes,
            edition=plan.edition,
            lead=(plan.lead.numerator, plan.lead.denominator),
            notes=plan.notes,
            alignments=plan.alignments,
            count=plan.count,
            planned=tuple(_Planned(t.track.name, t.base, t.hidden) for t in plan.tracks),
            reports=prepared.reports,
        )
    )
    pieces = [header, bytes(_padding(len(header)))]
    pieces += [column.astype("<i8").tobytes() for t in plan.tracks for column in (t.first, t.start, t.shown)]
    body = b"".join(pieces)
    return _HEAD.pack(_MAGIC, len(header), zlib.crc32(body)) + body


def _sources(joint: Joint, parts: Sequence[Index]) -> tuple[_Source, ...]:
    """Renamed tracks are found again by their tables, which are the same objects."""
    found = []
    for track in joint.index.tracks:
        file = joint.file_of[track.name]
        known_as = next(t.name for t in parts[file].tracks if t.samples is track.samples)
        found.append(_Source(track.name, file, known_as, track.shift))
    return tuple(found)


def from_bytes(data: bytes, parts: Sequence[Index], policy: Policy) -> Prepared:
    """The plan of these files by this policy. Raises StaleIndex if it is damaged or of anything else."""
    if len(data) < _HEAD.size:
        raise StaleIndex("too short")
    magic, length, checksum = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise StaleIndex("another layout")
    body = memoryview(data)[_HEAD.size :]
    if zlib.crc32(body) != checksum:
        raise StaleIndex("damaged")
    try:
        header = msgspec.json.decode(body[:length], type=_Header)
    except msgspec.DecodeError as fault:
        raise StaleIndex("another header") from fault
    if header.keys != tuple(part.key for part in parts) or header.policy != policy.identity.decode():
        raise StaleIndex("of other files or another policy")
    joint = _joint(header, parts)
    at = length + _padding(length)
    n = header.count
    if len(body) != at + 8 * (3 * n + 2) * len(header.planned):
        raise StaleIndex("cut short")
    tracks = []
    for planned in header.planned:
        track = joint.index.track(planned.name)
        if track is None:
            raise StaleIndex("another header")
        columns: list[npt.NDArray[np.int64]] = []
        for length in (n + 1, n + 1, n):
            columns.append(np.frombuffer(body, "<i8", length, at))
            at += 8 * length
        first, start, shown = columns
        tracks.append(
            TrackPlan(track=track, first=first, start=start, shown=shown, base=planned.base, hidden=planned.hidden)
        )
    plan = Plan(
        edition=header.edition,
        policy=policy,
        lead=Fraction(*header.lead),
        tracks=tuple(tracks),
        notes=header.notes,
        alignments=header.alignments,
    )
    return Prepared(joint=joint, plan=plan, reports=header.reports)


def _joint(header: _Header, parts: Sequence[Index]) -> Joint:
    tracks = []
    for source in header.sources:
        track = parts[source.file].track(source.known_as) if source.file < len(parts) else None
        if track is None:
            raise StaleIndex("of other tracks")
        same = (track.name, track.shift) == (source.name, source.shift)
        tracks.append(track if same else replace(track, name=source.name, shift=source.shift))
    index = Index(key=header.key, tracks=tuple(tracks), notes=header.index_notes)
    return Joint(index=index, file_of={source.name: source.file for source in header.sources})


def _padding(length: int) -> int:
    return -length % 8
