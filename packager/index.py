"""The index of one media file: what its `moov` says, expanded, in a form that is mapped and used as it lies.

    magic 8, header length u32, CRC-32 of the header u32, header (JSON), padding to 16, then per track:
    samples (24 octets each: offset u64, dts i64, size u32, composition offset i32), sync sample indices (u32), padding

All integers of the tables are little-endian. The header carries the key of the file that it belongs to (size, mtime,
inode): an index that does not match its file is made anew, never used. It also carries a CRC-32 of each track's tables,
which `check` compares when the track is first asked for: docs/decisions/0007-opening-an-asset.md.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import msgspec
import numpy as np
import numpy.typing as npt

from base.media import Format
from packager.movie import Movie
from packager.tables import SAMPLE, Samples

_FIRST_MAGIC = b"HWIDX\x00\x00\x01"
MAGIC = b"HWIDX\x00\x00\x03"  # the last octet is the version of the layout and of what is read of a file
_HEAD = struct.Struct("<8sII")


class FileKey(msgspec.Struct, frozen=True):
    """What identifies the indexed file: octets, mtime in ns, inode."""

    size: int
    mtime_ns: int
    inode: int


class StaleIndex(Exception):
    """The octets are no index of this version, are damaged, or belong to another file. Make the index anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTrack:
    """One track: `v1`, `a1`, ... Presentation time of a sample = dts + cto - shift (track timescale).

    `checksum`: what the tables were written with, None where they were not read from an index.
    """

    name: str
    format: Format
    samples: Samples
    sync: npt.NDArray[np.uint32]
    last_duration: int
    shift: int
    checksum: int | None = None

    @property
    def end_dts(self) -> int:
        return int(self.samples["dts"][-1]) + self.last_duration

    @property
    def first_presentation(self) -> Fraction:
        """Seconds; negative where an edit list drops the beginning (audio priming, leading pictures)."""
        if self.format.kind == "audio":
            first = int(self.samples["dts"][0]) + int(self.samples["cto"][0])
        else:
            head = self.samples[:64]
            first = int((head["dts"] + head["cto"]).min())
        return Fraction(first - self.shift, self.format.timescale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """`epoch`: whole seconds that were taken off all times of a recording that counts from 1970 or from anywhere."""

    key: FileKey
    tracks: tuple[IndexTrack, ...]
    notes: tuple[str, ...] = ()
    epoch: int = 0

    @property
    def video(self) -> tuple[IndexTrack, ...]:
        return tuple(t for t in self.tracks if t.format.kind == "video")

    @property
    def audio(self) -> tuple[IndexTrack, ...]:
        return tuple(t for t in self.tracks if t.format.kind == "audio")

    def track(self, name: str) -> IndexTrack | None:
        return next((t for t in self.tracks if t.name == name), None)


class _TrackHeader(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    count: int
    sync: int
    last_duration: int
    shift: int
    format: Format
    checksum: int | None = None


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    key: FileKey
    notes: tuple[str, ...]
    tracks: tuple[_TrackHeader, ...]
    epoch: int = 0


def build(movie: Movie, key: FileKey) -> Index:
    """The index of a file that was read. Tracks are named by kind and order: v1, v2, a1, ..."""
    counts = {"video": 0, "audio": 0}
    tracks = []
    for source in movie.tracks:
        kind = source.format.kind
        counts[kind] += 1
        tracks.append(
            IndexTrack(
                name=f"{kind[0]}{counts[kind]}",
                format=source.format,
                samples=source.columns.samples,
                sync=source.columns.sync,
                last_duration=source.columns.last_duration,
                shift=source.shift,
            )
        )
    notes = [*movie.left_out, *(note for source in movie.tracks for note in source.notes)]
    return Index(key=key, tracks=tuple(tracks), notes=tuple(notes), epoch=movie.epoch)


def to_bytes(index: Index) -> bytes:
    header = msgspec.json.encode(
        _Header(
            key=index.key,
            notes=index.notes,
            tracks=tuple(msgspec.structs.replace(_header_of(t), checksum=_checksum(t)) for t in index.tracks),
            epoch=index.epoch,
        )
    )
    tables = (piece for t in index.tracks for piece in _tables(t))
    head = _HEAD.pack(MAGIC, len(header), zlib.crc32(header))
    return b"".join([head, header, bytes(_padding(len(header))), *tables])


def check(track: IndexTrack) -> None:
    """Raises StaleIndex if the tables are not what was written. Reads them all: 1 ms for each 3 MB or so."""
    if track.checksum is not None and _checksum(track) != track.checksum:
        raise StaleIndex(f"damaged: tables of {track.name}")


def _checksum(track: IndexTrack) -> int:
    samples, sync, _ = _tables(track)
    return zlib.crc32(sync, zlib.crc32(samples))


def _header_of(track: IndexTrack) -> _TrackHeader:
    return _TrackHeader(
        name=track.name,
        count=len(track.samples),
        sync=len(track.sync),
        last_duration=track.last_duration,
        shift=track.shift,
        format=track.format,
    )


def _tables(track: IndexTrack) -> tuple[memoryview, memoryview, bytes]:
    samples: npt.NDArray[np.uint8] = np.ascontiguousarray(track.samples).view(np.uint8)
    sync: npt.NDArray[np.uint8] = np.ascontiguousarray(track.sync.astype("<u4", copy=False)).view(np.uint8)
    return samples.data, sync.data, bytes(_padding(4 * len(track.sync) + SAMPLE.itemsize * len(track.samples)))


def identity(index: Index) -> Iterator[bytes | memoryview]:
    """What editions hash: the tables and formats, without the file's key. The same media gives the same on each node.

    These octets are those of the first layout of an index and never change, or every name would.
    """
    header = msgspec.json.encode(
        {
            "key": {"size": 0, "mtime_ns": 0, "inode": 0},
            "notes": (),
            "tracks": tuple(_header_of(t) for t in index.tracks),
        }
    )
    pieces: list[bytes | memoryview] = [header, bytes(_padding(len(header)))]
    for track in index.tracks:
        pieces += _tables(track)
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    yield _HEAD.pack(_FIRST_MAGIC, len(header), checksum)
    yield from pieces


def from_buffer(data: memoryview, key: FileKey | None = None) -> Index:
    """Views into `data`, nothing is copied or looked at but the header.

    Raises StaleIndex if that is damaged, or not the index of `key`, or the tables are cut short.
    """
    if len(data) < _HEAD.size:
        raise StaleIndex("too short")
    magic, length, checksum = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise StaleIndex("another layout")
    text = data[_HEAD.size : _HEAD.size + length]
    if len(text) != length or zlib.crc32(text) != checksum:
        raise StaleIndex("damaged")
    try:
        header = msgspec.json.decode(text, type=_Header)
    except msgspec.DecodeError as fault:
        raise StaleIndex("another header") from fault
    if key is not None and header.key != key:
        raise StaleIndex("of another file")
    at = _HEAD.size + length + _padding(length)
    if len(data) != at + sum(_size(t) for t in header.tracks):
        raise StaleIndex("cut short")
    tracks = []
    for t in header.tracks:
        samples = np.frombuffer(data, SAMPLE, t.count, at)
        at += SAMPLE.itemsize * t.count
        sync = np.frombuffer(data, "<u4", t.sync, at)
        at += 4 * t.sync
        at += _padding(4 * t.sync + SAMPLE.itemsize * t.count)
        tracks.append(
            IndexTrack(
                name=t.name,
                format=t.format,
                samples=samples,
                sync=sync,
                last_duration=t.last_duration,
                shift=t.shift,
                checksum=t.checksum,
            )
        )
    return Index(key=header.key, tracks=tuple(tracks), notes=header.notes, epoch=header.epoch)


def _size(track: _TrackHeader) -> int:
    length = SAMPLE.itemsize * track.count + 4 * track.sync
    return length + _padding(length)


def _padding(length: int) -> int:
    return -length % 16
