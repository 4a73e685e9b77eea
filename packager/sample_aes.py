"""SAMPLE-AES of MPEG-TS (Apple, "MPEG-2 Stream Encryption Format for HTTP Live Streaming", 2015): its ciphers, and PMT.

Theory of operation. A protected block is a slice's NAL unit (types 1 and 5, over 48 octets) or an audio frame. CBC
begins anew with the IV in each; there is no padding (2.1).

    H.264    32 octets clear, then 16 ciphered, 144 clear and so on, while more than 16 octets remain (2.2)
    AAC      the ADTS header and 16 octets clear, then all whole blocks (2.3.1)
    AC-3     16 octets of each syncframe clear, then all whole blocks; of E-AC-3 likewise

That is what encrypt_cbcs does over ranges, so a segment is gathered and ciphered in one go. A NAL unit is ciphered as
it stands, with its emulation prevention in it; then emulation prevention is applied to the result once more, since
ciphered octets may look like start codes (2.2). Who deciphers removes that first.

So the size of a segment depends on its ciphered octets, and the packets before it cannot be counted without making
them. Each segment has a multiple of sixteen packets instead (the last PES packet is spread over up to 15 more): every
continuity counter begins at 0 and goes on over segments.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from base.problems import Problem
from packager import aac, ts
from packager.boxes import malformed
from packager.cenc import U8, ContentKey, encrypt_cbcs, whole_samples
from packager.plan import TrackPlan
from packager.protect import gathered
from packager.slices import Ranges

_COUNTERS = 16
_LEADER = 16  # clear octets of an audio frame
_NAL_LEADER, _SHORTEST_NAL = 32, 48
_SLICES = (1, 5)
_PREVENTION = 3  # emulation_prevention_three_byte

# section 3: stream_type and private_data_indicator
_SIGNALS = {"avc1": (0xDB, b"zavc"), "mp4a": (0xCF, b"aacd"), "ac-3": (0xC1, b"ac3d"), "ec-3": (0xC2, b"ec3d")}
_AAC_TYPES = {2: b"zaac", 5: b"zach", 29: b"zacp"}
_PRIVATE_DATA_INDICATOR, _REGISTRATION = 15, 5  # H.222.0 2.6.28, 2.6.8
_SETUP_OCTETS_AC3 = 10
_SYNC_WORD = b"\x0b\x77"


def stream_of(plan: TrackPlan, file: memoryview) -> ts.Stream:
    """How a track goes into MPEG-TS when it is ciphered. Raises Problem unplayable if it cannot."""
    stream = ts.stream_of(plan)
    if stream.codec not in _SIGNALS:
        raise Problem("unplayable", f"{plan.track.format.codec} has no SAMPLE-AES in MPEG-TS: use the fMP4 playlists")
    kind, indicator = _SIGNALS[stream.codec]
    said = _descriptor(_PRIVATE_DATA_INDICATOR, indicator)
    if stream.codec != "avc1":
        said += _descriptor(_REGISTRATION, b"apad" + _audio_setup(stream.codec, plan, file))
    return replace(stream, type=kind, descriptors=said)


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def _audio_setup(codec: str, plan: TrackPlan, file: memoryview) -> bytes:
    """Audio setup information (2.3.2): type, priming (0: not known), version 1, and the decoder's configuration."""
    entry = memoryview(plan.track.format.entry)
    match codec:
        case "mp4a":
            _, setup = aac.read_esds(ts.config_of(entry, 36, "esds")[4:])
            kind = _AAC_TYPES.get(aac.audio_specific_config(setup).object_type)
            if kind is None:
                raise Problem("unplayable", "this AAC has no SAMPLE-AES in MPEG-TS: use the fMP4 playlists")
        case "ac-3":  # the head of a syncframe
            at = int(plan.track.samples["offset"][int(plan.first[0])])
            kind, setup = b"zac3", bytes(file[at : at + _SETUP_OCTETS_AC3])
        case _:
            kind, setup = b"zec3", ts.config_of(entry, 36, "dec3")
    return kind + bytes((0, 0, 1, len(setup))) + setup


def segment(stream: ts.Stream, plan: TrackPlan, number: int, file: memoryview, key: ContentKey | None) -> bytearray:
    """Segment `number` as MPEG-TS, ciphered; clear without a key. Raises Problem unplayable if the media is damaged."""
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    sizes = plan.track.samples["size"][first:end].astype(np.int64)
    media = gathered(plan, number, file)
    if key is None:
        stream = replace(stream, type=0, descriptors=b"")
        if stream.codec == "avc1":
            units, _ = nal_units(media.data, sizes)
            start_codes(media, units)
    elif stream.codec == "avc1":
        units, found = nal_units(media.data, sizes)
        encrypt_cbcs(media, found, key, pattern=True)
        media, sizes = prevented(media, sizes, found, units)
    else:
        found = frames(media, sizes) if stream.codec == "ec-3" else whole_samples(sizes)
        start = np.minimum(found.start + _LEADER, found.end)
        encrypt_cbcs(media, replace(found, start=start), key, pattern=False)
    return _muxed(stream, plan, number, media, sizes)


