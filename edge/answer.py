"""Writing answers: the header in the shape that was decided, the body at the reader's pace, and cutting one off."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from base.conditions import Shape
from edge import request as asked
from edge.fill import CutShort
from node import web as rim

_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Sent:
    """What happened to one answer, filled in while it is written."""

    cache: str = "own"
    status: int = 0
    bytes: int = 0
    whole: bool = False


def said_before(fields: Sequence[tuple[str, str]], cache_status: str) -> list[tuple[str, str]]:
    """An upstream's fields with our own member appended to Cache-Status (RFC 9211 2)."""
    before = [value for name, value in fields if name.lower() == "cache-status"]
    kept = [(name, value) for name, value in fields if name.lower() != "cache-status"]
    return [*kept, ("Cache-Status", ", ".join([*before, cache_status])), ("Server", "Headwater")]


async def begun(
    request: web.Request, shape: Shape, fields: Sequence[tuple[str, str]], length: int | None
) -> web.StreamResponse:
    """Write the header of an answer in this shape. `length` of the whole object, None if not known.

    A 206 whose shape has no end is one that upstream made: `length` is then its own.
    """
    headers = CIMultiDict(fields)
    headers[rim.REQUEST_ID_FIELD] = request[rim.REQUEST_ID]
    if shape.status == 304:
        said = asked.OF_A_304 | {"age", "cache-status", "x-request-id", "server"}
        if "ETag" not in headers:
            said |= {"last-modified"}
        headers = CIMultiDict((name, value) for name, value in headers.items() if name.lower() in said)
    elif shape.status == 416:
        headers.popall("Content-Type", None)
    if shape.content_range:
        headers["Content-Range"] = shape.content_range
    response = web.StreamResponse(status=shape.status, headers=headers)
    if shape.status == 206 and shape.stop >= 0:
        response.content_length = shape.stop - shape.start
    elif shape.status == 416:
        response.content_length = 0
    elif shape.status not in (204, 304) and length is not None:
        response.content_length = length
    if shape.status in (200, 206):
        response.headers["Accept-Ranges"] = "bytes"
    await response.prepare(request)
    return response


async def relay(answer: aiohttp.ClientResponse, response: web.StreamResponse, sent: Sent) -> None:
    """The body as it comes, at the reader's pace. Raises CutShort where it ends early."""
    chunks = answer.content.iter_any()
    while True:
        try:
            chunk = await anext(chunks, b"")
        except (aiohttp.ClientError, OSError) as fault:
            raise CutShort from fault
        if not chunk:
            return
        await response.write(chunk)
        sent.bytes += len(chunk)


def abort(request: web.Request) -> None:
    """End a body that was cut short so that nobody takes it for whole: reset, also where its length was not stated."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
