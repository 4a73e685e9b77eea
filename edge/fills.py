"""The fetches under way, by name, and the I/O around a Fill: ask, judge, take in, store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate

import aiohttp
import structlog
from multidict import CIMultiDict

from base.problems import Problem
from edge import blocks, freshness, validation
from edge.directives import of_request
from edge.fill import CutShort, Event, Fill, State
from edge.freshness import Lifetime, Use
from edge.hops import Head, head_of, joined
from edge.reuse import chosen, stands_in
from edge.store import MemoryTier, Stored
from edge.upstream import PATIENCE_S, Upstream, fault_of
from edge.vary import nominated, selection
from node.clock import Clock
from node.tasks import TaskSet

log = structlog.get_logger("fill")

# How long it is remembered that answers for a name may not be shared.
PASS_MEMORY_S = 5.0
_PASS_MEMORY_SIZE = 4096
_OF_THE_REQUEST = frozenset({"authorization", "request-no-store"})
# RFC 9110 15.5: the other refusals may be what this request brought about.
_OF_THE_OBJECT = frozenset({404, 410})
# RFC 5861 4: what counts as a failure of upstream.
FAILURES = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a fill is to fetch.

    `key` in the store, `target` upstream (the same if empty); `fields` go upstream, and `ask` are they with lines
    joined, as they decide what may be kept and whose it is. `stored` is validated if it has a validator. `block`: only
    this one is wanted (edge/blocks.py), if the object is still the one that `if_range` names, where that is given.
    """

    key: str
    use: Use
    request_id: str
    target: str = ""
    method: str = "GET"
    fields: Mapping[str, str] = field(default_factory=CIMultiDict)
    ask: Mapping[str, str] = field(default_factory=CIMultiDict)
    stored: Stored | None = None
    held: bool = False
    block: int = -1
    if_range: str = ""
    patience_s: float = PATIENCE_S

    @property
    def shown(self) -> str:
        """What logs call it: a query may hold what is secret, and so may what chooses a variant."""
        return self.key.partition("?")[0]

    @property
    def ours(self) -> bool:
        return self.use is not Use.ANY


