"""Finds out what a URL leads to, by its content, and has it visited."""

from __future__ import annotations

from node.clock import Clock
from node.probe.fetch import Fetch, Spent
from node.probe.result import Result
from node.probe.visit_dash import Visit as DashVisit
from node.probe.visit_hls import Visit as HlsVisit

_MEDIA_S = 300.0  # to read segments in, beside the time of following
_ALL_S = 6 * 3600.0


class Unprobed(Exception):
    """There is nothing to judge; the sentence says why."""


async def probe(url: str, clock: Clock, *, seconds: float, count: int) -> Result:
    """`count`: segments at either end of each rendition, -1: all. Raises Unprobed."""
    result = Result(url)
    bounds = seconds + (_MEDIA_S if count >= 0 else _ALL_S)
    async with Fetch(
        clock, seconds=bounds, requests=5_000 if count >= 0 else 1_000_000, octets=_octets(count)
    ) as fetch:
        try:
            root = await fetch.get(url)
        except Spent as bound:
            raise Unprobed(str(bound)) from bound
        if not root.ok:
            reason = f"status {root.status}" if root.status else root.fields.get("x-reason", "no answer")
            raise Unprobed(f"{url} cannot be fetched: {reason}")
        head = root.body[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
        if head.startswith(b"#EXT"):
            await HlsVisit(fetch=fetch, result=result, seconds=seconds, count=count).run(root)
        elif head.startswith(b"<") and b"<MPD" in head:
            await DashVisit(fetch=fetch, result=result, seconds=seconds, count=count).run(root)
        else:
            raise Unprobed(f"{url} is neither an HLS playlist nor a DASH manifest: it starts with {bytes(head[:24])!r}")
        result.requests, result.octets = fetch.requests, fetch.octets
    return result


def _octets(count: int) -> int:
    return 4 << 30 if count >= 0 else 1 << 50
