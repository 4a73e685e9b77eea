"""Parts of objects: kept by block, put together, never out of two generations."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator

import pytest

from edge.blocks import SIZE
from tests.kit.proxied import Heard, Proxied, RawOrigin, answer, proxied

BODY = random.Random(5).randbytes(6 * SIZE + SIZE // 2)  # more than is kept as a whole (4 MiB)
MiB = SIZE


def ranging(origin: RawOrigin, body: bytes = BODY, etag: str = '"1"', **fields: str) -> None:
    """An origin that knows ranges and If-Range."""
    said = {"Cache-Control": "max-age=60", "ETag": etag, "Content-Type": "video/mp4"} | fields

    def reply(one: Heard) -> bytes:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", one.headers.get("Range", ""))
        if found is None or one.headers.get("If-Range", etag) != etag:
            return answer(200, body, **said)
        start, last = int(found[1]), min(int(found[2] or len(body)), len(body) - 1)
        if start >= len(body):
            return answer(416, **{"Content-Range": f"bytes */{len(body)}"})
        told = f"bytes {start}-{last}/{len(body)}"
        return answer(206, body[start : last + 1], **{**said, "Content-Range": told})

    origin.reply = reply


def asked(edge: Proxied) -> list[str]:
    return [one.headers.get("Range", "all") for one in edge.origin.heard]


@pytest.fixture
async def edge() -> AsyncIterator[Proxied]:
    async with proxied() as made:
        ranging(made.origin)
        yield made


@pytest.mark.rule("RFC 9111 3.3", "a range is kept, and answers ranges that lie wholly in what is kept")
async def test_a_range_is_kept_by_block(edge: Proxied) -> None:
    first = await edge.ask("/f", f"Range: bytes={MiB + 10}-{MiB + 19}")
    assert (first.status, first.body) == (206, BODY[MiB + 10 : MiB + 20])
    assert first.headers["Content-Range"] == f"bytes {MiB + 10}-{MiB + 19}/{len(BODY)}"
    assert first.headers["Cache-Status"] == "Headwater; fwd=uri-miss; stored"
    assert asked(edge) == [f"bytes={MiB}-{2 * MiB - 1}"]
    edge.passes(2)
    again = await edge.ask("/f", f"Range: bytes={MiB}-{MiB + 99}")
    assert (again.body, again.headers["Age"]) == (BODY[MiB : MiB + 100], "2")
    assert (again.headers["Cache-Status"], again.headers["Content-Type"]) == ("Headwater; hit; ttl=58", "video/mp4")
    assert len(edge.origin.heard) == 1
    assert [one.cache for one in edge.deliveries] == ["miss", "hit"]


@pytest.mark.rule("RFC 9111 3.4", "what is kept in part is completed by what lacks, and by nothing else")
async def test_parts_are_combined(edge: Proxied) -> None:
    await edge.ask("/f", f"Range: bytes={2 * MiB}-{2 * MiB}")
    across = await edge.ask("/f", f"Range: bytes={MiB + 5}-{4 * MiB - 6}")
    assert across.body == BODY[MiB + 5 : 4 * MiB - 5]
    assert across.headers["Cache-Status"] == "Headwater; fwd=partial; stored"
    assert sorted(asked(edge)) == [f"bytes={at * MiB}-{(at + 1) * MiB - 1}" for at in (1, 2, 3)]
    assert edge.origin.heard[1].headers["If-Range"] == '"1"'


@pytest.mark.rule("RFC 9110 15.3.7.3", "a union that is whole is a 200")
async def test_all_of_what_is_kept_in_part(edge: Proxied) -> None:
    await edge.ask("/f", "Range: bytes=0-0")
    whole = await edge.ask("/f")
    assert (whole.status, whole.body, whole.headers["Content-Length"]) == (200, BODY, str(len(BODY)))
    assert "Content-Range" not in whole.headers
    assert (await edge.ask("/f")).headers["Cache-Status"] == "Headwater; hit; ttl=60"
    assert len(edge.origin.heard) == 7  # blocks, each once


async def test_a_small_object_is_whole_at_once(edge: Proxied) -> None:
    ranging(edge.origin, b"small object")
    assert (await edge.ask("/s", "Range: bytes=-6")).body == b"object"
    assert (await edge.ask("/s")).body == b"small object"
    assert asked(edge) == [f"bytes=0-{MiB - 1}"]


@pytest.mark.rule("RFC 9110 14.1.2", "the last bytes, and ranges beyond the end")
async def test_ends(edge: Proxied) -> None:
    last = await edge.ask("/f", "Range: bytes=-5")
    assert (last.status, last.body) == (206, BODY[-5:])
    assert asked(edge) == [f"bytes=0-{MiB - 1}", f"bytes={6 * MiB}-{7 * MiB - 1}"]
    assert (await edge.ask("/f", f"Range: bytes={len(BODY) - 1}-")).body == BODY[-1:]
    beyond = await edge.ask("/f", f"Range: bytes={len(BODY)}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(BODY)}")
    assert len(edge.origin.heard) == 2
    unknown = await edge.ask("/other", f"Range: bytes={9 * MiB}-")
    assert (unknown.status, unknown.headers["Content-Range"]) == (416, f"bytes */{len(BODY)}")


async def test_one_fetch_of_a_block_for_all(edge: Proxied) -> None:
    edge.origin.gate.clear()
    ranges = [f"Range: bytes={at}-{at + 9}" for at in range(20)]
    viewers = [asyncio.get_running_loop().create_task(edge.ask("/f", one)) for one in ranges]
    while edge.counted("edge_followers") < 19:
        await asyncio.sleep(0.002)
    edge.origin.gate.set()
    assert [(await viewer).body for viewer in viewers] == [BODY[at : at + 10] for at in range(20)]
    assert len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9110 15.3.7.3", "parts of two generations are never put together")
async def test_an_object_that_changes_under_a_range(edge: Proxied) -> None:
    await edge.ask("/f", "Range: bytes=0-9")
    new = BODY[::-1]
    ranging(edge.origin, new, '"2"')
    wire = await edge.wire()
    wire.get("/f", f"Range: bytes={MiB - 5}-{MiB + 4}")
    # the fixture asked as another host
    assert (await wire.answer()).body == new[MiB - 5 : MiB + 5]
    wire = await edge.wire()
    wire.send(f"GET /f HTTP/1.1\r\nHost: www.example\r\nRange: bytes={MiB - 5}-{MiB + 4}\r\n\r\n".encode())
    await wire.header()
    assert await wire.read(5) == BODY[MiB - 5 : MiB]  # what was promised is cut, not ended with something else
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.read(5)
    edge.passes(60)  # the old one is stale: its validator says that there is another
    assert (await edge.ask("/f", f"Range: bytes={MiB - 5}-{MiB + 4}")).body == new[MiB - 5 : MiB + 5]


async def test_a_stale_part_whose_object_did_not_change_goes_on(edge: Proxied) -> None:
    await edge.ask("/f", "Range: bytes=0-9")
    await edge.ask("/f", f"Range: bytes={MiB}-{MiB + 9}")
    edge.passes(60)
    await edge.ask("/f", "Range: bytes=0-9")
    edge.origin.heard.clear()
    assert (await edge.ask("/f", f"Range: bytes={MiB}-{MiB + 9}")).body == BODY[MiB : MiB + 10]
    assert not edge.origin.heard


@pytest.mark.rule("RFC 9111 3.4", "without a strong validator nothing is put together: ranges go upstream as they came")
@pytest.mark.parametrize("etag", ['W/"1"', ""])
async def test_weak_validators(edge: Proxied, etag: str) -> None:
    ranging(edge.origin, etag=etag)
    for _ in range(2):
        found = await edge.ask("/f", f"Range: bytes={MiB}-{MiB + 9}")
        assert (found.status, found.body) == (206, BODY[MiB : MiB + 10])
    assert asked(edge)[1:] == [f"bytes={MiB}-{MiB + 9}"] * 2
    assert len(edge.edge.store) == 0


@pytest.mark.rule("RFC 9110 13.1.5", "If-Range and If-None-Match of a range of what is kept in part")
async def test_conditions(edge: Proxied) -> None:
    assert (await edge.ask("/f", "Range: bytes=0-4", 'If-Range: "1"')).status == 206
    assert (await edge.ask("/f", "Range: bytes=0-4", 'If-None-Match: "1"')).status == 304
    other = await edge.ask("/f", "Range: bytes=0-4", 'If-Range: "0"')
    assert (other.status, len(other.body)) == (200, len(BODY))


async def test_a_range_that_is_not_as_long_as_it_says(edge: Proxied) -> None:
    edge.origin.reply = lambda _: answer(206, b"ab", ETag='"1"', Cache_Control="max-age=9", Content_Range="bytes 0-4/5")
    wire = await edge.wire()
    wire.get("/f", "Range: bytes=0-4")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.answer()
    assert len(edge.edge.store) == 0


@pytest.mark.rule("RFC 9111 4.4", "a change of the object takes its parts along")
async def test_invalidation(edge: Proxied) -> None:
    await edge.ask("/f", "Range: bytes=0-4")
    plain = edge.origin.reply
    edge.origin.says(204)
    await edge.ask("/f", method="DELETE")
    edge.origin.reply = plain
    edge.origin.heard.clear()
    await edge.ask("/f", "Range: bytes=0-4")
    assert len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9111 7.3", "of those who share a fetch one gets the cookie")
async def test_who_shares_a_range_shares_no_cookie(edge: Proxied) -> None:
    edge.origin.says(200, b"0123456789", Cache_Control="public, max-age=9", Set_Cookie="a=b", ETag='"1"')
    edge.origin.gate.clear()
    viewers = [asyncio.get_running_loop().create_task(edge.ask("/f", "Range: bytes=1-2")) for _ in range(3)]
    while edge.counted("edge_followers") < 2:
        await asyncio.sleep(0.002)
    edge.origin.gate.set()
    answers = [await viewer for viewer in viewers]
    assert [(one.status, one.body) for one in answers] == [(206, b"12")] * 3
    assert sum("Set-Cookie" in one.headers for one in answers) == 1


@pytest.mark.parametrize("status", [416, 503])
async def test_who_is_refused_a_range_takes_nothing_from_others(edge: Proxied, status: int) -> None:
    known = edge.origin.reply
    edge.origin.reply = lambda _: answer(status)
    assert (await edge.ask("/f", f"Range: bytes={99 * MiB}-")).status == status
    edge.origin.reply = known
    await edge.ask("/f", "Range: bytes=0-9")
    assert (await edge.ask("/f", "Range: bytes=5-9")).headers["Cache-Status"].startswith("Headwater; hit")
