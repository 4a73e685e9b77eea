"""Windows of a live channel written by hand: two tracks, 2 s segments in parts of half a second."""

from __future__ import annotations

from packager.entries import aac_format, avc_format
from packager.live import LivePart, LiveSegment, LiveTrack, LiveWindow

SPS = bytes.fromhex("67640028acd940780227e5c05a808080a0000003002000000781e30632c0")
AVCC = b"\1\x64\0\x28\xff\xe1" + bytes([0, len(SPS)]) + SPS + b"\1\0\2\x68\xce"
VIDEO, AUDIO = avc_format(AVCC), aac_format(bytes.fromhex("1190"), "eng")
FIRST = 850_000_000  # 1_700_000_000 s in 2 s cells


def segment(
    n: int, scale: int, *, run: int = 0, breaks: int = 0, parts: int = 4, closed: bool = True, gap: bool = False
) -> LiveSegment:
    each = scale // 2
    return LiveSegment(
        number=FIRST + n, start=(FIRST + n) * 2 * scale, duration=2 * scale if closed else parts * each,
        size=0 if gap else 4000, init="ab" * 8, run=FIRST + run, breaks=breaks, closed=closed, gap=gap,
        discontinuity=n == run and breaks > 0,
        parts=() if gap else tuple(LivePart(each, 1000, at * 1000, at == 0, 12) for at in range(parts)),
    )  # fmt: skip


def window(
    first: int = 0, last: int = 9, *, gaps: tuple[int, ...] = (), open_parts: int = 2, live: bool = True
) -> LiveWindow:
    """Segments first..last, and one that is open (unless it has no parts). After each gap a new run begins."""
    tracks, starts = {}, {}
    for name, fmt in (("v1", VIDEO), ("a1", AUDIO)):
        run, breaks, listed = 0, 0, []
        for n in range(last + 1 + bool(open_parts)):
            if n and n - 1 in gaps and n not in gaps:
                run, breaks = n, breaks + 1
            starts[FIRST + run, name] = (FIRST + run) * 2 * fmt.timescale
            parts = open_parts if n > last else 4
            if n >= first:
                listed.append(
                    segment(n, fmt.timescale, run=run, breaks=breaks, parts=parts, closed=n <= last, gap=n in gaps)
                )
        tracks[name] = LiveTrack(name=name, format=fmt, segments=listed)
        oldest = listed[0].run
        starts = {key: ticks for key, ticks in starts.items() if key[1] != name or key[0] >= oldest}
    return LiveWindow(
        title="news", edition="s1", grid_ms=2000, part_ms=500, target=2, window_ms=60_000, live=live, tracks=tracks,
        run_starts=starts,
    )  # fmt: skip
