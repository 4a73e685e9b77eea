"""Datagrams of a transport stream: a bound port or a joined group, and a bounded line of what was not read yet."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from base.sources import Source
from ingest.ts.packets import PACKET

# Of datagrams of 7 packets, some 5 MB: seconds of any stream that is sent by UDP.
MOST_WAITING = 4096
_READ = 64
_KERNEL_BYTES = 4 << 20
_RTP_HEAD = 12


class Datagrams(asyncio.DatagramProtocol):
    """`dropped` counts datagrams that came while `MOST_WAITING` were not read."""

    fresh = False

    def __init__(self, *, rtp: bool) -> None:
        self._rtp = rtp
        self._waiting: deque[bytes] = deque()
        self._some = asyncio.Event()
        self.peer = ""
        self.dropped = 0

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        if payload := _payload(data) if self._rtp else data:
            self.peer = f"{addr[0]}:{addr[1]}"
            self._waiting.append(payload)
            self._some.set()

    async def read(self) -> bytes:
        """What came, of some datagrams."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        taken = [self._waiting.popleft() for _ in range(min(_READ, len(self._waiting)))]
        return b"".join(taken)


def _payload(data: bytes) -> bytes:
    """Behind the RTP header with its sources and extension (RFC 3550 5.1, 5.3.1); empty if there is none."""
    if len(data) < _RTP_HEAD or data[0] >> 6 != 2:
        return b""
    at = _RTP_HEAD + 4 * (data[0] & 15)
    if data[0] & 0x10 and len(data) >= at + 4:
        at += 4 + 4 * struct.unpack_from(">H", data, at + 2)[0]
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    return data[at : at + max(end - at, 0) // PACKET * PACKET]


@asynccontextmanager
async def receiving(source: Source) -> AsyncIterator[Datagrams]:
    """Raises OSError that names the address."""
    try:
        bound = _bound(source)
    except OSError as fault:
        raise OSError(fault.errno, f"cannot receive at {source.shown}: {fault.strerror or fault}") from fault
    loop = asyncio.get_running_loop()
    transport, found = await loop.create_datagram_endpoint(lambda: Datagrams(rtp=source.scheme == "rtp"), sock=bound)
    try:
        yield found
    finally:
        transport.close()


def _bound(source: Source) -> socket.socket:
    address = ipaddress.ip_address(source.host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)
        if source.group:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Bound to the group's address, Linux gives this socket no other group's datagrams (ip(7)).
        made.bind((source.host, source.port))
        if source.group and address.version == 4:
            joined = socket.inet_aton(source.host) + socket.inet_aton(source.interface or "0.0.0.0")
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        elif source.group:
            joined = address.packed + struct.pack("@I", 0)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)
    except OSError:
        made.close()
        raise
    return made
