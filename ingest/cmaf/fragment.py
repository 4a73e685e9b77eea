"""The samples of one pushed fragment, per track: `moof` and `mdat` (ISO/IEC 14496-12 8.8) against its header."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from base.media import Sample
from base.problems import Problem
from ingest.cmaf.header import Source
from packager import fragments
from packager.boxes import Box, children, full, malformed, walk
from packager.limits import Limits

_LIMITS = Limits(boxes=4096, samples=1 << 16)
_AVC_IDR = 5
_HEVC_IRAP = range(16, 22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Samples of one track in decode order, never empty. Times in the track's timescale as sent; `bits` of tfdt.

    `digest` tells a fragment that was sent again from another one at its time.
    """

    track_id: int
    samples: Sequence[Sample]
    end: int
    bits: int
    digest: bytes

    @property
    def start(self) -> int:
        return self.samples[0].dts

    @property
    def octets(self) -> int:
        return sum(len(sample.data) for sample in self.samples)

    def moved(self, by: int) -> Fragment:
        """The same with all times `by` later."""
        samples = [Sample(dts=s.dts + by, cto=s.cto, sync=s.sync, data=s.data) for s in self.samples]
        return Fragment(track_id=self.track_id, samples=samples, end=self.end + by, bits=self.bits, digest=self.digest)


def read_fragment(data: bytes, moof_size: int, base: int, sources: dict[int, Source]) -> list[Fragment]:
    """`data`: moof and mdat; `base`: where they stood in the body. Tracks that `sources` lacks are left out.

    Raises Problem unplayable or malformed.
    """
    octets = bytearray(data[:moof_size])
    _rebase(octets, base)
    view = memoryview(bytes(octets) + data[moof_size:])
    moof = next(walk(view, 0, len(view), _LIMITS))
    bits = _tfdt_bits(view, moof)
    defaults = {track_id: source.defaults for track_id, source in sources.items()}
    found = []
    for run in fragments.read_moof(view, moof, defaults, {}, _LIMITS):
        source = sources.get(run.track_id)
        if source is None or not len(run.samples):
            continue
        if run.track_id not in bits:
            raise malformed(f"track {run.track_id} has no tfdt (23000-19 7.5.16)")
        digest = hashlib.sha256(run.samples["size"].tobytes())
        samples = []
        for row, sync in zip(run.samples.tolist(), run.sync.tolist(), strict=True):
            offset, dts, size, cto = row
            if offset < moof_size or offset + size > len(view):
                raise malformed("a fragment's samples lie outside of its mdat")
            body = bytes(view[offset : offset + size])
            digest.update(body)
            key = sync
            if source.lengths:
                body, key = _units(body, source, sync)
            samples.append(Sample(dts=dts, cto=cto - source.shift, sync=key, data=body))
        _check_times(samples, run.end)
        found.append(
            Fragment(
                track_id=run.track_id, samples=samples, end=run.end, bits=bits[run.track_id], digest=digest.digest()
            )
        )
    return found


def _check_times(samples: list[Sample], end: int) -> None:
    for earlier, later in pairwise(samples):
        if later.dts <= earlier.dts:
            raise malformed("decode times do not rise within a fragment")
    if end <= samples[-1].dts:
        raise malformed("the last sample of a fragment has no duration")


def _rebase(moof: bytearray, base: int) -> None:
    """tfhd's base_data_offset counts from the body's start (8.8.7); from here on the moof is at 0."""
    view = memoryview(bytes(moof))
    (outer,) = walk(view, 0, len(view))
    for traf in walk(view, outer.body, outer.end, _LIMITS):
        if traf.type != "traf":
            continue
        tfhd = children(view, traf, limits=_LIMITS).get("tfhd")
        if tfhd is not None and full(view, tfhd)[1] & 1:
            if tfhd.end - tfhd.body < 16:
                raise malformed("box tfhd is too short")
            (offset,) = struct.unpack_from(">Q", moof, tfhd.body + 8)
            if offset < base:
                raise malformed("a fragment's samples lie before it")
            struct.pack_into(">Q", moof, tfhd.body + 8, offset - base)


def _tfdt_bits(data: memoryview, moof: Box) -> dict[int, int]:
    """By track: does its tfdt have 32 or 64 bits (8.8.12)?"""
    found = {}
    for traf in walk(data, moof.body, moof.end, _LIMITS):
        if traf.type != "traf":
            continue
        boxes = children(data, traf, limits=_LIMITS)
        if "tfdt" in boxes and "tfhd" in boxes:
            (track_id,) = struct.unpack_from(">I", data, boxes["tfhd"].body + 4)
            found[track_id] = 64 if full(data, boxes["tfdt"])[0] else 32
    return found


def _units(body: bytes, source: Source, sync: bool) -> tuple[bytes, bool]:
    """NAL units with 4-octet lengths, and whether decoding may begin here: the stream's word, not the box's alone."""
    assert source.format is not None
    hevc = source.format.codec.startswith("h")
    width, at, out, key = source.lengths, 0, [], False
    while at < len(body):
        size = int.from_bytes(body[at : at + width], "big")
        unit = at + width
        if size == 0 or unit + size > len(body):
            raise Problem("malformed", "the NAL unit lengths of a sample do not add up (ISO/IEC 14496-15 5.3)")
        if sync and not key:
            key = (body[unit] >> 1 & 63) in _HEVC_IRAP if hevc else body[unit] & 31 == _AVC_IDR
        if width != 4:
            out += [struct.pack(">I", size), body[unit : unit + size]]
        at = unit + size
    return (b"".join(out) if width != 4 else body), key
