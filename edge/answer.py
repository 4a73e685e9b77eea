"""Writing answers: the header in the shape that was decided, the body at the reader's pace, and cutting one off."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from base.conditions import Shape
from base.conditions import shape as shape_of
from base.problems import Problem
from edge import multipart
from edge.fill import SLICE, CutShort, Fill, Reading
from edge.fills import http_now
from edge.hops import head_of, joined
from edge.lane import fields_of
from edge.store import Stored
from node import web as rim

# The names in an answer's header, lower case, as it was decided: the web server adds to it what a cache must not.
SAID = web.RequestKey("headwater_said", frozenset)
_OF_CONTENT = frozenset({"content-type", "content-encoding", "content-language", "content-range", "accept-ranges"})


@dataclass(slots=True)
class Sent:
    """What happened to one answer, filled in while it is written."""

    cache: str = "own"
    path: str = ""
    status: int = 0
    bytes: int = 0
    whole: bool = False


def said_before(fields: Sequence[tuple[str, str]], cache_status: str, *, ours: bool = True) -> list[tuple[str, str]]:
    """An upstream's fields with our own member appended to Cache-Status (RFC 9211 2)."""
    before = [value for name, value in fields if name.lower() == "cache-status"]
    kept = [(name, value) for name, value in fields if name.lower() != "cache-status"]
    made = [*kept, ("Cache-Status", ", ".join([*before, cache_status]))]
    return [*made, ("Server", "Headwater")] if ours else made


async def begun(
    request: web.Request, shape: Shape, fields: Sequence[tuple[str, str]], length: int | None, *, ranges: bool = True
) -> web.StreamResponse:
    """Write the header of an answer in this shape. `length` of the whole object, None if not known.

    A 206 whose shape has no end is one that upstream made: `length` is then its own. `ranges`: we take them of it.
    """
    headers = CIMultiDict(fields)
    headers[rim.REQUEST_ID_FIELD] = request[rim.REQUEST_ID]
    if shape.status == 304:  # RFC 9110 15.4.5: nothing about the content but what names it
        unsaid = _OF_CONTENT | ({"last-modified"} if "ETag" in headers else set())
        headers = CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in unsaid)
    elif shape.status == 416 and shape.content_range:
        headers.popall("Content-Type", None)
    if shape.content_range:
        headers["Content-Range"] = shape.content_range
    response = web.StreamResponse(status=shape.status, headers=headers)
    if shape.status == 206 and shape.stop >= 0:
        response.content_length = shape.stop - shape.start
    elif shape.status == 416 and shape.content_range:
        response.content_length = 0
    elif shape.status not in (204, 304) and length is not None:
        response.content_length = length
    if ranges and shape.status in (200, 206):
        response.headers["Accept-Ranges"] = "bytes"
    request[SAID] = frozenset(name.lower() for name in response.headers)
    await response.prepare(request)
    return response


async def from_store(
    request: web.Request, stored: Stored, cache_status: str, sent: Sent, *, body: bool, now: float, now_ms: int
) -> web.StreamResponse:
    """What is stored, in the shape that the request's conditions and ranges give it."""
    shape = _shape(request, stored, body=body, now_ms=now_ms)
    fields = [*fields_of(stored, cache_status), ("Age", str(stored.age_s(now)))]
    if shape.parts:
        return await _in_parts(request, stored, shape, fields, sent)
    length = len(stored.body) if stored.length < 0 else stored.length
    response = await begun(request, shape, fields, length)
    if body and shape.stop != 0:
        view = memoryview(stored.body)
        stop = len(view) if shape.stop < 0 else shape.stop
        for begin in range(shape.start, stop, SLICE):  # aiohttp waits for slow readers between writes
            part = view[begin : min(stop, begin + SLICE)]
            await response.write(part)
            sent.bytes += len(part)
    await response.write_eof()
    return response


def _shape(request: web.Request, stored: Stored, *, body: bool, now_ms: int) -> Shape:
    shape = shape_of(
        request.headers,
        status=stored.status,
        etag=stored.etag,
        last_modified=stored.last_modified,
        date=stored.date,
        length=len(stored.body),
        now_ms=now_ms,
        get=body,
        multipart=True,
    )
    assert shape is not None
    return shape


