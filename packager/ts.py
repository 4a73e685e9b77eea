"""MPEG-TS segments from indexed samples (ITU-T H.222.0; RFC 8216bis 3.1.1): one program, one elementary stream.

Theory of operation. A PES packet is cut into TS packets of 184 payload octets. What does not fill a packet is stuffed
in the *first* packet of the PES, where an adaptation field stands anyway (PCR, random access), so all further packets
are full and are copied as one reshaped block. Where the rest would leave no room for that field, one to eight stuffing
octets in the PES head (2.4.3.7) make it fit.

Continuity counters and times must run on from segment to segment, though each is made alone. Both follow from the
index: the octets that an access unit has in the stream depend on its size, whether it is a sync sample, and constants,
so the packets of all segments are sums over columns (`packets`), made once for a track.

Video is H.264 with four-octet NAL lengths: a length and a start code have the same size, so only these octets change.
Each access unit begins with a delimiter, each sync sample with its parameter sets (H.222.0 2.14.1). Audio is AAC in
ADTS (several frames a PES), AC-3 or E-AC-3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from base.crc import crc32
from base.media import Format
from base.problems import Problem
from packager import aac, avc
from packager.boxes import Box, walk
from packager.plan import TrackPlan

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Writer = Callable[[int, int, U8], None]

PACKET, PAYLOAD = 188, 184
PMT_PID, MEDIA_PID = 0x1000, 0x100
# Times start at 10 s, and PCR runs ahead of DTS by 0.7 s: neither ever falls below 0.
START_90K, AHEAD_90K = 900_000, 63_000
_WRAP = 1 << 33

AUD = b"\0\0\0\1\x09\xf0"  # access unit delimiter, any slice type (H.264 7.3.2.4)
_START_CODE = 0x00000001
# H.222.0 table 2-34; AC-3 and E-AC-3 as ATSC and Apple have them
_STREAM_TYPE = {"avc1": 0x1B, "mp4a": 0x0F, "ac-3": 0x81, "ec-3": 0x87}
_STREAM_ID = {"avc1": 0xE0, "mp4a": 0xC0, "ac-3": 0xBD, "ec-3": 0xBD}
_FRAMES_A_PES = 8
ADTS = 7
_FIELD = 8  # an adaptation field with its length, flags and PCR


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What all segments of one track share. `extra`: octets before each sample; `extra_sync`: more for sync ones.

    `before`: packets of the stream before each segment, where its continuity counter goes on. `type` and `descriptors`:
    what PMT says of the stream, unless it is the usual (packager.sample_aes).
    """

    codec: str
    scale: int
    extra: int
    extra_sync: bytes
    before: I64
    adts: bytes = b""
    type: int = 0
    descriptors: bytes = b""


def stream_of(plan: TrackPlan) -> Stream:
    """Raises Problem unplayable if the track's codec cannot go into MPEG-TS (HEVC, AV1, Opus, FLAC: use fMP4).

    Its cost grows with the track: keep it for all segments.
    """
    codec, extra, sets, template = _carriage(plan.track.format)
    before = np.append(0, np.cumsum(_packets_by_segment(plan, codec, extra, len(sets))))
    return Stream(
        codec=codec, scale=plan.track.format.timescale, extra=extra, extra_sync=sets, before=before, adts=template
    )


def _carriage(fmt: Format) -> tuple[str, int, bytes, bytes]:
    """The codec, octets before each sample, those before a sync sample too, and the template of ADTS headers."""
    entry = memoryview(fmt.entry)
    codec = bytes(entry[4:8]).decode("latin-1")
    if codec == "avc1":
        avcc = config_of(entry, 86, "avcC")
        if avcc[4] & 3 != 3:
            raise Problem("unplayable", "H.264 with NAL lengths of less than four octets: use fMP4")
        sps, pps = avc.parameter_sets(avcc)
        return codec, len(AUD), b"".join(b"\0\0\0\1" + nal for nal in (*sps, *pps)), b""
    if codec == "mp4a" and fmt.codec.startswith("mp4a.40."):
        _, asc = aac.read_esds(config_of(entry, 36, "esds")[4:])
        return codec, ADTS, b"", _adts_template(asc)
    if codec in ("ac-3", "ec-3"):
        return codec, 0, b"", b""
    raise Problem("unplayable", f"{fmt.codec} has no place in MPEG-TS: use the fMP4 playlists")


