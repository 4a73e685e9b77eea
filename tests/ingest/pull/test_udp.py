from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from base.sources import parse
from ingest.pull.udp import MOST_WAITING, Datagrams, _payload, receiving
from tests.kit.srt import free_udp_port

PACKETS = b"\x47" + bytes(187)


async def test_datagrams_are_read_in_order() -> None:
    port = free_udp_port()
    async with receiving(parse(f"udp://127.0.0.1:{port}")) as found, asyncio.timeout(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(5):
                sender.sendto(PACKETS + bytes((number,)), ("127.0.0.1", port))
            octets = b""
            while len(octets) < 5 * 189:
                octets += await found.read()
        assert [octets[at] for at in range(188, 5 * 189, 189)] == [0, 1, 2, 3, 4]
        assert found.peer.startswith("127.0.0.1:") and found.dropped == 0


async def test_a_group_is_joined() -> None:
    port = free_udp_port()
    async with receiving(parse(f"udp://239.255.77.7:{port}?interface=127.0.0.1")) as found, asyncio.timeout(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            sender.sendto(PACKETS, ("239.255.77.7", port))
            assert await found.read() == PACKETS


async def test_an_address_that_cannot_be_had_is_named() -> None:
    port = free_udp_port()
    async with receiving(parse(f"udp://127.0.0.1:{port}")):
        with pytest.raises(OSError, match=f"cannot receive at udp://127.0.0.1:{port}"):
            async with receiving(parse(f"udp://127.0.0.1:{port}")):
                pass


async def test_what_is_not_read_is_bounded_and_counted() -> None:
    found = Datagrams(rtp=False)
    for _ in range(MOST_WAITING + 7):
        found.datagram_received(PACKETS, ("127.0.0.1", 1))
    assert found.dropped == 7
    octets = 0
    while octets < MOST_WAITING * 188:
        octets += len(await found.read())
    assert octets == MOST_WAITING * 188


@pytest.mark.rule("RFC 3550 5.1", "media stands behind the fixed header, its sources and its extension; padding goes")
def test_rtp() -> None:
    head = struct.pack(">BBHII", 0x80, 33, 1, 2, 3)
    assert _payload(head + PACKETS * 7) == PACKETS * 7
    assert _payload(
        struct.pack(">BBHII", 0xB2, 33, 1, 2, 3) + bytes(8) + b"\0\0\0\1" + bytes(4) + PACKETS + b"\0\2"
    ) == (PACKETS)
    assert _payload(b"\x80short") == b"" and _payload(PACKETS) == b""
