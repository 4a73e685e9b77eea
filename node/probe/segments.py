"""Rules of init segments, segments and parts, for HLS and DASH alike (RFC 8216bis 3; ISO/IEC 23009-1 6.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from node.probe import boxes
from node.probe.playlist import Part, Segment
from node.probe.rules import Finding

_SLACK_S = 0.0015
# ftyp brands that are iso6 or imply it (CMAF 7.2 builds on iso6 and later)
_ISO6 = frozenset({"iso6", "iso7", "iso8", "iso9", "isoa", "isob", "isoc", "cmfc", "cmf2"})
_TS = 188


def is_fragmented(data: bytes) -> bool:
    return data[4:8] in (b"styp", b"moof", b"sidx", b"emsg", b"prft", b"ftyp", b"moov")


def is_transport(data: bytes) -> bool:
    return data[:1] == b"\x47" and (len(data) <= _TS or data[_TS : _TS + 1] == b"\x47")


def init_segment(found: boxes.Init, url: str) -> Iterator[Finding]:
    if not found.boxes or found.boxes[0] != "ftyp" or not _ISO6.intersection(found.brands):
        yield Finding("init-ftyp", url, 0, f"{found.boxes[:1]} with {', '.join(found.brands) or 'no brands'}")
    if "moov" not in found.boxes or not found.tracks or not found.has_mvex:
        said = "no moov" if "moov" not in found.boxes else "no trak" if not found.tracks else "no mvex"
        yield Finding("init-moov", url, 0, said)
    if found.samples or "mdat" in found.boxes:
        yield Finding("init-samples", url, 0, "mdat" if "mdat" in found.boxes else f"{found.samples} table entries")
    if any(found.durations):
        yield Finding("init-duration", url, 0, f"durations {found.durations}", "0")


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of one segment or part: of the track that EXTINF counts. Times in seconds.

    `grain` is the longest sample: what a boundary may be off by. `end` is where the next one has to start.
    """

    seconds: float
    start: float
    end: float
    presented: float
    grain: float
    handler: str
    sync: bool
    any_sync: bool
    samples: tuple[int, ...]
    octets: int


def look(found: boxes.Fragments, init: boxes.Init) -> Look | None:
    """None if the segment has nothing of a known track."""
    tracks = [track for track in init.tracks.values() if found.of(track.id)]
    main = init.main
    track = main if main in tracks else next(iter(tracks), None)
    if track is None:
        return None
    runs = found.of(track.id)
    scale = track.timescale
    first, last = runs[0], runs[-1]
    flags = [flag for run in runs for flag in run.flags]
    return Look(
        seconds=sum(run.duration for run in runs) / scale,
        start=(first.tfdt or 0) / scale,
        end=((last.tfdt or 0) + last.duration) / scale,
        presented=(min(run.earliest for run in runs) - track.shift) / scale,
        grain=max((d for run in runs for d in run.durations), default=0) / scale,
        handler=track.handler,
        sync=bool(flags) and not flags[0] & boxes.NOT_SYNC,
        any_sync=any(not flag & boxes.NOT_SYNC for flag in flags),
        samples=tuple(size for run in runs for size in run.sizes),
        octets=found.data,
    )


def fragment(found: boxes.Fragments, init: boxes.Init, url: str, *, cut: bool = False) -> Iterator[Finding]:
    """The structure alone (3.1.2). `cut`: an I-frame's range, which may end behind that frame."""
    if not found.runs or "mdat" not in found.boxes:
        yield Finding("moof", url, 0, f"boxes {' '.join(found.boxes[:8])}", "moof and mdat")
    if not cut and any(run.outside for run in found.runs):
        yield Finding("moof", url, 0, "sample data behind the segment's end")
    unknown = {run.track for run in found.runs} - set(init.tracks)
    if unknown:
        yield Finding("moof-track", url, 0, f"track {min(unknown)}", f"one of {sorted(init.tracks)}")
    if any(run.tfdt is None for run in found.runs):
        yield Finding("moof-tfdt", url, 0, "a traf without tfdt")
    if any(not run.base_is_moof for run in found.runs):
        yield Finding("moof-base", url, 0, "base-data-offset in tfhd")
    yield from _runs_on(found, init, url)


def _runs_on(found: boxes.Fragments, init: boxes.Init, url: str) -> Iterator[Finding]:
    """Inside of one segment decode times go on without a jump (T2)."""
    for track in init.tracks.values():
        end: int | None = None
        for run in found.of(track.id):
            if end is not None and run.tfdt is not None and run.tfdt != end:
                said = f"{(run.tfdt - end) / track.timescale:+.4f} s at byte {run.start}"
                yield Finding("media-jump", url, 0, said, "0")
            end = (run.tfdt or 0) + run.duration


