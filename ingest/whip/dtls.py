"""DTLS-SRTP of one session (RFC 5764, 8842): aiortc's transport, which hands on plain RTP and RTCP as octets.

aiortc's own receivers would decode pictures and sound; here they are passed through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport

from ingest.whip.door import Path

Take = Callable[[bytes], Awaitable[None]]


def fingerprint(certificate: RTCCertificate) -> str:
    """SHA-256 with colons (RFC 8122 5)."""
    return next(found.value for found in certificate.getFingerprints() if found.algorithm == "sha-256")


class Secured(RTCDtlsTransport):
    """`rtp` and `rtcp` take what was deciphered, one datagram at a time."""

    def __init__(self, path: Path, certificate: RTCCertificate, rtp: Take, rtcp: Take) -> None:
        # of an ICE transport it uses role, _recv and _send alone
        super().__init__(cast(RTCIceTransport, path), [certificate])
        self._take_rtp = rtp
        self._take_rtcp = rtcp

    async def shake_hands(self, fingerprints: tuple[tuple[str, str], ...], *, active: bool) -> None:
        """Raises ConnectionError: the peer is gone, or is not whom the offer speaks of."""
        self._set_role("client" if active else "server")
        known = [RTCDtlsFingerprint(algorithm=name, value=value) for name, value in fingerprints]
        await self.start(RTCDtlsParameters(fingerprints=known))
        if self.state != "connected":
            raise ConnectionError("the DTLS handshake failed")

    async def send(self, rtcp: bytes) -> None:
        """Cipher and send one compound packet. Raises ConnectionError."""
        await self._send_rtp(rtcp)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        await self._take_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        await self._take_rtcp(data)
