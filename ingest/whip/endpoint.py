"""The WHIP endpoint over HTTP (RFC 9725): an offer becomes a session, a session can be stopped.

`POST /whip/{channel}` offers, `DELETE /whip/{channel}/{session}` stops, `PATCH` there takes trickled candidates. Keys
come as bearer tokens (RFC 6750 2.1) and in no other way: an address with a key in it ends up in logs.
"""

from __future__ import annotations

import re

import structlog
from aiohttp import web
from aioice.ice import get_host_addresses
from aiortc import RTCCertificate

from base.problems import Problem
from ingest.registry import Registry
from ingest.whip import sdp
from ingest.whip.door import Door
from ingest.whip.dtls import fingerprint
from ingest.whip.publication import Publication
from node.process import Context

log = structlog.get_logger("ingest")

OFFER_TYPE, FRAGMENT_TYPE = "application/sdp", "application/trickle-ice-sdpfrag"
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")
# Sessions of a key that never connects stall after seconds; this bounds what keys together may hold open.
_MOST_SESSIONS = 256
_MOST_HOSTS = 8
# Fetch standard 3.2: any page may ask, since the key is what opens; no cookie is looked at.
_OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Post, Accept-Patch, WWW-Authenticate",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "OPTIONS, GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "86400",
    "Accept-Post": OFFER_TYPE,
}


