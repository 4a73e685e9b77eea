"""The UDP port that all sessions share."""

from __future__ import annotations

import asyncio

import pytest
from aioice import stun

from ingest.whip.door import Door
from node.clock import SystemClock
from tests.kit.ingesting import free_udp_port


class Peer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.put_nowait(data)


async def peer(door: Door) -> tuple[asyncio.DatagramTransport, Peer]:
    loop = asyncio.get_running_loop()
    made = await loop.create_datagram_endpoint(Peer, remote_addr=("127.0.0.1", door.port))
    return made


def check(user: str, password: str) -> bytes:
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes |= {"USERNAME": user, "USE-CANDIDATE": None}
    message.add_message_integrity(password.encode())
    return bytes(message)


@pytest.fixture
async def door() -> object:
    made = Door(SystemClock())
    await made.open("127.0.0.1", 0)
    yield made
    made.close()


async def test_sessions_are_told_apart_by_who_has_shown_their_password(door: Door) -> None:
    async with asyncio.timeout(20):
        first, second = door.path("aaaa"), door.path("bbbb")
        (one, heard_one), (two, _) = await peer(door), await peer(door)
        one.sendto(b"\x80too early")
        one.sendto(check(f"{first.ufrag}:aaaa", first.password))
        two.sendto(check(f"{second.ufrag}:bbbb", second.password))
        assert stun.parse_message(await heard_one.heard.get()).message_class == stun.Class.RESPONSE
        await second.reachable.wait()
        one.sendto(b"\x80one")
        two.sendto(b"\x80two")
        assert (await first._recv(), await second._recv()) == (b"\x80one", b"\x80two")
        await first._send(b"to one")
        assert await heard_one.heard.get() == b"to one"
        first.close()
        with pytest.raises(ConnectionError):
            await first._recv()
        with pytest.raises(ConnectionError):
            await first._send(b"x")
        one.close()
        two.close()


async def test_a_publisher_that_moves_is_followed(door: Door) -> None:
    async with asyncio.timeout(20):
        path = door.path("aaaa")
        for _ in range(12):
            one, heard = await peer(door)
            one.sendto(check(f"{path.ufrag}:aaaa", path.password))
            await heard.heard.get()
            one.sendto(b"\x80here")
            assert await path._recv() == b"\x80here"
            await path._send(b"there")
            assert await heard.heard.get() == b"there"
            one.close()
        assert len(path.known) <= 8


async def test_what_nobody_takes_is_dropped(door: Door) -> None:
    path = door.path("aaaa")
    for _ in range(5000):
        path.arrive(b"x", 1.0)
    assert path.dropped == 5000 - 4096


async def test_an_address_that_is_taken_is_named() -> None:
    door, other = Door(SystemClock()), Door(SystemClock())
    port = free_udp_port()
    await door.open("127.0.0.1", port)
    with pytest.raises(OSError, match=f"WHIP media on UDP 127.0.0.1:{port}"):
        await other.open("127.0.0.1", port)
    door.close()
