"""Splices by the admin API: a break begins or ends on a live channel, now or at a time.

    GET    /api/v1/channels/{channel}/cues             what was asked for of late and is still to come
    POST   /api/v1/channels/{channel}/cues             NewCue -> 201, 200 if it was there
    DELETE /api/v1/channels/{channel}/cues/{event}     204; it must not have begun

They are part of the desired state, so every ingest node that publishes the channel gets them, also one that comes back.
The same event and action again is the same splice: a request may be repeated.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta

from base.crc import crc32
from base.problems import Problem
from base.scte35.commands import BreakDuration, SpliceInsert
from base.scte35.meaning import What, cues
from base.scte35.section import Section, parse, write
from control import bodies
from control.rows import Cue
from control.store import Catalog

log = structlog.get_logger("cues")

# "Now" is when every node has heard of it, so that all cut alike.
LEAD_MS = 2000
_FURTHEST_MS, _PAST_MS = 7 * 86_400_000, 10_000
_LONGEST_BODY = 16 << 10
_MOST_SECONDS = 86_400


class NewCue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`at`: "now" or a time of RFC 3339. `duration`: seconds that the break lasts; then it ends by itself.

    `event`: chosen by the server if it is left out; for an end: the break that is on. `section`: a splice_info_section
    in base64 instead of action, event and duration.
    """

    action: Literal["out", "in"] | None = None
    at: str = "now"
    duration: Annotated[float, Meta(gt=0, le=_MOST_SECONDS)] | None = None
    event: Annotated[int, Meta(ge=1, lt=1 << 32)] | None = None
    section: Annotated[str, Meta(max_length=6000)] | None = None


class Cues:
    """The handlers. They raise Problem unknown for a channel that is not there."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def list(self, request: web.Request) -> web.Response:
        found = await self._catalog.cues(request.match_info["channel"])
        return web.json_response({"cues": [shown(cue) for cue in found]})

    async def post(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        body = await request.content.read(_LONGEST_BODY + 1)
        while len(body) <= _LONGEST_BODY and (more := await request.content.read(_LONGEST_BODY)):
            body += more
        if len(body) > _LONGEST_BODY:
            raise Problem("too-large", f"a cue has at most {_LONGEST_BODY >> 10} KiB")
        given = bodies.decode(body, NewCue)
        made, new = await self._catalog.add_cue(channel, partial(cue_of, channel, given))
        if new:
            log.info("cue.taken", channel=channel, splice=made.event, action=made.action, at_ms=made.at_ms)
        return web.json_response(shown(made), status=201 if new else 200)

    async def delete(self, request: web.Request) -> web.Response:
        event = request.match_info["event"]
        if not event.isdecimal() or len(event) > 10:
            raise Problem("malformed", "event: give its number", field="event")
        await self._catalog.cancel_cue(request.match_info["channel"], int(event))
        return web.Response(status=204)


def shown(cue: Cue) -> dict[str, Any]:
    """A cue as the API shows it."""
    at = datetime.fromtimestamp(cue.at_ms / 1000, UTC)
    return {
        "event": cue.event,
        "action": cue.action,
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{cue.at_ms % 1000:03d}Z",
        "duration": None if cue.duration_ms < 0 else cue.duration_ms / 1000,
        "section": base64.b64encode(cue.section).decode(),
    }


def cue_of(channel: str, given: NewCue, there: Iterable[Cue], now_ms: int) -> Cue:
    """The cue that is asked for, `there` being those of the channel. Raises Problem malformed or conflict."""
    there = list(there)
    if given.section is not None:
        action, event, duration_ms, octets = _of_section(given)
    else:
        action, event, duration_ms, octets = _of_words(given, there, now_ms)
    same = next((cue for cue in there if (cue.event, cue.action) == (event, action)), None)
    if same is not None and (given.at == "now" or same.at_ms <= now_ms):
        return same  # asked again: it is planned, or made
    return Cue(
        channel=channel,
        event=event,
        action=action,
        at_ms=_time(given.at, now_ms),
        duration_ms=duration_ms,
        section=octets,
        created_ms=now_ms if same is None else same.created_ms,
    )


def _of_section(given: NewCue) -> tuple[str, int, int, bytes]:
    if given.action is not None or given.event is not None or given.duration is not None:
        raise _wrong("section", "it says action, event and duration itself: leave them out")
    try:
        octets = base64.b64decode(given.section or "", validate=True)
    except binascii.Error as fault:
        raise _wrong("section", "give base64") from fault
    try:
        found = cues(parse(octets))
    except Problem as problem:
        raise _wrong("section", problem.detail) from problem
    if not found or found[0].what is What.CANCEL:
        raise _wrong("section", "it signals no splice; one that is planned is cancelled by DELETE")
    first = found[0]
    event = first.event or crc32(octets[:-4])
    return str(first.what), event, -1 if first.duration is None else first.duration // 90, octets


def _of_words(given: NewCue, there: list[Cue], now_ms: int) -> tuple[str, int, int, bytes]:
    if given.action is None:
        raise _wrong("action", "give out, in, or a section")
    lasts = None
    if given.duration is not None:
        if given.action == "in":
            raise _wrong("duration", "a break that ends lasts no longer")
        lasts = BreakDuration(round(given.duration * 90_000), auto_return=True)
    event = given.event
    if event is None:
        event = _new_event(there, now_ms) if given.action == "out" else _event_that_is_on(there, now_ms)
    command = SpliceInsert(event_id=event, out_of_network=given.action == "out", immediate=True, duration=lasts)
    duration_ms = -1 if given.duration is None else round(given.duration * 1000)
    return given.action, event, duration_ms, write(Section(command=command))


def _new_event(there: list[Cue], now_ms: int) -> int:
    """Seconds since 1970, or the next number that is free: never one of before."""
    taken = {cue.event for cue in there}
    event = now_ms // 1000 & 0x7FFFFFFF
    while event in taken:
        event += 1
    return event


def _event_that_is_on(there: list[Cue], now_ms: int) -> int:
    ended = {cue.event for cue in there if cue.action == "in"}
    for cue in reversed(there):
        over = cue.duration_ms >= 0 and cue.at_ms + cue.duration_ms <= now_ms
        if cue.action == "out" and cue.event not in ended and not over:
            return cue.event
    raise Problem("conflict", "no break was begun here that is still on: give its event")


def _time(text: str, now_ms: int) -> int:
    if text == "now":
        return now_ms + LEAD_MS
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise _wrong("at", 'give "now" or a time such as 2026-12-31T18:00:00Z') from fault
    if moment.tzinfo is None:
        raise _wrong("at", "give a time with its zone, such as 2026-12-31T18:00:00Z")
    at_ms = round(moment.timestamp() * 1000)
    if not now_ms - _PAST_MS <= at_ms <= now_ms + _FURTHEST_MS:
        raise _wrong("at", "give a time within the next seven days")
    return at_ms


def _wrong(field: str, why: str) -> Problem:
    return Problem("malformed", f"{field}: {why}", field=field)
