"""Writing answers: the header in the shape that was decided, the body at the reader's pace, and cutting one off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from base.conditions import Shape
from edge import request as asked
from edge.fill import CutShort, head_of, http_now, joined
from node import web as rim


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


async def passed(
    request: web.Request, answer: aiohttp.ClientResponse, cache_status: str, sent: Sent, *, body: bool, now_ms: int
) -> web.StreamResponse:
    """What upstream answers, straight through at the reader's pace, and not kept. Raises CutShort."""
    try:
        head = head_of(answer.status, answer.headers, received_date=http_now(now_ms))
        fields = [*said_before(head.fields, cache_status)]
        if age := joined(answer.headers).get("Age"):
            fields.append(("Age", age))
        # A range of what is not kept is not cut out here: RFC 9110 14.2 lets a server ignore Range.
        response = await begun(request, Shape(status=head.status), fields, head.length)
        if body:
            await relay(answer, response, sent)
        await response.write_eof()
        return response
    finally:
        answer.close()
