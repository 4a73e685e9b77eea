"""An origin that keeps what it is given in memory and is as strict as base.push says; it can go away and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import web

from base.names import Leaf, parse
from base.push import PART_FIELD, MarkNote, MarkNotes, PartNote, SessionGrant, SessionNote, parse_part_note


class RecordingOrigin:
    """`parts[(track, number)]` are acknowledged bodies in order; `notes`, `marks` every one that came."""

    def __init__(self, path: Path, *, last_number: int = -1) -> None:
        self.path = path
        self.notes: list[SessionNote] = []
        self.marks: list[MarkNote] = []
        self.inits: dict[tuple[str, str], bytes] = {}
        self.parts: dict[tuple[str, int], list[bytes]] = {}
        self.part_notes: dict[tuple[str, int, int], PartNote] = {}
        self.closed: set[tuple[str, int]] = set()
        self.refusals: list[tuple[int, str]] = []
        self.refuse: Callable[[str], int | None] = lambda path: None
        self._last_number = last_number
        self._noted = False
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> RecordingOrigin:
        await self.comes()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.goes()

    async def comes(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_put("/live/{tail:.*}", self._put)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.path)).start()

    async def goes(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def forgets(self) -> None:
        """As after kill -9: the session, inits that no closed segment names, and every open segment are gone."""
        self._noted = False
        self.inits.clear()
        for key in [key for key in self.parts if key not in self.closed]:
            del self.parts[key]

    @property
    def last_number(self) -> int:
        return max([self._last_number, *(number for _, number in self.parts)])

    def numbers(self, track: str) -> list[int]:
        """The closed segments of a track, in order."""
        return sorted(number for name, number in self.closed if name == track)

    def body(self, track: str) -> bytes:
        """Init segment and all closed segments, one after the other: a file that a demuxer reads."""
        first = self.part_notes[(track, self.numbers(track)[0], 0)].init
        return self.inits[(track, first)] + b"".join(b"".join(self.parts[(track, n)]) for n in self.numbers(track))

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.read()
        name = parse(request.path)
        assert name is not None, request.path
        status = self.refuse(request.path) or 0
        answer = b""
        if not status:
            match name.leaf:
                case Leaf.SESSION:
                    self.notes.append(msgspec.json.decode(body, type=SessionNote))
                    self._noted = True
                    status, answer = 200, msgspec.json.encode(SessionGrant(last_number=self.last_number))
                case Leaf.CUES:
                    self.marks += msgspec.json.decode(body, type=MarkNotes)
                    status = 200
                case Leaf.INIT:
                    status = self._take_init(name.track, name.generation, body)
                case _:
                    note = parse_part_note(request.headers[PART_FIELD])
                    status = self._take_part(name.track, name.number, name.part, note, body)
        if status >= 400:
            self.refusals.append((status, request.path))
        async with self._changed:
            self._changed.notify_all()
        return web.Response(status=status, body=answer)

    def _take_init(self, track: str, generation: str, body: bytes) -> int:
        if not self._noted:
            return 412
        self.inits[(track, generation)] = body
        return 201

    def _take_part(self, track: str, number: int, part: int, note: PartNote, body: bytes) -> int:
        key = (track, number)
        have = self.parts.get(key, [])
        if part < len(have):
            return 200 if have[part] == body else 409
        if key in self.closed:
            return 409
        if not self._noted or (track, note.init) not in self.inits or part > len(have):
            return 412
        self.parts.setdefault(key, []).append(body)
        self.part_notes[(track, number, part)] = note
        if note.last:
            self.closed.add(key)
        return 201