def segment(seen: Look, listed: Segment, url: str, *, independent: bool, iframes: bool = False) -> Iterator[Finding]:
    """Beside its playlist row."""
    if not iframes and abs(seen.seconds - listed.duration) > seen.grain + _SLACK_S:
        yield Finding("extinf-differs", url, listed.line, f"EXTINF {listed.duration:g} s", f"{seen.seconds:g} s")
    if not seen.sync and seen.handler == "vide":
        if independent:
            yield Finding("sync-first", url, listed.line, f"{listed.uri} starts with another sample")
        else:
            yield Finding("sync-first-video", url, listed.line, f"{listed.uri} starts with another sample")


def part(seen: Look, listed: Part, url: str) -> Iterator[Finding]:
    if abs(seen.seconds - listed.duration) > seen.grain + _SLACK_S:
        yield Finding("part-differs", url, listed.line, f"DURATION={listed.duration:g}", f"{seen.seconds:g} s")
    if listed.independent and not seen.any_sync:
        yield Finding("part-sync", url, listed.line, f"{listed.uri} has no sync sample")


def parts_of(whole: Look, parts: Sequence[Look], listed: Segment, url: str) -> Iterator[Finding]:
    """All parts of a segment beside the segment (3.2)."""
    samples = tuple(size for one in parts for size in one.samples)
    if samples != whole.samples or sum(one.octets for one in parts) != whole.octets:
        said = f"{len(samples)} samples of {sum(samples)} octets in {len(parts)} parts"
        yield Finding("part-samples", url, listed.line, said, f"{len(whole.samples)} of {sum(whole.samples)}")


def follows(before: Look, after: Look, listed: Segment, url: str) -> Iterator[Finding]:
    """Segments that follow one another in the playlist, `listed` being the later one."""
    if listed.discontinuity:
        return
    off = after.start - before.end
    if abs(off) > _SLACK_S:
        yield Finding("media-jump", url, listed.line, f"{off:+.4f} s before {listed.uri}", "0")


def dates(offsets: Sequence[tuple[int, float, int]], url: str) -> Iterator[Finding]:
    """(discontinuity number, date - media time, line) of one rendition's segments: constant within a run."""
    first: dict[int, float] = {}
    for run, offset, line in offsets:
        known = first.setdefault(run, offset)
        if abs(offset - known) > 0.1:
            yield Finding("date-media", url, line, f"{offset - known:+.3f} s against the first segment read", "0")
            return


def bitrate(listed: Segment, octets: int, url: str) -> Iterator[Finding]:
    if not listed.kbits or not listed.duration or listed.range:
        return
    rate = octets * 8 / listed.duration / 1000
    if not 0.9 * listed.kbits <= rate <= 1.1 * listed.kbits:
        yield Finding("bitrate-tag", url, listed.line, f"{listed.kbits} kbit/s declared", f"{rate:.0f} kbit/s")


def transport(data: bytes, url: str, *, has_map: bool = False) -> Iterator[Finding]:
    """MPEG-TS (ISO/IEC 13818-1 2.4): whole packets, one program, PAT and PMT (unless in the MAP)."""
    if len(data) % _TS or any(data[at] != 0x47 for at in range(0, len(data), _TS)):
        yield Finding("ts-packets", url, 0, f"{len(data)} bytes that are not packets of {_TS}")
        return
    programs: dict[int, int] = {}
    seen: set[int] = set()
    for at in range(0, len(data), _TS):
        number = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        seen.add(number)
        if number == 0 and not programs and data[at + 1] & 0x40:
            programs = _programs(data[at : at + _TS])
    if has_map and not programs:
        return
    if len(programs) != 1 or not seen.issuperset(programs.values()):
        said = f"{len(programs)} programs" if len(programs) != 1 else "no PMT"
        yield Finding("ts-packets", url, 0, said if programs else "no PAT", "one program with its PMT")


def _programs(packet: bytes) -> dict[int, int]:
    """Program number -> PID of its PMT, of a PAT that fits in one packet (2.4.4.3)."""
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if at >= _TS:
        return {}
    at += 1 + packet[at]
    if at + 8 > _TS or packet[at] != 0:
        return {}
    end = min(at + 3 + ((packet[at + 1] & 0xF) << 8 | packet[at + 2]) - 4, _TS)
    rows = (packet[here : here + 4] for here in range(at + 8, end - 3, 4))
    found = {row[0] << 8 | row[1]: (row[2] & 0x1F) << 8 | row[3] for row in rows}
    return {number: pid for number, pid in found.items() if number}


def other(data: bytes, url: str) -> Iterator[Finding]:
    """Packed audio and WebVTT, by their first bytes (3.1.3, 3.1.4)."""
    if _PACKED.match(data[:2]):
        yield Finding("audio-timestamp", url, 0, "audio frames without ID3 in front")
    elif data[:3] == b"ID3":
        if b"com.apple.streaming.transportStreamTimestamp\0" not in data[:512]:
            yield Finding("audio-timestamp", url, 0, "an ID3 tag without the timestamp")
    elif b"-->" in data[:65536] and not data.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        yield Finding("webvtt-header", url, 0, repr(data[:20]), "WEBVTT")


# ADTS and MPEG audio 0xFFE.., AC-3 0x0B77
_PACKED = re.compile(rb"\xff[\xe0-\xff]|\x0b\x77", re.DOTALL)
