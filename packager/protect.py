"""Init segments and segments under Common Encryption: what packager.init and packager.segment make, ciphered.

What lies in the file is gathered into one buffer and ciphered in place. Where slice headers end depends on the file
alone, so the caller may keep the `Ranges` of a segment and hand them in again: to find them costs as much as the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from base.media import Format
from packager import cenc
from packager.cenc import ContentKey, Scheme
from packager.cenc_boxes import auxiliary, common_pssh, key_group, protected_entry
from packager.crypto_periods import CLEAR, ONE, Periods
from packager.init import init_segment
from packager.methods import Method
from packager.plan import TrackPlan
from packager.segment import pieces, segment, segment_head
from packager.slices import Ranges, ranges, reader

_CLEAR_ENTRY = 2  # of stsd: the entry of what is clear stands behind the protected one


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How an asset is protected: one key for each kind of track (DASH-IF IOP part 6: one KID a switching set), and for
    each crypto period.

    `clearkey`: such licences are given, at `licence_url` if that is known (absolute).
    """

    method: Method
    keys: Mapping[str, tuple[ContentKey, ...]]
    periods: Periods = ONE
    clearkey: bool = False
    licence_url: str = ""

    @property
    def scheme(self) -> Scheme:
        """How samples of fMP4 are ciphered. Not to be asked where segments are ciphered as wholes."""
        found = self.method.scheme
        assert found is not None
        return found

    def key(self, kind: str, number: int) -> ContentKey | None:
        """The key of a segment of tracks of this kind; None if it is clear."""
        period = self.periods.of(number)
        return None if period == CLEAR else self.keys[kind][period]

    def first_key(self, kind: str) -> ContentKey:
        """The key that init segments and manifests name."""
        return self.keys[kind][0]

    def find(self, kid: bytes) -> ContentKey | None:
        return next((key for keys in self.keys.values() for key in keys if key.kid == kid), None)

    @property
    def digest(self) -> bytes:
        """What tells this protection from any other: method, layout and key ids."""
        parts = [self.method.encode(), cenc.LAYOUT.to_bytes(2, "big")]
        parts += [kind.encode() + key.kid for kind in sorted(self.keys) for key in self.keys[kind]]
        parts.append(self.periods.digest)
        return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphered:
    """A segment that was made: `head` and `media` are sent one after the other.

    `ranges`: what may be ciphered of its media, if it is video. It depends on the file alone.
    """

    head: bytes
    media: memoryview
    ranges: Ranges | None = None

    @property
    def length(self) -> int:
        return len(self.head) + len(self.media)


def protected_init(fmt: Format, protection: Protection) -> bytes:
    """The init segment of a track. Raises Problem unplayable where its codec cannot be protected."""
    if fmt.kind == "video":
        reader(fmt)
    entry = protected_entry(fmt.entry, fmt.kind, protection.scheme, protection.first_key(fmt.kind))
    if protection.periods.has_clear_lead:
        return init_segment(fmt, entry, fmt.entry)
    return init_segment(fmt, entry)


def gathered(plan: TrackPlan, number: int, file: memoryview) -> cenc.U8:
    """The media of a segment in one piece."""
    rows = plan.track.samples[int(plan.first[number]) : int(plan.first[number + 1])]
    return _joined(pieces(rows), file)


def _joined(places: Sequence[tuple[int, int]], file: memoryview) -> cenc.U8:
    """One copy in one call: audio lies in some hundred pieces between the pictures."""
    return np.frombuffer(bytearray().join([file[at : at + size] for at, size in places]), np.uint8)


def protected_segment(
    plan: TrackPlan, number: int, ordinal: int, file: memoryview, protection: Protection, found: Ranges | None = None
) -> Ciphered:
    """Segment `number` of a track; `ordinal` is the track's place in its file, from 1.

    `found`: the `ranges` of an earlier answer, under any scheme; of a video they are found anew without.
    Raises Problem unplayable if the media is damaged.
    """
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    kind, scheme = plan.track.format.kind, protection.scheme
    key = protection.key(kind, number)
    if key is None:
        body = segment(plan, number, description=_CLEAR_ENTRY)
        return Ciphered(head=body.head, media=_joined(body.ranges, file).data, ranges=found)
    sizes = plan.track.samples["size"][first:end].astype(np.int64)
    places = pieces(plan.track.samples[first:end])
    media = _joined(places, file)
    group = pssh = b""
    if key is not protection.first_key(kind):
        group = key_group(kind, scheme, key, end - first)
        pssh = b"".join((common_pssh([key.kid]), *(signal.pssh for signal in key.signals)))
    iv = cenc.first_iv(ordinal, first)
    table = None
    if kind == "video":
        if found is None:
            found = ranges(reader(plan.track.format), media.data, sizes)
        protected = cenc.aligned(found) if scheme is Scheme.CENC else found
        table = cenc.subsamples(protected, sizes)
        if scheme is Scheme.CENC:
            cenc.encrypt_cenc(media, protected, key, iv)
        else:
            cenc.encrypt_cbcs(media, protected, key, pattern=True)
    elif scheme is Scheme.CENC:
        cenc.encrypt_cenc_whole(media, sizes, key, iv)
    else:
        cenc.encrypt_cbcs(media, cenc.whole_samples(sizes), key, pattern=False)

    def boxes(at: int) -> bytes:
        return group + auxiliary(at + len(group), scheme, end - first, iv, table)

    head = segment_head(plan, number, boxes, behind=pssh)
    return Ciphered(head=head, media=media.data, ranges=found)
