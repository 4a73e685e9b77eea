"""Any origin: what may be given stale, and what viewers want of the cache."""

from __future__ import annotations

import pytest

from tests.kit.proxied import Proxied, answer, proxied
from tests.kit.upstream import until

# Stale answers (RFC 9111 4.2.4, RFC 5861)


@pytest.mark.rule("RFC 5861 3", "stale-while-revalidate: the answer at once, and one validation behind it")
async def test_stale_while_revalidate(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, stale-while-revalidate=5", ETag='"1"')
    await edge.ask()
    edge.passes(2)
    edge.origin.gate.clear()
    for _ in range(3):
        found = await edge.ask()
        assert (found.body, found.headers["Age"]) == (b"old", "2")
        assert found.headers["Cache-Status"] == "Headwater; hit; ttl=-1"
    await until(lambda: len(edge.origin.heard) == 2)
    assert edge.origin.heard[1].headers["If-None-Match"] == '"1"'
    edge.origin.says(200, b"new", Cache_Control="max-age=9", ETag='"2"')
    edge.origin.gate.set()
    await until(lambda: not len(edge.edge.fills))
    assert (await edge.ask()).body == b"new"
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 5861 3", "and not a second longer")
async def test_stale_while_revalidate_ends(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, stale-while-revalidate=5")
    await edge.ask()
    edge.passes(6)
    edge.origin.says(200, b"new", Cache_Control="max-age=1")
    assert (await edge.ask()).body == b"new"


@pytest.mark.rule("RFC 5861 4", "stale-if-error: given while upstream fails or is away")
@pytest.mark.parametrize("failure", [500, 502, 503, 504, None])
async def test_stale_if_error(edge: Proxied, failure: int | None) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, stale-if-error=9")
    await edge.ask()
    edge.passes(5)
    if failure is None:
        await edge.origin.stop()
    else:
        edge.origin.says(failure, b"broken")
    found = await edge.ask()
    assert (found.status, found.body) == (200, b"old")
    assert found.headers["Cache-Status"] == "Headwater; fwd=stale; ttl=-4; detail=upstream-away"
    assert edge.deliveries[-1].cache == "stale"
    if failure is not None:
        edge.passes(5)
        assert (await edge.ask()).status == failure


@pytest.mark.rule("RFC 5861 4", "stale-if-error of the request")
async def test_stale_if_error_of_the_request(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1")
    await edge.ask()
    edge.passes(5)
    edge.origin.says(503, b"broken")
    assert (await edge.ask("/a", "Cache-Control: stale-if-error=4")).body == b"old"
    assert (await edge.ask("/a", "Cache-Control: stale-if-error=3")).status == 503


@pytest.mark.rule("RFC 9111 4.2.4", "stale by configuration, but not against what the answer says")
async def test_stale_by_configuration(impatient: None) -> None:
    async with proxied(stale=60) as edge:
        said = {"/a": "max-age=1", "/b": "max-age=1, must-revalidate", "/c": "max-age=1, stale-if-error=0"}
        edge.origin.reply = lambda one: answer(200, b"old", Cache_Control=said[one.target])
        for target in said:
            await edge.ask(target)
        edge.passes(30)
        edge.origin.says(500, b"broken")
        assert [(await edge.ask(target)).status for target in said] == [200, 500, 500]
        await edge.origin.stop()
        assert [(await edge.ask(target)).status for target in said] == [200, 504, 502]
        edge.passes(31)
        assert (await edge.ask("/a")).status == 502


@pytest.mark.rule("RFC 9111 5.2.2.2", "what must be validated is a 504 while upstream is away")
@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate", "s-maxage=1", "no-cache"])
async def test_must_revalidate(edge: Proxied, directive: str, impatient: None) -> None:
    edge.origin.says(200, b"old", Cache_Control=f"max-age=1, stale-if-error=99, {directive}", ETag='"1"')
    await edge.ask()
    edge.passes(2)
    await edge.origin.stop()
    assert (await edge.ask("/a", "Cache-Control: max-stale, stale-if-error=99")).status == 504


async def test_an_origin_that_is_away_is_a_502(edge: Proxied, impatient: None) -> None:
    await edge.origin.stop()
    found = await edge.ask()
    assert (found.status, found.headers["Content-Type"].split(";")[0]) == (502, "application/problem+json")


async def test_an_error_is_the_origins_to_word(edge: Proxied) -> None:
    edge.origin.says(500, b"our own page", X_App="1")
    found = await edge.ask()
    assert (found.status, found.body, found.headers["X-App"]) == (500, b"our own page", "1")
    assert len(edge.origin.heard) == 1


# What viewers want (RFC 9111 5.2.1)


@pytest.mark.rule("RFC 9111 5.2.1", "directives of a request")
@pytest.mark.parametrize(
    ("age", "directive", "asks", "fwd"),
    [
        (3, "max-age=2", True, "request"),
        (3, "max-age=3", False, ""),
        (3, "min-fresh=8", True, "request"),
        (3, "min-fresh=7", False, ""),
        (3, "no-cache", True, "request"),
        (12, "max-stale", False, ""),
        (12, "max-stale=2", False, ""),
        (12, "max-stale=1", True, "stale"),
        (12, "min-fresh=1, max-stale", True, "stale"),
        (3, "only-if-cached", False, ""),
    ],
)
async def test_directives_of_a_request(edge: Proxied, age: int, directive: str, asks: bool, fwd: str) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=10")
    await edge.ask()
    edge.passes(age)
    found = await edge.ask("/a", f"Cache-Control: {directive}")
    assert len(edge.origin.heard) == (2 if asks else 1)
    assert f"fwd={fwd}" in found.headers["Cache-Status"] if asks else "hit" in found.headers["Cache-Status"]


@pytest.mark.rule("RFC 9111 5.2.1.7", "only-if-cached: 504 where nothing that is stored will do")
@pytest.mark.rule("RFC 9111 5.4", "Pragma: no-cache is a request's no-cache where it has no Cache-Control")
async def test_only_if_cached_and_pragma(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=10")
    assert (await edge.ask("/a", "Cache-Control: only-if-cached")).status == 504
    assert not edge.origin.heard
    await edge.ask()
    await edge.ask("/a", "Pragma: no-cache")
    assert len(edge.origin.heard) == 2
    await edge.ask("/a", "Pragma: no-cache", "Cache-Control: max-age=5")
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 9111 5.2.1.5", "no-store of a request: nothing of it is kept; what is stored may answer it")
async def test_no_store_of_a_request(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=10")
    await edge.ask("/a", "Cache-Control: no-store")
    await edge.ask()
    await edge.ask("/a", "Cache-Control: no-store")
    assert len(edge.origin.heard) == 2


async def test_an_operator_may_spare_the_origin_what_viewers_want() -> None:
    async with proxied(request_directives=False) as edge:
        edge.origin.says(200, b"x", Cache_Control="max-age=10")
        await edge.ask()
        await edge.ask("/a", "Cache-Control: no-cache")
        assert len(edge.origin.heard) == 1