class Endpoint:
    """Routes and the sessions behind them. `public`: addresses for media, empty: where the request came to."""

    def __init__(self, ctx: Context, registry: Registry, door: Door) -> None:
        self._ctx = ctx
        self._registry = registry
        self._door = door
        self._certificate = RTCCertificate.generateCertificate()
        self._sessions: dict[str, tuple[str, Publication]] = {}  # by id, with the channel

    def add_routes(self, app: web.Application) -> None:
        for path in ("/whip/{channel}", "/whip/{channel}/{session}"):
            app.router.add_route("OPTIONS", path, self._options)
            app.router.add_get(path, self._empty)
        app.router.add_post("/whip/{channel}", self._offer)
        app.router.add_patch("/whip/{channel}/{session}", self._patch)
        app.router.add_delete("/whip/{channel}/{session}", self._delete)
        app.on_response_prepare.append(_allow_all)

    async def close(self) -> None:
        """End what is still open and wait for it."""
        for _, publication in list(self._sessions.values()):
            publication.stop()
            await publication.over.wait()

    async def _options(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers=_PREFLIGHT)

    async def _empty(self, _: web.Request) -> web.Response:
        """RFC 9725 4.2: a GET gets nothing, successfully."""
        return web.Response(status=204, headers={"Accept-Post": OFFER_TYPE})

    async def _offer(self, request: web.Request) -> web.Response:
        key, channel = _key(request), request.match_info["channel"]
        peer = request.remote or "unix"
        software = request.headers.get("User-Agent", "")[:120]
        try:
            offer = await self._read_offer(request, key, channel)
        except Problem as problem:
            outcome = "wrong-key" if problem.kind.name in ("unauthorised", "forbidden") else "malformed"
            self._refused(outcome, peer, channel, problem)
            raise
        publication = Publication(self._ctx, self._registry, self._door, self._certificate, offer)
        task = self._ctx.tasks.start(publication.run(key, channel, software, peer), f"whip {publication.id}")
        admission = await publication.admitted
        if admission.outcome != "admitted":
            refusal = Problem("conflict" if admission.outcome == "busy" else "unauthorised", admission.sentence)
            self._refused(admission.outcome, peer, channel, refusal)
            raise refusal
        self._ctx.metrics.counter("ingest_offers", outcome="admitted").inc()
        log.info("session.admitted", peer=peer, channel=channel, software=software, protocol="whip")
        self._sessions[publication.id] = (channel, publication)
        task.add_done_callback(lambda _: self._sessions.pop(publication.id, None))
        answered = sdp.answer(
            offer,
            sdp.Local(
                session=int.from_bytes(publication.id.encode()[:7], "big"),
                ufrag=publication.path.ufrag,
                password=publication.path.password,
                fingerprint=fingerprint(self._certificate),
                candidates=[(host, self._door.port) for host in self._hosts(request)],
            ),
        )
        headers = {
            "Location": f"/whip/{channel}/{publication.id}",
            "ETag": f'"{publication.path.ufrag}"',
            "Accept-Patch": FRAGMENT_TYPE,
            "Cache-Control": "no-store",
        }
        return web.Response(status=201, text=answered, content_type=OFFER_TYPE, headers=headers)

    async def _read_offer(self, request: web.Request, key: str, channel: str) -> sdp.Offer:
        spec = self._registry.allowed(key)
        if spec is None:
            raise Problem("unauthorised", "this stream key opens no channel: copy it from the channel page")
        if spec.channel != channel:
            raise Problem("forbidden", f"this stream key is not that of channel {channel[:64]}")
        if self._ctx.stopping.is_set():
            raise Problem("busy", "this node stops: offer again in a moment")
        if len(self._sessions) >= _MOST_SESSIONS:
            raise Problem("busy", "this node has as many WHIP sessions as it takes")
        _expect(request, OFFER_TYPE)
        body = await _body(request)
        try:
            return sdp.offer(body.decode())
        except UnicodeDecodeError as fault:
            raise Problem("malformed", "the offer is not UTF-8") from fault

    async def _patch(self, request: web.Request) -> web.Response:
        """Candidates are not needed: the publisher's checks show where it is. A restart of ICE is not done here."""
        publication = self._session(request)
        _expect(request, FRAGMENT_TYPE)
        body = await _body(request)
        wanted = request.headers.get("If-Match")
        if wanted == "*" or f"a=ice-ufrag:{publication.offer.ufrag}\r\n".encode() not in body + b"\r\n":
            raise Problem("unplayable", "ICE is not restarted here: DELETE this session and offer again")
        if wanted is not None and wanted != f'"{publication.path.ufrag}"':
            raise Problem("precondition", "If-Match names another ICE session than the present one")
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        publication = self._session(request)
        publication.stop()
        await publication.over.wait()
        return web.Response(status=200)

    def _session(self, request: web.Request) -> Publication:
        channel = request.match_info["channel"]
        spec = self._registry.allowed(_key(request))
        if spec is None:
            raise Problem("unauthorised", "this stream key opens no channel: copy it from the channel page")
        if spec.channel != channel:
            raise Problem("forbidden", f"this stream key is not that of channel {channel[:64]}")
        found = self._sessions.get(request.match_info["session"])
        if found is None or found[0] != channel:
            raise Problem("unknown", "there is no such WHIP session: it has ended")
        return found[1]

    def _hosts(self, request: web.Request) -> list[str]:
        """Where media may be sent: as set, else the door's own address, else the one that the offer was sent to.

        A door on all addresses answers from the one that the way back begins at, so the machine's others follow.
        """
        if public := self._ctx.settings.text("ingest.whip_public").split():
            return public
        if self._door.host not in ("0.0.0.0", "::"):
            return [self._door.host]
        name = request.transport.get_extra_info("sockname") if request.transport else None
        reached = [name[0]] if isinstance(name, tuple) else []
        others = get_host_addresses(use_ipv4=True, use_ipv6=self._door.host == "::")
        return list(dict.fromkeys([*reached, *others, "127.0.0.1"]))[:_MOST_HOSTS]

    def _refused(self, outcome: str, peer: str, channel: str, problem: Problem) -> None:
        self._ctx.metrics.counter("ingest_offers", outcome=outcome).inc()
        log.warning("whip.refused", peer=peer, outcome=outcome, channel=channel[:64], why=problem.detail)


async def _allow_all(request: web.Request, response: web.StreamResponse) -> None:
    if request.path.startswith("/whip/"):
        response.headers.update(_OPEN)


def _key(request: web.Request) -> str:
    found = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        raise Problem("unauthorised", "send the channel's stream key: Authorization: Bearer KEY")
    return found[1]


async def _body(request: web.Request) -> bytes:
    found = b""
    while piece := await request.content.read(sdp.MAX_OFFER_BYTES):
        found += piece
        if len(found) > sdp.MAX_OFFER_BYTES:
            raise Problem("too-large", f"an offer has at most {sdp.MAX_OFFER_BYTES} octets")
    return found


def _expect(request: web.Request, kind: str) -> None:
    if request.content_type != kind:
        raise Problem("unsupported", f"send {kind}, not {request.content_type}")
