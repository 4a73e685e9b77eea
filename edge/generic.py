"""Requests to any HTTP origin: a shared cache as RFC 9111 has it, in front of whatever answers at `edge.upstream`.

What is a name of a Headwater origin never comes here. Everything that is decided is decided in `target`, `reuse`,
`freshness`, `vary` and `validation`; here upstream is asked and answers are chosen.
"""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass, replace

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from base.conditions import preconditions_hold
from base.problems import Problem
from edge import blocks
from edge import target as targets
from edge.answer import Sent, from_fill, from_store, passed
from edge.by_blocks import ByBlocks
from edge.counts import Counts
from edge.directives import of_request
from edge.fill import Fill, State
from edge.fills import Fills, Order
from edge.freshness import Use
from edge.hops import CONDITIONS, PSEUDONYM, Hop, joined, looped, onward
from edge.reuse import Reuse, Way, chosen, reuse, stands_in
from edge.store import MemoryTier, Stored
from edge.target import Target
from edge.upstream import PATIENCE_S, PATIENCE_WITH_STALE_S, Upstream
from edge.vary import selection
from node import web as rim
from node.process import Context

# What is not asked upstream with a request that others share.
_OF_ONE = CONDITIONS | {"range"}
_OF_CHANGE = frozenset({"if-match", "if-unmodified-since"})
CLOSING = web.RequestKey("headwater_closing", bool)
# Answers to shared fetches that turned out to be one viewer's and are read at his pace; more are asked for anew. Less
# than edge.upstream.CONNECTIONS.
MOST_CLAIMED = 128
_ROUNDS = 3  # in which a follower may find that what it followed was not for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it goes on: `fields` upstream, `ask` the same with joined lines, `wants` its directives."""

    want: Target
    method: str
    fields: CIMultiDict[str]
    ask: CIMultiDict[str]
    wants: dict[str, str | None]
    request_id: str

    @property
    def body(self) -> bool:
        return self.method == "GET"

    def name(self, vary: tuple[str, ...]) -> str:
        """Of the fetch that this request may share, as far as it is known what the answer varies by.

        Who shows a credential shares it with the same credential only, until it is known that all may have the answer:
        else one could make others' requests go upstream one by one.
        """
        words = [self.key, selection(vary, self.ask)]
        if "Authorization" in self.ask:
            words.append(hashlib.sha256(self.ask["Authorization"].encode("utf-8", "surrogateescape")).hexdigest())
        return "\n".join(filter(None, words))

    @property
    def key(self) -> str:
        """Of an answer to this method: no target begins with a method and a space."""
        return self.want.key if self.body else f"HEAD {self.want.key}"


