"""DTLS-SRTP between two of aiortc's ends, one of them ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from ingest.whip.dtls import Secured, fingerprint


class Wire:
    """An ICE transport that ends in a queue."""

    role = "controlled"

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.other: Wire

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        self.other.queue.put_nowait(data)


def wires() -> tuple[Any, Any]:
    one, two = Wire(), Wire()
    one.other, two.other = two, one
    return one, two


@pytest.mark.parametrize("active", [False, True])
async def test_what_is_ciphered_there_is_plain_here(active: bool) -> None:
    ours, theirs = wires()
    certificate, other = RTCCertificate.generateCertificate(), RTCCertificate.generateCertificate()
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def rtp(data: bytes) -> None:
        heard.put_nowait(("rtp", data))

    async def rtcp(data: bytes) -> None:
        heard.put_nowait(("rtcp", data))

    here, there = Secured(ours, certificate, rtp, rtcp), RTCDtlsTransport(theirs, [other])
    there._set_role("server" if active else "client")
    known = RTCDtlsParameters([RTCDtlsFingerprint("sha-256", fingerprint(certificate))])
    packet, report = b"\x80\x60\0\1\0\0\0\0\0\0\0\1payload", b"\x80\xc9\0\1\0\0\0\1"
    async with asyncio.timeout(30):
        await asyncio.gather(here.shake_hands((("sha-256", fingerprint(other)),), active=active), there.start(known))
        await there._send_rtp(packet)
        await there._send_rtp(report)
        assert [await heard.get(), await heard.get()] == [("rtp", packet), ("rtcp", report)]
        await here.stop()
        await there.stop()


@pytest.mark.rule("RFC 8122 6.2", "a peer whose certificate is not that of the offer is not spoken to")
async def test_another_certificate_than_the_offers() -> None:
    ours, theirs = wires()
    certificate, other = RTCCertificate.generateCertificate(), RTCCertificate.generateCertificate()

    async def nothing(_: bytes) -> None:
        raise AssertionError

    here, there = Secured(ours, certificate, nothing, nothing), RTCDtlsTransport(theirs, [other])
    there._set_role("client")
    known = RTCDtlsParameters([RTCDtlsFingerprint("sha-256", fingerprint(certificate))])
    async with asyncio.timeout(30):
        with pytest.raises(ConnectionError, match="handshake failed"):
            wrong = (("sha-256", fingerprint(certificate)),)
            await asyncio.gather(here.shake_hands(wrong, active=False), there.start(known))
        await there.stop()
