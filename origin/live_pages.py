"""Playlists and manifests of channels: of the whole window, or of the stretch that a query names.

Each is printed once for all who ask for the same snapshot; a long one in a thread, piecewise (packager.hls_live).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from base import lifetimes, reload, select
from base.content_types import CONTENT_TYPE
from base.names import Leaf, Name
from base.problems import Problem
from node.process import Context
from origin.channel import Channel
from origin.pictures import Pictures
from packager import clip, dash, dash_low_latency, hls, hls_live, live_clip
from packager.live import LiveTrack, LiveWindow, answers, too_far
from packager.live_clip import LiveClip
from packager.live_date_ranges import marked

# A new session's tracks come within this; one that does not is then left out.
_TRACKS_APART_MS = 15_000
# With more segments than this a playlist is printed in a thread.
_LONG = 2000
# Of one snapshot, for viewers who began at different times.
_MOST_PRINTED = 64

Hold = Callable[[Channel, Callable[[], bool]], Awaitable[bool]]


class LivePages:
    """`hold` waits until something is there; False if it did not come (origin.live)."""

    def __init__(self, ctx: Context, pictures: Pictures, hold: Hold) -> None:
        self._ctx = ctx
        self._pictures = pictures
        self._hold = hold

    async def top(self, channel: Channel, name: Name, query: str) -> web.Response:
        """The multivariant playlist or the manifest."""
        window, reports = channel.window(), channel.reports()
        session = channel.row.session
        begun_ms = self._ctx.clock.now_ms() - session.started_ms
        wanted = len(session.tracks) if begun_ms < _TRACKS_APART_MS else 1
        # a viewer who came too early would go without the tracks that follow in a moment
        if len(reports) < wanted:
            raise Problem("unknown", f"channel {name.title} has no media yet", cache_control="no-store")
        part = self._part(name, query, window, strict=name.leaf is Leaf.MULTIVARIANT)
        held_back = -1 if part is not None and part.over else self._incomplete_run(channel, window)
        shown = part.window if part is not None else window
        if name.leaf is Leaf.MULTIVARIANT:
            reports = tuple(report for report in reports if report.track in shown.tracks)
            text = hls.multivariant(name.title, name.kind, window.edition, reports)
            body = (clip.multivariant(text, part.query, None) if part is not None else text).encode()
            return self._answer(name, body, _tag(body), window, part)
        if not any(_has_whole_segment(track, but=held_back) for track in shown.tracks.values()):
            # an MPD has at least one Period, and a Period's Representations a segment (ISO/IEC 23009-1 5.3.1.2)
            raise Problem("unknown", f"channel {name.title} has no whole segment yet", cache_control="no-store")
        if name.leaf is Leaf.MANIFEST_LOW_LATENCY:

            def print_low_latency() -> str:
                return dash_low_latency.manifest(window, reports, held_back=held_back)

            body, tag = await self._printed(channel, window, window, f"ll {held_back}", print_low_latency)
            return self._answer(name, body, tag, window, None)
        sheets = None if part is not None else self._pictures.live_sheets(window)

        def print_it() -> str:
            return dash.live_manifest(shown, reports, sheets, held_back=held_back, clip=part)

        if part is not None:
            body, tag = await self._printed(
                channel, window, shown, f"mpd {held_back} {part.query} {part.over}", print_it
            )
            return self._answer(name, body, tag, window, part)
        # a part more changes no manifest
        lists = tuple((track.segments[0].number, track.last_closed) for track in window.tracks.values())
        said = replace(window, tracks={}, run_starts={})
        known = channel.manifest
        if known is None or known[0] != (said, lists, reports, sheets, held_back):
            printed = await self._printed(channel, window, shown, f"mpd {held_back}", print_it)
            known = channel.manifest = (said, lists, reports, sheets, held_back), *printed
        return self._answer(name, known[1], known[2], window, None)

    async def media_playlist(self, channel: Channel, name: Name, query: str) -> web.Response:
        ask = reload.parse(query)
        window = channel.window()
        track = window.tracks.get(name.track)
        if track is None:
            raise Problem("unknown", f"the channel has no track {name.track}", cache_control="no-store")
        part = self._part(name, query, window, strict=False)
        if ask.blocking and not (part is not None and part.over):
            if too_far(window, track, ask):
                raise Problem("malformed", "_HLS_msn or _HLS_part is too far ahead (RFC 8216bis 6.2.5.2)")

            def there() -> bool:
                now = channel.window().tracks.get(name.track)
                return now is not None and answers(now, ask)

            if not await self._hold(channel, there):
                raise Problem("busy", "the stream does not go on at present", cache_control="no-store")
            window = channel.window()
            part = self._part(name, query, window, strict=False)
        shown = part.window if part is not None else window
        if name.track not in shown.tracks:
            raise Problem("unknown", "the track has nothing at that time", cache_control="public, max-age=2")

        cue_tags = self._ctx.settings.flag("origin.cue_tags")

        def print_it() -> str:
            text = hls_live.media_playlist(shown, name.track, skip=ask.skip, clip=part)
            return marked(text, shown, name.track, cue_tags=cue_tags)

        key = f"{name.track} {ask.skip} {part and (part.query, part.offset, part.over)}"
        body, tag = await self._printed(channel, window, shown, key, print_it)
        return self._answer(name, body, tag, window, part, blocking=ask.blocking)

    def _part(self, name: Name, query: str, window: LiveWindow, *, strict: bool) -> LiveClip | None:
        """What a query chooses of the window; times that are relative become what they mean now."""
        chosen = select.parse(name.leaf, query, signed=True, live=True)
        if not chosen.clips:
            return None
        now = live_clip.newest_ms(window) // 1000 * 1000  # so that viewers of one second share an object
        start, end = chosen.start_ms, chosen.end_ms
        if chosen.start_back_ms >= 0:
            start = max(0, now - chosen.start_back_ms)
        if chosen.end_back_ms >= 0:
            end = max(0, now - chosen.end_back_ms)
        if 0 <= end <= start:
            raise Problem("malformed", "end must be after start")
        meant = replace(chosen, start_ms=start, end_ms=end, start_back_ms=-1, end_back_ms=-1)
        found = live_clip.cut(window, start, end, self._ctx.clock.now_ms(), query=meant.query, strict=strict)
        return replace(found, moves=chosen.relative)

    async def _printed(
        self, channel: Channel, window: LiveWindow, shown: LiveWindow, key: str, print_it: Callable[[], str]
    ) -> tuple[bytes, str]:
        """One printing for all who ask for the same of one snapshot, with its tag."""
        if (known := channel.printed.get(key) if channel.window() is window else None) is not None:
            return known
        if sum(len(track.segments) for track in shown.tracks.values()) < _LONG:
            printed = _with_tag(print_it)
        else:
            async with channel.printing:  # who waited finds it printed
                if channel.window() is window and key in channel.printed:
                    return channel.printed[key]
                printed = await asyncio.to_thread(_with_tag, print_it)
        if channel.window() is window and len(channel.printed) < _MOST_PRINTED:
            channel.printed[key] = printed
        return printed

    def _incomplete_run(self, channel: Channel, window: LiveWindow) -> int:
        """The newest run while a track of the session may still join it, -1 if none may.

        Players take no Representation into a Period that they have begun to play, so it waits for all of its tracks.
        """
        newest = channel.runs.newest
        if newest is None or self._ctx.clock.now_ms() - newest.begun_ms >= _TRACKS_APART_MS:
            return -1
        tracks = [window.tracks.get(note.track) for note in channel.row.session.tracks]
        whole = all(track is not None and _is_whole(track, newest.number) for track in tracks)
        return -1 if whole else newest.number

    @staticmethod
    def _answer(
        name: Name, body: bytes, tag: str, window: LiveWindow, part: LiveClip | None, *, blocking: bool = False
    ) -> web.Response:
        if part is not None and part.over and not part.moves:
            control = lifetimes.film_of_channel(live_clip.listed_for_ms(part, window) // 1000)
        elif name.leaf is Leaf.MEDIA_PLAYLIST:
            control = lifetimes.live_playlist(window.target, blocking=blocking)
        else:
            control = lifetimes.live_manifest(window.target)
        return web.Response(
            body=body,
            headers={"Content-Type": CONTENT_TYPE[name.leaf], "Cache-Control": control, "ETag": f'"{tag}"'},
        )


def _with_tag(print_it: Callable[[], str]) -> tuple[bytes, str]:
    body = print_it().encode()
    return body, _tag(body)


def _tag(body: bytes) -> str:
    """A validator that says what the octets are: counts would begin anew with the process."""
    return hashlib.blake2s(body, digest_size=8).hexdigest()


def _has_whole_segment(track: LiveTrack, but: int) -> bool:
    """One that is not of run `but`."""
    return any(segment.closed and not segment.gap and segment.run != but for segment in track.segments)


def _is_whole(track: LiveTrack, run: int) -> bool:
    """Is there a whole segment of this run, the newest?"""
    for segment in reversed(track.segments):
        if segment.run != run:
            return False
        if segment.closed and not segment.gap:
            return True
    return False
