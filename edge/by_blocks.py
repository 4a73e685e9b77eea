"""Answers put together of blocks: those that are stored, and those that are asked for as the reader comes to them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

from aiohttp import web

from base.conditions import Shape
from base.conditions import shape as shape_of
from base.problems import Problem
from edge import blocks
from edge.answer import Sent, begun, poured
from edge.fill import SLICE, CutShort, Fill, State
from edge.fills import Fills
from edge.lane import fields_of
from edge.store import MemoryTier, Stored
from node.clock import Clock

# Begins to fetch a block: its number and what is known of the object. The fetch under way, if there is one.
Start = Callable[[int, Stored | None], Fill]


class ByBlocks:
    """Over one worker's store and fills."""

    def __init__(self, store: MemoryTier, fills: Fills, clock: Clock) -> None:
        self._store = store
        self._fills = fills
        self._clock = clock

    @property
    def able(self) -> bool:
        return self._store.largest >= blocks.SIZE

    async def answer(
        self, request: web.Request, partial: Stored, forwarded: str, start: Start, sent: Sent
    ) -> web.StreamResponse:
        """A range of the object, or all of it. `forwarded`: why upstream was or will be asked (RFC 9211 2.2).

        Raises CutShort where a block does not come, or is of another generation; Problem if that is the first one.
        """
        shape = shape_of(
            request.headers,
            status=200,
            etag=partial.etag,
            last_modified=partial.last_modified,
            date=partial.date,
            length=partial.length,
            now_ms=self._clock.now_ms(),
        )
        assert shape is not None
        now = self._clock.monotonic()
        stop = partial.length if shape.stop < 0 else shape.stop
        wanted = range(shape.start // blocks.SIZE, -(-stop // blocks.SIZE))
        if not forwarded and all(self._has(partial, index) for index in wanted):
            sent.cache = "hit"
            told = f"Headwater; hit; ttl={partial.ttl_s(now)}"
        else:
            sent.cache = "miss"
            told = f"Headwater; fwd={forwarded or 'partial'}; stored"
        fields = [*fields_of(partial, told), ("Age", str(partial.age_s(now)))]
        async with contextlib.aclosing(self._pieces(partial, shape, stop, wanted, start)) as pieces:
            try:  # nothing is promised before there is something
                early = await anext(pieces, b"")
            except CutShort:
                raise Problem("upstream", "upstream did not give the range, or changed what it is of") from None
            return await poured(await begun(request, shape, fields, partial.length), early, pieces, sent)

    def _has(self, partial: Stored, index: int) -> bool:
        return self._store.get(blocks.block_key(partial, index)) is not None

    async def _pieces(
        self, partial: Stored, shape: Shape, stop: int, wanted: range, start: Start
    ) -> AsyncGenerator[bytes | memoryview, None]:
        """Block after block, the next one asked for while this one is read."""
        for index in wanted:
            offset = index * blocks.SIZE
            low, high = max(shape.start - offset, 0), min(stop - offset, blocks.SIZE)
            stored = self._store.get(blocks.block_key(partial, index))
            fill = None if stored is not None else start(index, partial)
            if index + 1 in wanted and not self._has(partial, index + 1):
                start(index + 1, partial)
            if stored is not None:
                view = memoryview(stored.body)
                for begin in range(low, high, SLICE):
                    yield view[begin : min(high, begin + SLICE)]
                continue
            assert fill is not None
            await fill.decided()
            if fill.state is State.PASSED:
                if (unused := fill.claim()) is not None:
                    unused.close()
                raise CutShort
            of = fill.partial
            if of is None or (of.etag, of.length, of.variant) != (partial.etag, partial.length, partial.variant):
                raise CutShort  # another generation: what was sent may not go on with it
            async with contextlib.aclosing(fill.read(low, high)) as reading:
                async for piece in reading:
                    yield piece