def segment(stream: Stream, plan: TrackPlan, number: int, media: memoryview) -> bytearray:
    """Segment `number` as a transport stream. `media`: the mapped file. PAT and PMT come first (RFC 8216bis 3.1.1)."""
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    totals, heads, groups = _pes(stream, plan, first, end)
    rows = plan.track.samples[first:end]
    sync = sync_of(plan, first, end)

    def write(group: int, stop: int, body: U8) -> None:
        _elementary(stream, rows[group:stop], bool(sync[group]), media, body)

    return mux(stream, plan, number, totals, heads, groups, int(stream.before[number]), write)


def mux(
    stream: Stream, plan: TrackPlan, number: int, totals: I64, heads: I64, groups: I64, before: int, write: Writer,
    extra: int = 0,
) -> bytearray:  # fmt: skip
    """A segment of PES packets of `totals` octets, of which `heads` are their heads, that begin at samples `groups`.

    `before`: packets of the stream so far. `write` fills in the elementary octets of samples from..to. `extra`: so many
    packets more than are needed.
    """
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    per_pes = _packets(totals)
    per_pes[-1] += extra
    starts = np.concatenate(([0], np.cumsum(per_pes))) + 2
    out = bytearray(int(starts[-1]) * PACKET)
    packets = np.frombuffer(out, np.uint8).reshape(-1, PACKET)
    _tables(packets, stream, number)
    packets[2:, 0] = 0x47
    packets[2:, 1] = MEDIA_PID >> 8
    packets[2:, 2] = MEDIA_PID & 0xFF
    packets[2:, 3] = 0x10 | (before + np.arange(len(packets) - 2)) & 0x0F
    rows = plan.track.samples[first:end]
    decode = rows["dts"].astype(np.int64) + plan.base
    dts, pts = _to_90k(decode, stream.scale), _to_90k(decode + rows["cto"] - plan.hidden, stream.scale)
    sync = sync_of(plan, first, end)
    for at, (group, stop) in enumerate(zip(groups[:-1].tolist(), groups[1:].tolist(), strict=True)):
        pes = np.empty(int(totals[at]), np.uint8)
        head = int(heads[at])
        pes[:head] = _pes_head(stream, int(pts[group]), int(dts[group]), head, len(pes))
        write(group, stop, pes[head:])
        _fill(packets[starts[at] : starts[at + 1]], pes, int(dts[group]), bool(sync[group]))
    return out


def groups_of(stream: Stream, count: int) -> I64:
    """The samples of a segment of `count` at which PES packets begin, and the end: one picture each, or some frames."""
    return np.append(np.arange(0, count, _samples_a_pes(stream.codec)), count)


def _samples_a_pes(codec: str) -> int:
    return 1 if codec == "avc1" else _FRAMES_A_PES


def pes_heads(codec: str, sizes: I64) -> tuple[I64, I64]:
    """Octets of PES packets with `sizes` elementary octets, and of their heads."""
    head = 19 if codec == "avc1" else 14
    rest = (sizes + head) % PAYLOAD
    stuffing = np.where(rest > PAYLOAD - _FIELD, PAYLOAD + 1 - rest, np.where(rest == 0, 1, 0))
    return sizes + head + stuffing, head + stuffing


def packets_of(totals: I64) -> int:
    """TS packets of PES packets of these octets."""
    return int(_packets(totals).sum())


def sizes(stream: Stream, plan: TrackPlan) -> list[int]:
    """Octets of each segment as a transport stream, tables included; 0 where the track has nothing."""
    packets = np.diff(stream.before)
    return ((packets + 2 * (packets > 0)) * PACKET).tolist()  # type: ignore[no-any-return]


