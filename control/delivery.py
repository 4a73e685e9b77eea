"""How an asset's files reach the origin: one MP4 as it is; several, or what is no MP4, one by one (base/arrival.py)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence

import msgspec
import structlog

from base.arrival import MOST_TRACKS_OF_A_FILE, Completion, Piece
from base.problems import Problem
from base.reports import AssetReport
from control.incoming import Described, Incoming
from control.origin import Origin
from control.remuxer import Remuxer

log = structlog.get_logger("delivery")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How an asset is to be made: words of the segment policy, empty for the usual (packager.policy checks them).

    `cmaf`: MP4 files are made a CMAF mezzanine too, which others are anyway.
    """

    target_ms: str = ""
    last: str = ""
    bootstrap: str = ""
    cmaf: bool = False

    @property
    def policy(self) -> dict[str, str]:
        """Those words that were given."""
        words = {"target_ms": self.target_ms, "last": self.last, "bootstrap": self.bootstrap}
        return {name: word for name, word in words.items() if word}


USUAL = Wish()


class Delivery:
    def __init__(self, origin: Origin, remuxer: Remuxer) -> None:
        self._origin = origin
        self._remuxer = remuxer

    async def deliver(
        self, asset: str, files: Sequence[Described], incoming: Incoming, request_id: str, wish: Wish
    ) -> AssetReport:
        """All files, in order. Raises Refused (the peer's 4xx, nothing is left), Problem upstream or malformed."""
        (first, *others) = files
        if not others and not await self._to_remux(incoming, wish):
            return await self._origin.put(
                asset, incoming.file(first.length), first.length, request_id, query=wish.policy
            )
        upload = secrets.token_hex(8)
        pieces: list[Piece] = []
        notes: list[str] = []
        try:
            for at, file in enumerate(files):
                number = 1 + at * MOST_TRACKS_OF_A_FILE
                body = incoming.file(file.length)
                if await self._to_remux(incoming, wish):
                    made = await self._remuxer.remux(asset, upload, number, file, body, request_id)
                    pieces += made.files
                    notes += [f"{file.name}: {note}" for note in made.notes]
                else:
                    sent = await self._origin.put_file(asset, upload, number, body, file.length, request_id)
                    pieces.append(Piece(number=number, bytes=sent, name=file.name))
            done = Completion(files=tuple(pieces), notes=tuple(notes), **wish.policy)
            return await self._origin.complete(asset, upload, done, request_id)
        except BaseException:
            with contextlib.suppress(Problem, asyncio.CancelledError):
                # what was received goes at once; if this does not get through, after an hour
                await asyncio.shield(self._origin.drop_upload(asset, upload))
            raise

    async def _to_remux(self, incoming: Incoming, wish: Wish) -> bool:
        """Without a remuxer on this box everything goes to the origin, which says what it cannot read."""
        if not self._remuxer.here:
            if wish.cmaf:
                raise Problem("busy", "no remuxer runs on this box: start ingest beside control, or leave out --cmaf")
            return False
        return wish.cmaf or not await incoming.is_mp4()