async def _in_parts(
    request: web.Request, stored: Stored, shape: Shape, fields: list[tuple[str, str]], sent: Sent
) -> web.StreamResponse:
    boundary = secrets.token_hex(16)
    types = [value for name, value in fields if name.lower() == "content-type"]
    pieces = multipart.body(stored.body, shape.parts, content_type="".join(types[:1]), boundary=boundary)
    fields = [field for field in fields if field[0].lower() != "content-type"]
    fields.append(("Content-Type", multipart.TYPE + boundary))
    response = await begun(request, shape, fields, sum(len(piece) for piece in pieces))
    for piece in pieces:
        for begin in range(0, len(piece), SLICE):
            await response.write(piece[begin : begin + SLICE])
        sent.bytes += len(piece)
    await response.write_eof()
    return response


async def from_fill(
    request: web.Request, fill: Fill, cache_status: str, sent: Sent, *, body: bool, now_ms: int, first: bool = False
) -> web.StreamResponse:
    """What has come and then the live tail. `first`: this request caused the fetch.

    Raises CutShort, or Problem if nothing was sent yet.
    """
    head = fill.head
    assert head is not None and fill.lifetime is not None
    length = head.length
    shape = _shape_of(request, fill, length, body=body, now_ms=now_ms)
    whole: Reading | None = None
    if shape is None or shape.parts:  # it depends on the length or on all of the bytes
        holding = fill.read()
        try:
            await fill.ended()
        except CutShort:
            raise _broke_off() from None
        finally:
            if not fill.outgrown:
                await holding.aclose()
        if fill.outgrown:  # RFC 9110 14.2: its ranges are not known until what they name is let go
            shape, whole = Shape(status=head.status), holding
        else:
            length = fill.size
            shape = _shape_of(request, fill, length, body=body, now_ms=now_ms)
            assert shape is not None
    fields = said_before((*head.fields, *(head.once if first else ())), cache_status, ours=fill.ours)
    if fill.lifetime.age_s >= 1:
        fields.append(("Age", str(int(fill.lifetime.age_s))))
    if shape.parts:
        assert fill.stored is not None
        return await _in_parts(request, fill.stored, shape, fields, sent)
    if not body or shape.stop == 0:
        response = await begun(request, shape, fields, length)
        await response.write_eof()
        return response
    async with contextlib.aclosing(whole or fill.read(shape.start, shape.stop)) as reading:
        early: bytes | memoryview = b""
        if shape.status == 206:
            try:  # 206 is said once its first bytes are there
                early = await anext(reading, b"")
            except CutShort:
                raise _broke_off() from None
        return await poured(await begun(request, shape, fields, length), early, reading, sent)


async def poured(
    response: web.StreamResponse, early: bytes | memoryview, reading: AsyncIterator[bytes | memoryview], sent: Sent
) -> web.StreamResponse:
    """The body of an answer that was begun: what was read before, and the rest as it comes. Raises CutShort."""
    if early:
        await response.write(early)
        sent.bytes += len(early)
    async for part in reading:
        await response.write(part)
        sent.bytes += len(part)
    await response.write_eof()
    return response


def _shape_of(request: web.Request, fill: Fill, length: int | None, *, body: bool, now_ms: int) -> Shape | None:
    assert fill.head is not None
    return shape_of(
        request.headers,
        status=fill.head.status,
        etag=fill.head.etag,
        last_modified=fill.head.last_modified,
        date=fill.head.date,
        length=length,
        now_ms=now_ms,
        get=body,
        multipart=not fill.outgrown,
    )


def _broke_off() -> Problem:
    return Problem("upstream", "upstream broke off its answer")


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
    request: web.Request,
    answer: aiohttp.ClientResponse,
    cache_status: str,
    sent: Sent,
    *,
    body: bool,
    now_ms: int,
    ours: bool = True,
) -> web.StreamResponse:
    """What upstream answers, straight through at the reader's pace, and not kept. Raises CutShort."""
    try:
        head = head_of(answer.status, answer.headers, received_date=http_now(now_ms), ours=ours)
        fields = said_before(head.fields, cache_status, ours=ours)
        if age := joined(answer.headers).get("Age"):
            fields.append(("Age", age))
        # A range of what is not kept is not cut out here: RFC 9110 14.2 lets a server ignore Range.
        response = await begun(request, Shape(status=head.status), fields, head.length, ranges=ours)
        if body:
            await relay(answer, response, sent)
        await response.write_eof()
        return response
    finally:
        answer.close()
