"""Content keys over HTTP: ClearKey licences, and key files of HLS.

ClearKey: the request and the answer of Encrypted Media Extensions, section 9.1.3 and 9.1.4. A key file is the key's 16
octets and nothing else (RFC 8216bis 5.1), at the URI that EXT-X-KEY names.

There is no question of who asks: this is for tests, and the port at which a licence server of a real system comes in
(docs/decisions/0006-clearkey.md). Off unless `origin.clearkey` is set.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

import msgspec
from aiohttp import web

from base.content_types import CONTENT_TYPE
from base.lifetimes import NO_STORE
from base.names import Leaf
from base.problems import Problem
from node.process import Context
from origin.keys import KeySource
from packager.protect import Protection

MOST_OCTETS = 32 << 10
_MOST_KEYS = 1000  # a film whose keys change has one for each crypto period
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a ClearKey CDM sends: key ids in base64url without padding (9.1.3)."""

    kids: tuple[str, ...]
    type: str = "temporary"


def read(body: bytes) -> tuple[Wish, list[bytes]]:
    """The wish and its key ids. Raises Problem malformed."""
    try:
        wish = msgspec.json.decode(body, type=Wish)
        if not 0 < len(wish.kids) <= _MOST_KEYS or not all(_ID.fullmatch(kid) for kid in wish.kids):
            raise ValueError
        kids = [base64.urlsafe_b64decode(kid + "==") for kid in wish.kids]
    except (msgspec.DecodeError, binascii.Error, ValueError):
        detail = f'send {{"kids":["<base64url>", ...],"type":"temporary"}} with 1 to {_MOST_KEYS} ids of 16 octets'
        raise Problem("malformed", detail) from None
    if wish.type != "temporary":
        raise Problem("malformed", "only temporary licences are given")
    return wish, kids


def answer(source: KeySource, body: bytes) -> bytes:
    """The licence (9.1.4). Raises Problem malformed, or unknown if there is none of the keys."""
    wish, kids = read(body)
    found = []
    for text, kid in zip(wish.kids, kids, strict=True):
        if key := source.find(kid):
            k = base64.urlsafe_b64encode(key.key).rstrip(b"=").decode()
            found.append({"kty": "oct", "kid": text, "k": k})
    if not found:
        raise Problem("unknown", "no such key: read the playlist again, the asset may have been protected anew")
    return msgspec.json.encode({"keys": found, "type": wish.type})


def key_answer(ctx: Context, protection: Protection, kid: str) -> web.Response:
    """The key of an asset as a file. Raises Problem forbidden or unknown."""
    _refuse_if_shut(ctx)
    key = protection.find(bytes.fromhex(kid))
    ctx.metrics.counter("origin_licences", outcome="granted" if key else "unknown").inc()
    if key is None:
        raise Problem(
            "unknown",
            "no such key: read the playlist again, the asset may have been protected anew",
            cache_control=NO_STORE,
        )
    headers = {"Content-Type": CONTENT_TYPE[Leaf.KEY], "Cache-Control": NO_STORE}
    return web.Response(body=key.key, headers=headers)


def _refuse_if_shut(ctx: Context) -> None:
    if not ctx.settings.flag("origin.clearkey"):
        ctx.metrics.counter("origin_licences", outcome="off").inc()
        raise Problem("forbidden", "no content keys are given here: set origin.clearkey = true to test with them")


async def handle(ctx: Context, source: KeySource, request: web.Request) -> web.Response:
    """POST of a wish. Raises Problem."""
    counted = ctx.metrics.counter
    _refuse_if_shut(ctx)
    body = await request.content.read(MOST_OCTETS + 1)
    while len(body) <= MOST_OCTETS and (more := await request.content.read(MOST_OCTETS + 1)):
        body += more
    if len(body) > MOST_OCTETS:
        raise Problem("too-large", f"a licence request has at most {MOST_OCTETS} octets")
    try:
        made = await asyncio.to_thread(answer, source, body)
    except Problem as problem:
        counted("origin_licences", outcome=problem.kind.name).inc()
        raise
    counted("origin_licences", outcome="granted").inc()
    return web.Response(body=made, content_type="application/json", headers={"Cache-Control": NO_STORE})