class Generic:
    """One worker's cache of any origin."""

    def __init__(self, ctx: Context, upstream: Upstream, store: MemoryTier, fills: Fills, counts: Counts) -> None:
        self._clock = ctx.clock
        self._upstream = upstream
        # For one viewer's answers, at his pace: with connections of their own they never keep a fetch waiting.
        self._alone = Upstream(upstream.address, counts.retry)
        self._claimed = 0
        self._store = store
        self._fills = fills
        self._counts = counts
        self._by_blocks = ByBlocks(store, fills, ctx.clock)
        self._fixed_host = ctx.settings.text("edge.host")
        self._obeys = ctx.settings.flag("edge.request_directives")
        self._trusts = ctx.settings.flag("edge.trust_forwarded")
        called = ctx.settings.text("node.name") or socket.gethostname()
        self._node = f"headwater-{hashlib.sha256(f'{called} {ctx.home.root}'.encode()).hexdigest()[:12]}"

    async def answer(self, request: web.Request, sent: Sent) -> web.StreamResponse:
        """Raises Problem malformed, method, loop, upstream, late; CutShort where upstream breaks off."""
        try:
            targets.admit(request.method, request.version, request.headers, body=request.body_exists)
            want = targets.target(
                request.raw_path,
                request.headers,
                upstream_host=self._upstream.authority,
                fixed_host=self._fixed_host,
            )
        except Problem:
            request[CLOSING] = True  # where the next request would begin is not certain
            raise
        if looped(joined(request.headers), self._node):
            raise Problem("loop", "this request has been here: the upstream of this edge leads back to it")
        sent.path = want.target.partition("?")[0]
        asked = self._asked(request, want)
        if request.method in targets.BODILESS:
            return await self._from_cache(request, asked, sent)
        return await self._through(request, asked, sent)

    def _asked(self, request: web.Request, want: Target) -> Asked:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        safe = request.method in targets.SAFE
        hop = Hop(
            version=f"{request.version.major}.{request.version.minor}",
            scheme=request.scheme,
            host="" if safe and self._fixed_host else want.viewer,  # it is not in the key: it must choose nothing
            peer=str(peer[0]) if isinstance(peer, tuple) else "",
            node=self._node,
            trusted=self._trusts,
        )
        fields = onward(request.headers, hop, safe=safe)
        fields["Host"] = want.host
        ask = joined(fields)
        wants = of_request(ask)
        if not self._obeys:
            wants = {name: value for name, value in wants.items() if name == "no-store"}
        return Asked(
            want=want,
            method=request.method,
            fields=fields,
            ask=ask,
            wants=wants,
            request_id=request[rim.REQUEST_ID],
        )

    async def _from_cache(self, request: web.Request, asked: Asked, sent: Sent) -> web.StreamResponse:
        now = self._clock.monotonic()
        variants = self._store.variants(asked.want.key)
        stored = chosen(variants, asked.ask)
        if stored is None and not asked.body:
            stored = chosen(self._store.variants(asked.key), asked.ask)
        found = reuse(stored, asked.wants, now, others=bool(variants))
        if found.way is not Way.REFUSE and not self._holds(asked, stored):
            return await self._pass(request, asked, None, "request", sent)  # RFC 9110 13.1.1: the origin's to refuse
        match found.way:
            case Way.USE | Way.USE_AND_ASK:
                assert stored is not None
                if found.way is Way.USE_AND_ASK:
                    self._ask_behind(asked, stored)
                ttl = stored.ttl_s(now)
                sent.cache = "hit" if ttl >= 0 else "stale"
                return await self._stored(request, asked, stored, f"hit; ttl={ttl}", sent)
            case Way.REFUSE:
                raise Problem("late", "nothing that is stored here answers this, and only-if-cached forbids to ask")
        if "no-store" in asked.wants:
            return await self._pass(request, asked, None, found.fwd, sent)
        if stored is None and asked.body and (parted := await self._parted(request, asked, found, sent)) is not None:
            return parted
        return await self._follow(request, asked, stored, variants, found, sent)

    async def _parted(self, request: web.Request, asked: Asked, found: Reuse, sent: Sent) -> web.StreamResponse | None:
        """One range of what is not stored as a whole, or all of what is stored in part: block by block.

        None: it is not for that. Raises as `_follow`.
        """
        key = blocks.partial_key(asked.key)
        partial = chosen(self._store.variants(key), asked.ask)
        if partial is not None and reuse(partial, asked.wants, self._clock.monotonic()).way is not Way.USE:
            partial = None
        index = blocks.first_of(asked.ask["Range"]) if "Range" in asked.ask else None
        if not self._by_blocks.able or (index is None and (partial is None or "Range" in asked.ask)):
            return None
        variants = self._store.variants(asked.key) or self._store.variants(key)
        whole = asked.name(variants[0].vary if variants else ())
        if self._fills.find(whole) is not None:
            return None  # all of it is coming

        def start(block: int, of: Stored | None) -> Fill:
            tag = of.etag if of is not None else ""
            name = f"{key}\n{block} {tag} {whole}"
            under_way = self._fills.find(name)
            if under_way is not None:
                self._counts.followers += 1
                return under_way
            mine.add(name)
            return self._fills.start(replace(self._order(asked, None), block=block, if_range=tag), name)

        mine: set[str] = set()

        if partial is not None:
            return await self._by_blocks.answer(request, partial, "", start, sent)
        assert index is not None
        if self._fills.is_unshared(f"{key}\n{whole}"):
            return await self._pass(request, asked, None, found.fwd, sent)
        fill = start(index, None)
        await fill.decided()
        if fill.state is State.FAILED and fill.head is None:
            return await self._failed(request, asked, None, fill, sent)
        if fill.state is State.PASSED or selection(fill.vary, asked.ask) != fill.variant:
            if fill.state is not State.PASSED or self._fills.is_unshared(fill.name):
                self._fills.remember_unshared(f"{key}\n{whole}")
            if (unused := fill.claim()) is not None:
                unused.close()
            return await self._pass(request, asked, None, found.fwd, sent)
        if fill.partial is None:  # all of it came: upstream knows no ranges
            sent.cache = "miss"
            first = fill.name in mine
            told = _told(found.fwd, fill, first=first)
            return await from_fill(request, fill, told, sent, body=True, now_ms=self._clock.now_ms(), first=first)
        # The block that told what the object is may still be coming: it is not asked for again.

        def going_on(block: int, of: Stored | None) -> Fill:
            return fill if block == index else start(block, of)

        return await self._by_blocks.answer(request, fill.partial, found.fwd, going_on, sent)

    def _holds(self, asked: Asked, stored: Stored | None) -> bool:
        if not _OF_CHANGE & {name.lower() for name in asked.ask}:
            return True
        return stored is not None and preconditions_hold(
            asked.ask, etag=stored.etag, last_modified=stored.last_modified, now_ms=self._clock.now_ms()
        )

    def _ask_behind(self, asked: Asked, stored: Stored) -> None:
        """RFC 5861 3: validate while the stale answer is given; nobody waits for it."""
        name = asked.name(stored.vary)
        if self._fills.find(name) is None:
            self._fills.start(self._order(asked, stored), name)

    def _order(self, asked: Asked, stored: Stored | None) -> Order:
        fields = CIMultiDict((name, value) for name, value in asked.fields.items() if name.lower() not in _OF_ONE)
        stale = stored is not None and stands_in(stored, asked.wants, self._clock.monotonic() + PATIENCE_WITH_STALE_S)
        return Order(
            key=asked.key,
            target=asked.want.target,
            method=asked.method,
            use=Use.ANY,
            fields=fields,
            ask=asked.ask,
            stored=stored if stored is not None and stored.key == asked.key else None,
            request_id=asked.request_id,
            patience_s=PATIENCE_WITH_STALE_S if stale else PATIENCE_S,
        )

    async def _follow(
        self,
        request: web.Request,
        asked: Asked,
        stored: Stored | None,
        variants: list[Stored],
        found: Reuse,
        sent: Sent,
    ) -> web.StreamResponse:
        """Join the fetch that is under way, or begin one; again if it turns out to be of another variant."""
        vary = variants[0].vary if variants else ()
        for _ in range(_ROUNDS):
            name = asked.name(vary)
            if self._fills.is_unshared(name):
                break
            fill = self._fills.find(name)
            first = fill is None
            if fill is None:
                fill = self._fills.start(self._order(asked, stored), name)
            else:
                self._counts.followers += 1
            await fill.decided()
            if fill.state is State.PASSED:
                claimed = fill.claim() if first else None  # it may be meant for the one who asked
                if claimed is not None and "Range" in asked.ask:  # it was asked for as a whole
                    claimed.close()
                    claimed = None
                return await self._pass(request, asked, claimed, found.fwd, sent)
            if fill.state is State.FAILED and fill.head is None:
                return await self._failed(request, asked, stored, fill, sent)
            if fill.for_one and not first:
                return await self._pass(request, asked, None, found.fwd, sent)
            if selection(fill.vary, asked.ask) == fill.variant:
                sent.cache = "miss"
                told = _told(found.fwd, fill, first=first)
                now_ms = self._clock.now_ms()
                return await from_fill(request, fill, told, sent, body=asked.body, now_ms=now_ms, first=first)
            vary = fill.vary
        return await self._pass(request, asked, None, found.fwd, sent)

    async def _failed(
        self, request: web.Request, asked: Asked, stored: Stored | None, fill: Fill, sent: Sent
    ) -> web.StreamResponse:
        """RFC 5861 4, else RFC 9111 4.2.4, 5.2.2.2: what may not be given stale is a 504."""
        now = self._clock.monotonic()
        if stored is not None and stands_in(stored, asked.wants, now):
            sent.cache = "stale"
            return await self._stored(
                request, asked, stored, f"fwd=stale; ttl={stored.ttl_s(now)}; detail=upstream-away", sent
            )
        sent.cache = "miss"
        assert fill.problem is not None
        if stored is not None and (stored.strict or stored.ask_first):
            raise Problem("late", f"what is stored here may not be given unasked, and: {fill.problem.detail}")
        raise Problem(fill.problem.kind.name, fill.problem.detail)

    async def _stored(
        self, request: web.Request, asked: Asked, stored: Stored, told: str, sent: Sent
    ) -> web.StreamResponse:
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        told = f"{PSEUDONYM}; {told}"
        return await from_store(request, stored, told, sent, body=asked.body, now=now, now_ms=now_ms)

    async def _pass(
        self, request: web.Request, asked: Asked, claimed: aiohttp.ClientResponse | None, fwd: str, sent: Sent
    ) -> web.StreamResponse:
        """For this request alone, with its conditions and ranges."""
        sent.cache = "pass"
        if claimed is not None and self._claimed >= MOST_CLAIMED:
            claimed.close()
            claimed = None
        counts = claimed is not None
        answer = claimed or await self._alone.open(
            asked.want.target, request_id=asked.request_id, method=asked.method, fields=asked.fields, ours=False
        )
        told = f"{PSEUDONYM}; fwd={fwd}"
        now_ms = self._clock.now_ms()
        self._claimed += counts
        try:
            return await passed(request, answer, told, sent, body=asked.body, now_ms=now_ms, ours=False)
        finally:
            self._claimed -= counts

    async def close(self) -> None:
        await self._alone.close()

    async def _through(self, request: web.Request, asked: Asked, sent: Sent) -> web.StreamResponse:
        """A method that is not answered from the cache: both bodies are streamed (RFC 9111 4)."""
        hops = asked.ask.get("Max-Forwards", "")
        if request.method == "OPTIONS" and hops.isdecimal():  # RFC 9110 7.6.2
            if not int(hops[:9]):
                return web.Response(status=204, headers={"Allow": "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"})
            asked.fields["Max-Forwards"] = str(int(hops[:9]) - 1)
        sent.cache = "pass"
        body = None
        if request.body_exists:
            body = request.content.iter_any()
            if (length := request.headers.get("Content-Length")) is not None:
                asked.fields["Content-Length"] = length
        answer = await self._upstream.send(asked.want.target, method=asked.method, fields=asked.fields, body=body)
        if asked.method not in targets.SAFE and 200 <= answer.status < 400:
            self._invalidate(asked.want, answer)
        told = f"{PSEUDONYM}; fwd=method"
        return await passed(request, answer, told, sent, body=True, now_ms=self._clock.now_ms(), ours=False)

    def _invalidate(self, want: Target, answer: aiohttp.ClientResponse) -> None:
        """RFC 9111 4.4: the target, and what Location and Content-Location name on the same origin."""
        keys = {want.key}
        for name in ("Location", "Content-Location"):
            if name in answer.headers:
                named = targets.named_by(answer.headers[name], want, fixed_host=self._fixed_host)
                keys |= {named} if named is not None else set()
        for key in keys:
            for one in (key, f"HEAD {key}", blocks.partial_key(key)):
                self._store.drop_all(one)
                self._fills.disown(one)


def _told(fwd: str, fill: Fill, *, first: bool) -> str:
    """Cache-Status of an answer that came by a fill (RFC 9211 2.2 to 2.6)."""
    words = [PSEUDONYM, f"fwd={fwd}"]
    if fill.confirmed:
        words.append("fwd-status=304")
    if not (fill.outgrown or fill.disowned or fill.for_one):
        words.append("stored")
    if not first:
        words.append("collapsed")
    return "; ".join(words)
