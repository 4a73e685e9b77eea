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
    """What is there at once, the rest with each part. The body ends with the segment, or is cut off for all to see."""
    response = web.StreamResponse(headers=fields)
    response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    sent = 0
    try:
        while True:
            segment = track.window.find(number)
            if segment is None or segment.gap or channel.removed or stopping.is_set():
                abort(request)
                return response
            if segment.size > sent:
                body = await asyncio.to_thread(read_part, track.path(segment), sent, segment.size - sent)
                await response.write(body)
                sent += len(body)
            elif segment.closed:
                await response.write_eof()
                return response
            else:
                await channel.changed()
    except FileNotFoundError:  # the channel was removed just now
        abort(request)
        return response
