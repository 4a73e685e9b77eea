"""Sheets of thumbnails: which there are, and how players are told of them (WebVTT, HLS image playlist).

On demand the cells of all sheets follow one another from the beginning of the presentation. In a live channel they
follow one another from the beginning of each unbroken run, and a sheet exists once its whole span is there: until
then, what it would show could still change.

WebVTT: each cue covers a cell and names the place on the sheet by a media fragment, `sheet.jpg#xywh=x,y,w,h` (Media
Fragments URI 1.0, 4.2.2), as players' seek bars read it. HLS: the image media playlist of Roku and others, version
0.4, which Shaka Player and Roku read; no RFC knows it, and RFC 8216bis 6.3.1 has others ignore its tags.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from base.media import Format
from base.pictures import Layout, Picture, Tiles
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.live import LiveSegment, LiveTrack, LiveWindow

_VERSION = 7
# A short film is divided into this many cells, of a second at least.
_CELLS_OF_A_SHORT_ONE = 100
_SHORTEST_MS = 1000
# Bits a pixel that a JPEG of ours has, about: what is said of a rate is an estimate.
_BITS_A_PIXEL = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the settings ask for: `interval_ms` at most between cells, the grid, and the width of a cell."""

    interval_ms: int
    columns: int
    rows: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheets:
    """The sheets of one track. `width`, `height` of a cell in pixels."""

    track: str
    layout: Layout
    width: int
    height: int

    @property
    def bandwidth(self) -> int:
        """Bits a second, estimated."""
        pixels = self.width * self.height * self.layout.cells
        return max(1, math.ceil(pixels * _BITS_A_PIXEL * 1000 / self.layout.span_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An unbroken run of whole segments (LiveSegment.run), in ms since 1970, its beginnings rounded up.

    `start_ms`: when it began; `listed_ms`: from when on it is still listed; `end_ms`: up to when it is whole. `over`:
    another run has begun.
    """

    run: int
    start_ms: int
    listed_ms: int
    end_ms: int
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet of a live run that is whole: what its file is called, and when it begins (ms since 1970)."""

    tiles: Tiles
    start_ms: int


def cell_size(fmt: Format, width: int) -> tuple[int, int]:
    """Width and height at which a picture of a format is shown if `width` is wished: never larger than it is.

    Format.width counts square samples (pasp), so the ratio is the one at which it is displayed.
    """
    shown = max(1, min(width, fmt.width))
    return shown, max(1, round(shown * fmt.height / max(1, fmt.width)))


def of_asset(track: str, fmt: Format, duration: Fraction, wish: Wish) -> Sheets:
    """The sheets of an asset that lasts `duration` seconds."""
    step = math.ceil(duration / _CELLS_OF_A_SHORT_ONE) * 1000
    interval = min(wish.interval_ms, max(_SHORTEST_MS, step))
    return _sheets(track, fmt, Layout(interval, wish.columns, wish.rows, wish.width))


def of_channel(track: str, fmt: Format, grid_ms: int, wish: Wish) -> Sheets:
    """The sheets of a channel: of one row each, so that they are whole soon; a cell is at least a segment."""
    interval = max(grid_ms, wish.interval_ms // grid_ms * grid_ms)
    return _sheets(track, fmt, Layout(interval, wish.columns, 1, wish.width))


def singles(track: str, fmt: Format, grid_ms: int, wish: Wish) -> Sheets:
    """The sheets of a channel as its manifest names them: one cell each, as long as a segment.

    No Segment may last longer than MPD@maxSegmentDuration (ISO/IEC 23009-1 5.3.1.2), and players stay as far behind
    live as that says: a sheet of many cells would cost a live viewer most of a minute.
    """
    return _sheets(track, fmt, Layout(grid_ms, 1, 1, wish.width))


def _sheets(track: str, fmt: Format, layout: Layout) -> Sheets:
    width, height = cell_size(fmt, layout.width)
    return Sheets(track=track, layout=layout, width=width, height=height)


def best(formats: Sequence[tuple[str, Format]], width: int) -> tuple[str, Format] | None:
    """The video track that costs least to decode for pictures of a width: the smallest that is wide enough."""
    videos = [(name, fmt) for name, fmt in formats if fmt.kind == "video" and fmt.width]
    enough = [found for found in videos if found[1].width >= width]
    if enough:
        return min(enough, key=lambda found: found[1].width)
    return max(videos, key=lambda found: found[1].width, default=None)


def count(layout: Layout, duration: Fraction) -> int:
    """How many sheets an asset has."""
    return max(1, math.ceil(duration * 1000 / layout.span_ms))


def times(layout: Layout, number: int, duration: Fraction) -> list[int]:
    """When the cells of sheet `number` of an asset begin, ms; as many as there is something to show in."""
    first = number * layout.span_ms
    return [at for cell in range(layout.cells) if (at := first + cell * layout.interval_ms) < duration * 1000 or not at]


def vtt(sheets: Sheets, duration: Fraction) -> str:
    """The WebVTT of an asset's sheets; times from the beginning of the presentation."""
    end = math.ceil(duration * 1000)
    cues = [
        _cue(at, min(at + sheets.layout.interval_ms, end), _place(sheets, Tiles(sheets.layout, number).file, cell))
        for number in range(count(sheets.layout, duration))
        for cell, at in enumerate(times(sheets.layout, number, duration))
    ]
    return _vtt(cues)


def live_vtt(sheets: Sheets, track: LiveTrack, window: LiveWindow) -> str:
    """The WebVTT of the window: whole sheets, then single pictures up to the last whole segment.

    Times count from 1970, as a DASH player's clock does; HLS has them as EXT-X-PROGRAM-DATE-TIME.
    """
    interval = sheets.layout.interval_ms
    cues: list[str] = []
    for run in runs(track, window):
        at = run.start_ms + -(-(run.listed_ms - run.start_ms) // interval) * interval
        for sheet in _whole(sheets.layout, run):
            for cell in range(sheets.layout.cells):
                start_ms = sheet.start_ms + cell * interval
                if at <= start_ms < run.end_ms:
                    place = _place(sheets, sheet.tiles.file, cell)
                    cues.append(_cue(start_ms, min(start_ms + interval, run.end_ms), place))
                    at = start_ms + interval
        while at < run.end_ms:
            cues.append(_cue(at, min(at + interval, run.end_ms), Picture(at, sheets.layout.width, "jpg").file))
            at += interval
    return _vtt(cues)


def runs(track: LiveTrack, window: LiveWindow) -> list[Run]:
    """The unbroken runs that have whole segments, oldest first."""
    scale = track.format.timescale
    listed: dict[int, int] = {}
    ends: dict[int, int] = {}
    for segment in track.segments:
        if segment.closed and not segment.gap:
            listed.setdefault(segment.run, -(-segment.start * 1000 // scale))
            ends[segment.run] = (segment.start + segment.duration) * 1000 // scale
    newest = track.segments[-1].run
    return [
        Run(
            run=run,
            start_ms=-(-window.run_starts[run, track.name] * 1000 // scale),
            listed_ms=listed[run],
            end_ms=ends[run],
            over=run != newest,
        )
        for run in ends
        if (run, track.name) in window.run_starts
    ]


def whole_sheets(layout: Layout, track: LiveTrack, window: LiveWindow) -> list[Sheet]:
    """The sheets of which every cell is listed and can no longer change, oldest first."""
    return [sheet for run in runs(track, window) for sheet in _whole(layout, run)]


def _whole(layout: Layout, run: Run) -> list[Sheet]:
    """The last sheet of a run that is over is whole too: nothing will be added to it."""
    number = -(-(run.listed_ms - run.start_ms) // layout.span_ms)
    found = []
    while (at := run.start_ms + number * layout.span_ms) < run.end_ms:
        if at + layout.span_ms > run.end_ms and not run.over:
            break
        found.append(Sheet(tiles=Tiles(layout, number, run.run), start_ms=at))
        number += 1
    return found


def segment_at(track: LiveTrack, ms: int) -> LiveSegment | None:
    """The whole segment whose first picture stands for a time (ms since 1970): the last one that begins by then."""
    segments, scale = track.segments, track.format.timescale
    low, high = 0, len(segments)
    while low < high:  # starts rise with the number
        middle = (low + high) // 2
        if segments[middle].start * 1000 // scale <= ms:
            low = middle + 1
        else:
            high = middle
    for at in range(low - 1, -1, -1):
        if not segments[at].gap:
            return segments[at] if segments[at].closed else None
    return None


def _place(sheets: Sheets, file: str, cell: int) -> str:
    row, column = divmod(cell, sheets.layout.columns)
    return f"{file}#xywh={column * sheets.width},{row * sheets.height},{sheets.width},{sheets.height}"


def _cue(start_ms: int, end_ms: int, payload: str) -> str:
    return f"{_time(start_ms)} --> {_time(end_ms)}\n{payload}\n"


def _time(ms: int) -> str:
    """A WebVTT timestamp (WebVTT 4.1): hours have two digits or more."""
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}.{ms % 1000:03d}"


def _vtt(cues: list[str]) -> str:
    return "\n".join(["WEBVTT\n", *cues])


def image_playlist(sheets: Sheets, duration: Fraction) -> str:
    """The image media playlist of an asset. EXT-X-TILES stands before each segment, as that text has it."""
    layout = sheets.layout
    total = float(duration)
    span = layout.span_ms / 1000
    tiles = attributes(
        Tag.TILES,
        RESOLUTION=f"{sheets.width}x{sheets.height}",
        LAYOUT=f"{layout.columns}x{layout.rows}",
        DURATION=seconds(layout.interval_ms / 1000),
    )
    lines = [
        Tag.M3U,
        f"{Tag.VERSION}:{_VERSION}",
        f"{Tag.TARGETDURATION}:{max(1, math.floor(min(span, total) + 0.5))}",
        f"{Tag.MEDIA_SEQUENCE}:0",
        f"{Tag.PLAYLIST_TYPE}:VOD",
        Tag.IMAGES_ONLY,
    ]
    for number in range(count(layout, duration)):
        lasts = min(span, total - number * span)
        lines += [f"{Tag.INF}:{seconds(lasts)},", tiles, Tiles(layout, number).file]
    lines.append(Tag.ENDLIST)
    return "\n".join(lines) + "\n"


def image_stream_inf(sheets: Sheets, uri: str) -> str:
    """The line of the multivariant playlist; RESOLUTION is that of one cell."""
    return attributes(
        Tag.IMAGE_STREAM_INF,
        BANDWIDTH=sheets.bandwidth,
        CODECS=quoted("jpeg"),
        RESOLUTION=f"{sheets.width}x{sheets.height}",
        URI=quoted(uri),
    )
