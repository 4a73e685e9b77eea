"""A segment that is still being published, sent part by part as it comes: what low-latency DASH asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from node.web import abort
from origin.channel import Channel
from origin.track import Track, read_part


async def send(
    request: web.Request,
    channel: Channel,
    track: Track,
    number: int,
    fields: Mapping[str, str],
    stopping: asyncio.Event,
) -> web.StreamResponse:
    """What is there at once, the rest with each part. The body ends with the segment, or is cut off for all to see.

    It is, where its track is silent for three target durations, as whoever waits for a part is told then (6.2.5.2).
    """
    response = web.StreamResponse(headers=fields)
    response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    sent, silent = 0, _silent(channel)
    try:
        while True:
            segment = track.window.find(number)
            if segment is None or segment.gap or channel.removed or stopping.is_set():
                abort(request)
                return response
            if segment.size > sent:
                body = await asyncio.to_thread(read_part, track.path(segment), sent, segment.size - sent)
                await response.write(body)
                sent, silent = sent + len(body), _silent(channel)
            elif segment.closed:
                await response.write_eof()
                return response
            else:
                async with asyncio.timeout_at(silent):
                    await channel.changed()
    except (FileNotFoundError, TimeoutError):  # the channel was removed just now, or the track is silent
        abort(request)
        return response


def _silent(channel: Channel) -> float:
    """When, by the loop's clock, a track that says nothing from now on is given up."""
    return asyncio.get_running_loop().time() + 3 * channel.row.target
