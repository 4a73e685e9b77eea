"""Bodies that are small enough to be held."""

from __future__ import annotations

from aiohttp import web

from base.problems import Problem


async def whole(request: web.Request, largest: int, refusal: str) -> bytes:
    """The octets of a body. Raises Problem too-large with the sentence `refusal`; malformed if it was cut short."""
    if (request.content_length or 0) > largest:
        raise Problem("too-large", refusal)
    body = bytearray()
    async for block in request.content.iter_any():
        body += block
        if len(body) > largest:
            raise Problem("too-large", refusal)
    if request.content_length is not None and len(body) != request.content_length:
        raise Problem("malformed", f"{len(body)} of {request.content_length} octets came: send it again")
    return bytes(body)
