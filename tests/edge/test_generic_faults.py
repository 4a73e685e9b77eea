"""Answers of any origin that are odd, too long or not what they seem: nobody gets a 500, or bytes that are wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from edge.blocks import SIZE
from tests.edge.test_by_blocks import BODY, ranging
from tests.kit.proxied import Proxied, answer, proxied
from tests.kit.upstream import until

LONG = random.Random(7).randbytes(5 * SIZE)  # more than is kept


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 x\r\nCache-Control: max-age=9\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def test_a_range_of_what_turns_out_too_long(edge: Proxied) -> None:
    """RFC 9110 14.2: a range may be ignored; what is not there may not be made up."""
    edge.origin.reply = lambda _: chunked(LONG)
    for _ in range(2):
        found = await edge.ask("/a", "Range: bytes=10-19")
        assert (found.status, found.body) in ((206, LONG[10:20]), (200, LONG))


async def test_a_range_beside_the_whole_of_what_turns_out_too_long(edge: Proxied) -> None:
    edge.origin.reply = lambda _: chunked(LONG)
    edge.origin.gate.clear()
    whole = asyncio.get_running_loop().create_task(edge.ask("/a"))
    await until(lambda: edge.origin.heard)
    fields = ("Range: bytes=5000000-5000009", "Range: bytes=-10", "Range: bytes=0-9,5000000-5000009")
    parts = [asyncio.get_running_loop().create_task(edge.ask("/a", one)) for one in fields]
    await until(lambda: edge.counted("edge_followers") >= 3)
    edge.origin.gate.set()
    assert (await whole).body == LONG
    for part, right in zip(parts, (LONG[5000000:5000010], LONG[-10:], b"multipart"), strict=True):
        found = await part
        assert found.body == (right if found.status == 206 else LONG)


@pytest.mark.rule("RFC 9110 5.6.7", "a date that is none is as if absent")
async def test_a_date_that_is_none(edge: Proxied) -> None:
    none = "Sat, 01 Jan 0000 00:00:00 GMT"
    edge.origin.says(200, b"x", Expires=none, Last_Modified=none, ETag='"1"')
    assert (await edge.ask()).status == 200
    edge.origin.says(200, b"x", Cache_Control="max-age=9")
    await edge.ask("/b")
    assert (await edge.ask("/b", f"If-Modified-Since: {none}")).status == 200


async def test_a_targeted_field_that_is_rubbish(edge: Proxied) -> None:
    for number, field in enumerate(("max-age=@99999999999999", "max-age=1.", 'a="\\', "a=(", 'a=%"%ff"', "a=:=:")):
        edge.origin.says(200, b"x", CDN_Cache_Control=field, Cache_Control="max-age=9")
        assert (await edge.ask(f"/{number}")).status == 200


@pytest.mark.rule("RFC 9111 4.3.4", "what is known of a body by HEAD alone keeps its length when it is validated")
async def test_head_alone_is_validated(edge: Proxied) -> None:
    edge.origin.reply = lambda _: answer(200, b"", length=77, Cache_Control="max-age=1", ETag='"1"')
    assert (await edge.ask(method="HEAD")).headers["Content-Length"] == "77"
    edge.passes(1)
    edge.origin.says(304, ETag='"1"', Cache_Control="max-age=1")
    assert (await edge.ask(method="HEAD")).headers["Content-Length"] == "77"
    assert (await edge.ask(method="HEAD")).headers["Content-Length"] == "77"


async def test_an_object_that_changed_is_cut_short_once(edge: Proxied) -> None:
    """What upstream has is another one and too long to be kept: the next viewer gets it."""
    ranging(edge.origin)
    await edge.ask("/f", "Range: bytes=0-9")
    new = BODY[::-1]
    ranging(edge.origin, new, '"2"')
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await edge.ask("/f", f"Range: bytes=0-{2 * SIZE}")
    again = await edge.ask("/f", f"Range: bytes=0-{2 * SIZE}")
    assert again.body == new[: 2 * SIZE + 1]


async def test_a_block_that_does_not_come_is_a_502(edge: Proxied, impatient: None) -> None:
    ranging(edge.origin)
    await edge.ask("/f", "Range: bytes=0-9")
    edge.origin.reply = lambda _: None
    assert (await edge.ask("/f", f"Range: bytes={2 * SIZE}-{2 * SIZE}")).status == 502


async def test_a_switch_of_protocols_that_nobody_asked_for(edge: Proxied) -> None:
    edge.origin.reply = lambda _: answer(101, Upgrade="x", Connection="upgrade")
    assert (await edge.ask()).status == 502


async def test_an_older_confirmation_does_not_undo_a_newer_object(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, public", ETag='"1"')
    await edge.ask()
    edge.passes(1)
    edge.origin.gate.clear()
    replies = {
        "a": answer(304, ETag='"1"', Cache_Control="max-age=9, public"),
        "none": answer(200, b"new", ETag='"2"', Cache_Control="max-age=9"),
    }
    edge.origin.reply = lambda one: replies[one.headers.get("Authorization", "none")]
    late = asyncio.get_running_loop().create_task(edge.ask("/a", "Authorization: a"))
    await until(lambda: len(edge.origin.heard) == 2)
    gate, edge.origin.gate = edge.origin.gate, asyncio.Event()
    edge.origin.gate.set()
    assert (await edge.ask()).body == b"new"
    gate.set()
    await late
    assert (await edge.ask()).body == b"new"


async def test_slow_readers_of_what_is_not_kept_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.upstream.CONNECTIONS", 4)
    monkeypatch.setattr("edge.generic.MOST_CLAIMED", 2)
    async with proxied() as edge:
        edge.origin.dripping = True
        edge.origin.reply = lambda one: (
            answer(200, b"x", length=9, Cache_Control="no-store")
            if one.target.startswith("/slow")
            else answer(200, b"b", Cache_Control="max-age=9")
        )
        for number in range(6):
            wire = await edge.wire()
            wire.get(f"/slow?{number}")
            assert (await wire.header()).status == 200
        assert (await edge.ask("/b")).body == b"b"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 204 x\r\nContent-Length: 6\r\n\r\nsecret",
        b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nabcsecret",
        b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nsecret\r\n",
        b"HTTP/1.1 200 x\r\nSet-Cookie: secret\x00\r\n\r\n",
    ],
)
async def test_what_cannot_be_read_reaches_no_log(
    edge: Proxied, said: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.origin.reply = lambda _: said
    for method in ("GET", "POST"):
        wire = await edge.wire()
        wire.send(f"{method} /a?q=secret HTTP/1.1\r\nHost: www.example\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await wire.answer()
    logged = capsys.readouterr().out
    assert "edge.delivery" in logged and "secret" not in logged
