"""The UDP port of all WHIP sessions: which datagram belongs to which session, and answers to ICE checks.

One port for all is one hole in a firewall. Checks name their session (RFC 8445 7.2.2); whatever else comes is told
apart by the address that it comes from, once a check from there has shown the session's password.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import deque
from typing import cast

from ingest.whip import ice
from ingest.whip.ice import Address
from node.clock import Clock

# Datagrams of one session that wait for the session's task; more are dropped, as a network would.
_MOST_WAITING = 4096
_MOST_ADDRESSES = 8
_BUFFER_BYTES = 4 << 20


class Path:
    """One session's way through the door. `role`, `_recv` and `_send` are what aiortc asks of an ICE transport."""

    role = "controlled"

    def __init__(self, door: Door, theirs: str) -> None:
        # RFC 8445 5.3: 24 bits of user, 128 of password at least
        self.ufrag = secrets.token_hex(8)
        self.password = secrets.token_hex(16)
        self.theirs = theirs
        self.reachable = asyncio.Event()
        self.dropped = 0
        self.arrived = 0.0  # when the datagram that was taken last came
        self.known: deque[Address] = deque()
        self.peer: Address | None = None
        self._door = door
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._came = asyncio.Event()
        self._closed = False

    def checked(self, source: Address, *, nominated: bool) -> None:
        """An authenticated check came from there."""
        if nominated or self.peer is None:
            self.peer = source
            self.reachable.set()

    def arrive(self, data: bytes, now: float) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append((now, data))
        self._came.set()

    def close(self) -> None:
        self._closed = True
        self._came.set()
        self._door.forget(self)

    async def _recv(self) -> bytes:
        while not self._waiting:
            if self._closed:
                raise ConnectionError("the session is over")
            self._came.clear()
            await self._came.wait()
        self.arrived, data = self._waiting.popleft()
        return data

    async def _send(self, data: bytes) -> None:
        if self._closed or self.peer is None:
            raise ConnectionError("the session is over")
        self._door.send(data, self.peer)


class Door(asyncio.DatagramProtocol):
    """`clock` says when datagrams come, in s."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_user: dict[str, Path] = {}
        self._by_address: dict[Address, Path] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, host: str, port: int) -> None:
        """Raises OSError that names the address."""
        try:
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, port))
        except OSError as fault:
            raise OSError(
                fault.errno, f"cannot listen for WHIP media on UDP {host}:{port}: {fault.strerror}"
            ) from fault

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        found: socket.socket | None = transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)  # the system's limit may be lower

    @property
    def host(self) -> str:
        """The address that it is bound to, `0.0.0.0` or `::` for all."""
        assert self._transport is not None
        return str(self._transport.get_extra_info("sockname")[0])

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def path(self, theirs: str) -> Path:
        """A way for a session whose publisher calls itself `theirs` (ice-ufrag)."""
        made = Path(self, theirs)
        self._by_user[made.ufrag] = made
        return made

    def forget(self, path: Path) -> None:
        self._by_user.pop(path.ufrag, None)
        for source in path.known:
            if self._by_address.get(source) is path:
                del self._by_address[source]

    def send(self, data: bytes, target: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(data, target)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        source = (addr[0], addr[1])  # of IPv6 there are four
        if not ice.is_stun(data):
            if (path := self._by_address.get(source)) is not None:
                path.arrive(data, self._clock.monotonic())
            return
        path = self._by_user.get(ice.user(data))
        if path is None:
            return
        checked = ice.check(data, source, ufrag=path.ufrag, password=path.password, theirs=path.theirs)
        if checked is None:
            return
        self._know(path, source)
        path.checked(source, nominated=checked.nominated)
        self.send(checked.reply, source)

    def _know(self, path: Path, source: Address) -> None:
        if self._by_address.get(source) is path:
            return
        self._by_address[source] = path
        path.known.append(source)
        if len(path.known) > _MOST_ADDRESSES:
            oldest = path.known.popleft()
            if self._by_address.get(oldest) is path:
                del self._by_address[oldest]

    def error_received(self, exc: Exception) -> None:
        """ICMP says that a publisher is gone: its session notices by the silence."""