@dataclass(slots=True)
class Fills:
    """`count` is told how each fill ended: stored, validated, passed, failed. `negative_s` and `stale_s` as
    freshness.lifetime has them."""

    upstream: Upstream
    store: MemoryTier
    clock: Clock
    tasks: TaskSet
    count: Callable[[str], None]
    negative_s: float = 0.0
    stale_s: float = 0.0
    _under_way: dict[str, Fill] = field(default_factory=dict)
    _coming: int = 0  # bytes of bodies that are to be kept once they are whole
    _unshared: dict[str, float] = field(default_factory=dict)  # name -> until when, monotonic

    def __len__(self) -> int:
        return len(self._under_way)

    def find(self, name: str) -> Fill | None:
        return self._under_way.get(name)

    def start(self, order: Order, name: str = "") -> Fill:
        """Begin to fetch; nobody else may be fetching that name. `name`: the key and what is known of variants."""
        name = name or order.key
        assert name not in self._under_way
        fill = self._under_way[name] = Fill(name, ours=order.ours)
        self.tasks.start(self._run(fill, order), f"fill {order.shown}")
        return fill

    def disown(self, key: str) -> None:
        """What is under way for a key may be older than a change that was made meanwhile: it is not kept."""
        for name, fill in list(self._under_way.items()):
            if name == key or name.startswith(f"{key}\n"):
                fill.disowned = True
                del self._under_way[name]

    def is_unshared(self, name: str) -> bool:
        """Was an answer for this name lately found not to be shared (hit-for-miss)?"""
        until = self._unshared.get(name)
        if until is None:
            return False
        if self.clock.monotonic() < until:
            return True
        del self._unshared[name]
        return False

    def remember_unshared(self, name: str) -> None:
        """For PASS_MEMORY_S nobody waits for others' answers to this name."""
        if len(self._unshared) >= _PASS_MEMORY_SIZE:
            self._unshared.clear()
        self._unshared[name] = self.clock.monotonic() + PASS_MEMORY_S

    async def _run(self, fill: Fill, order: Order) -> None:
        answer: aiohttp.ClientResponse | None = None
        try:
            answer, delay = await self._ask(order)
            if answer.status == 304 and order.stored is not None:
                if validation.confirms(order.stored, joined(answer.headers)):
                    self._confirm(fill, order, order.stored, answer, delay)
                    return
                answer.close()  # 4.3.4: it speaks of something that we have not
                order = replace(order, stored=None)
                answer, delay = await self._ask(order)
            now = self.clock.monotonic()
            if answer.status in FAILURES and order.stored and stands_in(order.stored, of_request(order.ask), now):
                raise Problem("upstream", f"upstream answers {answer.status}")
            said = joined(answer.headers)
            span = None
            if order.block >= 0:
                span = blocks.span(answer.status, said.get("Content-Range", ""), order.block)
                if span is not None and blocks.is_strong(said.get("ETag", "")):
                    del said["Content-Range"]
            life = self._judge(order, 200 if span is not None else answer.status, said, delay)
            head = self._head(order, answer)
            fill.vary = () if order.ours else nominated(joined(answer.headers).get("Vary")) or ()
            fill.variant = selection(fill.vary, order.ask)
            if not life.store or (order.method == "GET" and (head.length or 0) > self.store.largest):
                self._pass(fill, order, answer, life.why)
                answer = None
                return
            if order.method == "HEAD" and answer.status == 200:
                self._compare(order, answer, head, life)
            fill.head, fill.lifetime = head.without(life.leave_out), life
            if order.block >= 0 and span is None:  # all of it comes: who wants all of it joins
                fill.alias = f"{order.key}\n{fill.variant}" if fill.variant else order.key
                self._under_way.setdefault(fill.alias, fill)
            if span is not None:
                fill.partial = self._partial(fill, order, span)
            fill.step(Event.SHARED_HEADER)
            await self._take_in(fill, order, answer, fill.head, life)
        except (Problem, CutShort, aiohttp.ClientError, TimeoutError, OSError) as fault:
            problem = fault if isinstance(fault, Problem) else Problem("upstream", "upstream broke off its answer")
            shown = problem.detail if isinstance(fault, Problem) else fault_of(fault)
            log.warning("fill.failed", target=order.shown, fault=shown, got=fill.size, state=fill.state)
            self.count("failed")
            self._fail(fill, problem)
        except Exception:
            self._fail(fill, Problem("fault", "look for this address in the log"))
            raise
        except BaseException:
            self._fail(fill, Problem("busy", "this edge is stopping"))
            raise
        finally:
            if answer is not None:
                answer.close()

    async def _ask(self, order: Order) -> tuple[aiohttp.ClientResponse, float]:
        """The answer, and how long its header took, in seconds: none of transit for what upstream held."""
        asked = self.clock.monotonic()
        fields = CIMultiDict(order.fields)
        if order.stored is not None and not order.ours:
            fields.update(validation.conditions(order.stored))
        if order.block >= 0:
            fields["Range"] = blocks.asked(order.block)
            if order.if_range:
                fields["If-Range"] = order.if_range
        answer = await self.upstream.open(
            order.target or order.key,
            request_id=order.request_id,
            patience_s=order.patience_s,
            method=order.method,
            fields=fields,
            ours=order.ours,
        )
        return answer, 0.0 if order.held else self.clock.monotonic() - asked

    def _judge(self, order: Order, status: int, fields: Mapping[str, str], delay: float) -> Lifetime:
        return freshness.lifetime(
            order.ask,
            status,
            fields,
            use=order.use,
            delay_s=delay,
            received_ms=self.clock.now_ms(),
            negative_s=self.negative_s,
            default_stale_s=self.stale_s,
        )

    def _head(self, order: Order, answer: aiohttp.ClientResponse) -> Head:
        received = http_now(self.clock.now_ms())
        return head_of(answer.status, answer.headers, received_date=received, ours=order.ours)

    def _pass(self, fill: Fill, order: Order, answer: aiohttp.ClientResponse, why: str) -> None:
        """Not to be shared. What was kept is not what upstream says now, unless upstream is unwell or the answer is
        about the request: nobody else's are touched by that."""
        if order.ours or answer.status < 400 or answer.status in _OF_THE_OBJECT:
            self.remember_unshared(fill.name)
            if why not in _OF_THE_REQUEST and "Authorization" not in order.ask:
                self.store.drop_all(order.key)
                self.store.drop_all(blocks.partial_key(order.key))
        self._leave(fill)
        fill.hand_over(answer)
        self.count("passed")

    async def _take_in(
        self, fill: Fill, order: Order, answer: aiohttp.ClientResponse, head: Head, life: Lifetime
    ) -> None:
        """The body, and then it is stored. Raises CutShort if nobody reads what is too long to be kept."""
        born = self.clock.monotonic() - life.age_s
        if order.method != "HEAD":
            await self._read(fill, answer, is_block=order.block >= 0)
        if fill.outgrown:
            fill.keep(None)
            self.count("passed")
            return
        body = b"".join(fill.chunks)
        if fill.partial is None:
            length = head.length if order.method == "HEAD" and head.length is not None else -1
            stored = replace(self._made(fill, order, head, life, born), body=body, length=length)
            kept = [stored]
        else:
            if len(body) != min(blocks.SIZE, fill.partial.length - order.block * blocks.SIZE):
                raise Problem("upstream", "upstream's range is not as long as it says")
            stored = blocks.block_of(fill.partial, order.block, body)
            is_whole = len(body) == fill.partial.length
            kept = [blocks.whole_of(fill.partial, body)] if is_whole else [stored, fill.partial]
        self._leave(fill)
        for one in kept if not fill.disowned else ():
            self.store.put(one)
        fill.keep(stored)
        self.count("stored")

    async def _read(self, fill: Fill, answer: aiohttp.ClientResponse, *, is_block: bool) -> None:
        """All that is being fetched at a time holds as much memory as the store may, and a window for each reader."""
        counted = 0
        try:
            async for chunk in answer.content.iter_any():
                fill.feed(chunk)
                if not fill.outgrown:
                    counted += len(chunk)
                    self._coming += len(chunk)
                    too_long = fill.size > self.store.largest  # its length was not stated
                    if too_long or (self._coming > self.store.capacity and not is_block):
                        if too_long:
                            self.remember_unshared(fill.name)
                        self._leave(fill)
                        fill.outgrow()
                        self._coming -= counted
                        counted = 0
                if fill.outgrown:
                    await fill.paced()
        finally:
            self._coming -= counted

    def _partial(self, fill: Fill, order: Order, span: blocks.Span) -> Stored:
        assert fill.head is not None and fill.lifetime is not None
        born = self.clock.monotonic() - fill.lifetime.age_s
        fields = tuple(field for field in fill.head.fields if field[0].lower() != "content-range")
        made = self._made(fill, order, fill.head, fill.lifetime, born)
        return replace(made, key=blocks.partial_key(order.key), fields=fields, length=span.total)

    def _made(self, fill: Fill, order: Order, head: Head, life: Lifetime, born: float) -> Stored:
        """Without a body."""
        return Stored(
            key=order.key,
            status=head.status,
            fields=head.fields,
            body=b"",
            etag=head.etag,
            last_modified=head.last_modified,
            date=head.date,
            born=born,
            fresh_s=life.fresh_s,
            stale_s=life.stale_s,
            while_s=life.while_s,
            strict=life.strict,
            ask_first=life.ask_first,
            vary=fill.vary,
            variant=fill.variant,
            ours=order.ours,
        )

    def _confirm(self, fill: Fill, order: Order, stored: Stored, answer: aiohttp.ClientResponse, delay: float) -> None:
        """RFC 9111 4.3.4: the stored object goes on, with the fields and the lifetime that the 304 gives it."""
        head = self._head(order, answer)
        fields = validation.merged(stored, head)
        said = joined(CIMultiDict(fields))
        if "Age" in answer.headers:
            said["Age"] = answer.headers["Age"]
        life = self._judge(order, stored.status, said, delay)
        born = self.clock.monotonic() - life.age_s
        new = validation.renewed(stored, fields, life, born)
        vary = stored.vary if order.ours else nominated(said.get("Vary")) or ()
        if vary != stored.vary:
            new = replace(new, vary=vary, variant=selection(vary, order.ask))
        self._leave(fill)
        kept = self.store.get(stored.name)
        if not life.store:
            fill.for_one = True
            if life.why not in _OF_THE_REQUEST:
                self.remember_unshared(fill.name)
                self.store.drop(stored.name)
        elif not fill.disowned and (kept is None or kept.body is stored.body):  # else a newer one came meanwhile
            self.store.drop(stored.name)
            self.store.put(new)
            for other in self.store.variants(stored.key):  # all that the strong tag identifies
                if other.name != new.name and other.etag == new.etag and blocks.is_strong(new.etag):
                    self.store.put(validation.renewed(other, validation.merged(other, head), life, born))
        fill.lifetime = life
        fill.vary, fill.variant = new.vary, new.variant
        fill.confirm(
            Head(
                status=new.status,
                fields=new.fields,
                length=len(new.body) if new.length < 0 else new.length,
                etag=new.etag,
                last_modified=new.last_modified,
                date=new.date,
                once=tuple(field for field in head.fields if field[0].lower() in life.leave_out),
            ),
            new,
        )
        self.count("validated")

    def _compare(self, order: Order, answer: aiohttp.ClientResponse, head: Head, life: Lifetime) -> None:
        """RFC 9111 4.3.5: what an answer to HEAD says of the object that an answer to GET brought."""
        said = joined(answer.headers)
        stored = chosen(self.store.variants(order.key.removeprefix("HEAD ")), order.ask)
        if stored is None or stored.status != 200:
            return
        if validation.same_by_head(stored, said):
            born = self.clock.monotonic() - life.age_s
            self.store.put(validation.renewed(stored, validation.merged(stored, head), life, born))
        else:
            self.store.put(replace(stored, ask_first=True))

    def _leave(self, fill: Fill) -> None:
        for name in (fill.name, fill.alias):
            if self._under_way.get(name) is fill:
                del self._under_way[name]

    def _fail(self, fill: Fill, problem: Problem) -> None:
        self._leave(fill)
        if fill.state in (State.ASKED, State.STREAMING):
            fill.fail(problem)


def http_now(now_ms: int) -> str:
    """IMF-fixdate (RFC 9110 5.6.7)."""
    return formatdate(now_ms / 1000, usegmt=True)