def nal_units(media: memoryview, sizes: ts.I64) -> tuple[list[int], Ranges]:
    """Where the lengths of all NAL units lie, and what is ciphered of slices. Raises Problem unplayable.

    A range begins behind its unit's leader and ends one octet before its end, as "more than 16 octets remain" has it.
    """
    lengths: list[int] = []
    found: list[tuple[int, int, int]] = []
    at = 0
    for sample, size in enumerate(sizes.tolist()):
        end = at + size
        while at < end:
            unit = at + 4
            following = unit + int.from_bytes(media[at:unit], "big")
            if following > end or following == unit:
                raise malformed("a NAL unit does not fit its sample")
            lengths.append(at)
            if following - unit > _SHORTEST_NAL and media[unit] & 0x1F in _SLICES:
                found.append((unit + _NAL_LEADER, following - 1, sample))
            at = following
    table = np.array(found, np.int64).reshape(-1, 3)
    return lengths, Ranges(start=table[:, 0], end=table[:, 1], sample=table[:, 2])


def frames(media: U8, sizes: ts.I64) -> Ranges:
    """The syncframes of E-AC-3 samples, which may have several. Raises Problem unplayable.

    syncword16, strmtyp2, substreamid3, frmsiz11: words of the frame less one (TS 102 366 E.1.2.2, E.1.3.1.3).
    """
    octets = media.data
    found = []
    at = 0
    for sample, size in enumerate(sizes.tolist()):
        end = at + size
        while at < end:
            following = at + 2 * ((int.from_bytes(octets[at + 2 : at + 4], "big") & 0x07FF) + 1)
            if bytes(octets[at : at + 2]) != _SYNC_WORD or following > end:
                raise malformed("an E-AC-3 frame does not fit its sample")
            found.append((at, following, sample))
            at = following
    table = np.array(found, np.int64).reshape(-1, 3)
    return Ranges(start=table[:, 0], end=table[:, 1], sample=table[:, 2])


def prevented(media: U8, sizes: ts.I64, found: Ranges, lengths: list[int]) -> tuple[U8, ts.I64]:
    """Start codes instead of lengths, and emulation prevention in the ciphered units (H.264 7.4.1).

    Gives the octets and the sizes of the samples.
    """
    start_codes(media, lengths)
    inserted = emulations(media, found)
    if not len(inserted):
        return media, sizes
    made = np.empty(len(media) + len(inserted), np.uint8)
    source, target, before = media.data, made.data, 0
    for count, place in enumerate(inserted.tolist()):
        target[before + count : place + count] = source[before:place]
        target[place + count] = _PREVENTION
        before = place
    target[before + len(inserted) :] = source[before:]
    ends = np.cumsum(sizes)
    grown = np.diff(np.searchsorted(inserted, ends), prepend=0)
    return made, sizes + grown


def start_codes(media: U8, lengths: list[int]) -> None:
    """In place of the lengths of NAL units, which lie there."""
    media[np.array(lengths, np.int64)[:, None] + np.arange(4)] = (0, 0, 0, 1)


def emulations(media: U8, found: Ranges) -> ts.I64:
    """Places in ciphered units before which an octet 3 has to stand: behind two zeros, if what follows is 0 to 3."""
    zeros = np.flatnonzero(media == 0)
    pairs = zeros[:-1][np.diff(zeros) == 1]
    pairs = pairs[pairs + 2 < len(media)]
    pairs = pairs[media[pairs + 2] <= _PREVENTION]
    # only in units that were ciphered, from their first octet to their last
    unit = np.searchsorted(found.start - _NAL_LEADER, pairs, side="right") - 1
    inside = (unit >= 0) & (pairs + 2 <= found.end[unit]) if len(found.start) else np.zeros(len(pairs), np.bool_)
    places = []
    last = -1
    for pair in pairs[inside].tolist():
        if pair >= last:  # zeros count anew behind an octet that was put in
            last = pair + 2
            places.append(last)
    return np.array(places, np.int64)


def _muxed(stream: ts.Stream, plan: TrackPlan, number: int, media: U8, sizes: ts.I64) -> bytearray:
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    sync = ts.sync_of(plan, first, end)
    groups = ts.groups_of(stream, end - first)
    octets = sizes + stream.extra
    octets[sync] += len(stream.extra_sync)
    totals, heads = ts.pes_heads(stream.codec, np.add.reduceat(octets, groups[:-1]))
    extra = -ts.packets_of(totals) % _COUNTERS
    starts = np.concatenate(([0], np.cumsum(sizes))).tolist()

    def write(group: int, stop: int, body: U8) -> None:
        if stream.codec == "avc1":
            lead = ts.AUD + stream.extra_sync if sync[group] else ts.AUD
            body[: len(lead)] = np.frombuffer(lead, np.uint8)
            body[len(lead) :] = media[starts[group] : starts[stop]]
            return
        at = 0
        for begin, behind in zip(starts[group:stop], starts[group + 1 : stop + 1], strict=True):
            if stream.adts:
                body[at : at + ts.ADTS] = np.frombuffer(ts.adts(stream.adts, behind - begin), np.uint8)
                at += ts.ADTS
            body[at : at + behind - begin] = media[begin:behind]
            at += behind - begin

    return ts.mux(stream, plan, number, totals, heads, groups, 0, write, extra)