def _packets_by_segment(plan: TrackPlan, codec: str, extra: int, extra_sync: int) -> I64:
    """TS packets of each segment, as `_pes` cuts it."""
    samples = plan.track.samples
    octets = np.zeros(len(samples) + 1, np.int64)
    np.add(samples["size"], extra, out=octets[1:])
    octets[plan.track.sync.astype(np.int64) + 1] += extra_sync
    np.cumsum(octets, out=octets)
    counts = np.diff(plan.first)
    groups = -(-counts // _samples_a_pes(codec))
    ends = np.cumsum(groups)
    within = np.arange(int(ends[-1])) - np.repeat(ends - groups, groups)
    begins = np.append(np.repeat(plan.first[:-1], groups) + within * _samples_a_pes(codec), plan.first[-1])
    packets = np.append(0, np.cumsum(_packets(pes_heads(codec, np.diff(octets[begins]))[0])))
    by_segment: I64 = packets[ends] - packets[ends - groups]
    return by_segment


def _pes(stream: Stream, plan: TrackPlan, first: int, end: int) -> tuple[I64, I64, I64]:
    """Octets of each PES packet, of its head, and the sample at which each begins (and the end), from `first` on."""
    sizes = plan.track.samples["size"][first:end].astype(np.int64) + stream.extra
    count = end - first
    if stream.codec == "avc1":
        sizes[sync_of(plan, first, end)] += len(stream.extra_sync)
        groups = groups_of(stream, count)
    else:
        groups = groups_of(stream, count)
        sizes = np.add.reduceat(sizes, groups[:-1]) if count else sizes
    totals, heads = pes_heads(stream.codec, sizes)
    return totals, heads, groups


def _packets(totals: I64) -> I64:
    packets: I64 = -(-totals // PAYLOAD)
    return packets


def sync_of(plan: TrackPlan, first: int, end: int) -> npt.NDArray[np.bool_]:
    found = np.zeros(end - first, np.bool_)
    low, high = np.searchsorted(plan.track.sync, [first, end])
    found[plan.track.sync[low:high].astype(np.int64) - first] = True
    return found


def _elementary(stream: Stream, rows: npt.NDArray[np.void], sync: bool, media: memoryview, body: U8) -> None:
    """Write the elementary stream octets of one PES into `body`."""
    octets = np.frombuffer(media, np.uint8)
    if stream.codec == "avc1":
        offset, size = int(rows["offset"][0]), int(rows["size"][0])
        lead = AUD + stream.extra_sync if sync else AUD
        body[: len(lead)] = np.frombuffer(lead, np.uint8)
        body[len(lead) :] = octets[offset : offset + size]
        _to_start_codes(body[len(lead) :].data)
        return
    at = 0
    for offset, size in zip(rows["offset"].tolist(), rows["size"].tolist(), strict=True):
        if stream.adts:
            body[at : at + ADTS] = np.frombuffer(adts(stream.adts, size), np.uint8)
            at += ADTS
        body[at : at + size] = octets[offset : offset + size]
        at += size


def _to_start_codes(sample: memoryview) -> None:
    """NAL lengths become start codes in place (H.264 annex B). Raises Problem unplayable if they do not add up."""
    at, end = 0, len(sample)
    while at < end:
        if end - at < 4:
            raise Problem("unplayable", "the file is damaged: a NAL length is cut off")
        (length,) = struct.unpack_from(">I", sample, at)
        if length > end - at - 4:
            raise Problem("unplayable", "the file is damaged: a NAL unit is longer than its sample")
        struct.pack_into(">I", sample, at, _START_CODE)
        at += 4 + length


def _pes_head(stream: Stream, pts: int, dts: int, size: int, total: int) -> U8:
    """A PES packet's head of `size` octets (2.4.3.6): PTS and, for video, DTS; the length is 0 for video only."""
    video = stream.codec == "avc1"
    flags, times = (0xC0, _time(3, pts) + _time(1, dts)) if video else (0x80, _time(2, pts))
    length = 0 if video else total - 6
    fixed = struct.pack(">3sBHBBB", b"\0\0\1", _STREAM_ID[stream.codec], length, 0x84, flags, size - 9)
    return np.frombuffer((fixed + times).ljust(size, b"\xff"), np.uint8)


def _time(mark: int, ticks: int) -> bytes:
    """33 bits in five octets with marker bits (2.4.3.6)."""
    ticks %= _WRAP
    return bytes(
        (
            mark << 4 | (ticks >> 29) & 0x0E | 1,
            ticks >> 22 & 0xFF,
            (ticks >> 14) & 0xFE | 1,
            ticks >> 7 & 0xFF,
            (ticks << 1) & 0xFE | 1,
        )
    )


def _fill(packets: U8, pes: U8, dts: int, sync: bool) -> None:
    """Write one PES into its packets, of which headers are there: the adaptation field of the first takes the slack.

    Where there are more packets than are needed, those behind it have such fields too, and little else.
    """
    count = len(packets)
    slack = PAYLOAD * count - len(pes)
    field = min(slack, PAYLOAD - 1)
    in_first = PAYLOAD - field
    assert field >= _FIELD
    packets[0, 1] |= 0x40  # payload_unit_start_indicator
    packets[0, 3] |= 0x20  # adaptation field and payload
    pcr = (dts - AHEAD_90K) % _WRAP
    flags = 0x10 | (0x40 if sync else 0)  # PCR, random_access_indicator (2.4.3.5)
    adaptation = struct.pack(">BBIBB", field - 1, flags, pcr >> 1, (pcr & 1) << 7 | 0x7E, 0)
    packets[0, 4 : 4 + _FIELD] = np.frombuffer(adaptation, np.uint8)
    packets[0, 4 + _FIELD : 4 + field] = 0xFF
    packets[0, 4 + field :] = pes[:in_first]
    at, row, slack = in_first, 1, slack - field
    while slack:
        field = min(slack, PAYLOAD - 1)
        packets[row, 3] |= 0x20
        packets[row, 4 : 4 + field] = 0xFF
        packets[row, 4 : min(6, 4 + field)] = (field - 1, 0)[: min(2, field)]
        packets[row, 4 + field :] = pes[at : at + PAYLOAD - field]
        at, row, slack = at + PAYLOAD - field, row + 1, slack - field
    if count > row:
        packets[row:, 4:] = pes[at:].reshape(count - row, PAYLOAD)


def _tables(packets: U8, stream: Stream, number: int) -> None:
    """PAT and PMT, one packet each (2.4.4.3, 2.4.4.8); their counters count segments."""
    pat = struct.pack(">BHHBBBHH", 0x00, 0xB00D, 1, 0xC1, 0, 0, 1, 0xE000 | PMT_PID)
    version = 0xC3 if stream.type else 0xC1  # a ciphered stream may follow a clear one, which is version 0
    kind = stream.type or _STREAM_TYPE[stream.codec]
    element = struct.pack(">BHH", kind, 0xE000 | MEDIA_PID, 0xF000 | len(stream.descriptors)) + stream.descriptors
    pmt = (
        struct.pack(">BHHBBBHH", 0x02, 0xB000 | 13 + len(element), 1, version, 0, 0, 0xE000 | MEDIA_PID, 0xF000)
        + element
    )
    for row, (pid, section) in enumerate(((0, pat), (PMT_PID, pmt))):
        head = struct.pack(">BHBB", 0x47, 0x4000 | pid, 0x10 | number & 0x0F, 0)
        whole = head + section + struct.pack(">I", crc32(section))
        packets[row] = 0xFF
        packets[row, : len(whole)] = np.frombuffer(whole, np.uint8)


def _to_90k(ticks: I64, scale: int) -> I64:
    """To 90 kHz, exactly rounded down, started at START_90K; epoch times stay below 2^63 after scaling by parts."""
    whole, rest = np.divmod(ticks, scale)
    moved: I64 = whole * 90_000 + rest * 90_000 // scale + START_90K
    return moved


def _adts_template(asc: bytes) -> bytes:
    """The fixed part of an ADTS header (ISO/IEC 14496-3 1.A.2.2): HE-AAC goes as LC, its core is that."""
    config = aac.audio_specific_config(asc)
    bits = int.from_bytes(asc[:2], "big")
    rate_index, channels = bits >> 7 & 0x0F, bits >> 3 & 0x0F
    profile = 1 if config.object_type in (5, 29) else config.object_type - 1
    if not 0 <= profile <= 3 or rate_index > 12:
        raise Problem("unplayable", "this AAC has no ADTS form: use the fMP4 playlists")
    return bytes((0xFF, 0xF1, profile << 6 | rate_index << 2 | channels >> 2, (channels & 3) << 6, 0, 0x1F, 0xFC))


def adts(template: bytes, size: int) -> bytes:
    length = size + ADTS
    return bytes(
        (
            template[0],
            template[1],
            template[2],
            template[3] | length >> 11,
            length >> 3 & 0xFF,
            (length & 7) << 5 | 0x1F,
            0xFC,
        )
    )


def config_of(entry: memoryview, skip: int, kind: str) -> bytes:
    found = next((box for box in walk(entry, skip, len(entry)) if box.type == kind), None)
    if not isinstance(found, Box):
        raise Problem("unplayable", f"the track's sample entry has no {kind}")
    return bytes(entry[found.body : found.end])
