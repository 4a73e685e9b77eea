"""`python -m bench.rtmp_streams PORT SECONDS KBITS < names`: publish to these names at once, in real time, over RTMP.

25 pictures a second, a keyframe every 2 s, AAC at 48 kHz; the octets of pictures are noise. Every message after the
first says its time as a difference, so all streams send the same octets at each tick, made once before. Writes one JSON
object: `sent` (`perf_counter` at which the first stream's octets of each tick were handed to the kernel), `waited` (the
most octets that a stream had waiting for the server) and `lost` (sends to streams that the server closed).
"""

from __future__ import annotations

import json
import random
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass

from ingest import amf
from ingest.chunks import ChunkWriter, Message
from ingest.handshake import SIZE

RATE, GOP = 25, 50
_TICK_S = 1 / RATE
_ROUND = 200  # ticks after which pictures and sound lie to each other as at first (8 s)
_CHUNK = 60_000
_AUDIO_CSID, _VIDEO_CSID = 4, 6
_SPS = bytes.fromhex("6742c00cda05067e7840000003004000000ca3c50aa8")
_PPS = bytes.fromhex("68ce0fc8")
_AVCC = bytes((1, *_SPS[1:4], 0xFF, 0xE1)) + struct.pack(">H", len(_SPS)) + _SPS + b"\x01\x00\x04" + _PPS
_ASC = bytes.fromhex("1190")
_MOST_WAITING = 32 << 20


@dataclass(slots=True)
class _Stream:
    wire: socket.socket
    waiting: bytearray


def run(port: int, seconds: float, kbits: int, names: list[str]) -> dict[str, object]:
    ticks = _ticks(kbits)
    streams = [_open(port, name) for name in names]
    ready = select.epoll()
    by_number = {one.wire.fileno(): one for one in streams}
    for number in by_number:
        ready.register(number, select.EPOLLIN)
    sent: list[float] = []
    waited = lost = 0
    begun = time.perf_counter() + 0.1
    apart = _TICK_S / len(streams)
    for tick in range(int(seconds * RATE)):
        octets = ticks[tick] if tick < _ROUND else ticks[_ROUND + tick % _ROUND]
        for at, one in enumerate(streams):
            _until(begun + tick * _TICK_S + at * apart, ready, by_number)
            lost += not _send(one, octets)
            waited = max(waited, len(one.waiting))
            if at == 0:
                sent.append(time.perf_counter())
    for one in streams:
        one.wire.close()
    return {"sent": sent, "waited": waited, "lost": lost}


def _until(due: float, ready: select.epoll, streams: dict[int, _Stream]) -> None:
    """Read and forget what servers say, send on what waits, until it is time."""
    while (left := due - time.perf_counter()) > 0:
        for number, event in ready.poll(left):
            one = streams[number]
            try:
                if event & select.EPOLLIN and not one.wire.recv(65536):
                    ready.unregister(number)
                    one.wire.close()
            except (BlockingIOError, ConnectionError):
                continue
        for one in streams.values():
            if one.waiting:
                _send(one, b"")


def _send(one: _Stream, octets: bytes) -> bool:
    """False if the server has gone or takes too little."""
    if one.wire.fileno() < 0 or len(one.waiting) > _MOST_WAITING:
        return False
    try:
        if one.waiting:
            one.waiting += octets
            del one.waiting[: one.wire.send(one.waiting)]
        elif (took := one.wire.send(octets)) < len(octets):
            one.waiting += octets[took:]
    except BlockingIOError:
        one.waiting += octets if not one.waiting else b""
    except ConnectionError:
        one.wire.close()
        return False
    return True


def _open(port: int, name: str) -> _Stream:
    """A connection that was told `publish`, and let it: its server has answered everything by then."""
    wire = socket.create_connection(("127.0.0.1", port), timeout=20)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writer = ChunkWriter()
    wire.sendall(b"\x03" + bytes(2 * SIZE))
    for stream, body in (
        (0, amf.encode("connect", 1, {"app": "live", "flashVer": "bench", "tcUrl": f"rtmp://127.0.0.1:{port}/live"})),
        (0, amf.encode("createStream", 2, None)),
        (1, amf.encode("publish", 3, None, name, "live")),
    ):
        wire.sendall(writer.write(3, Message(type=20, stream=stream, timestamp=0, body=body)))
    said = b""
    while b"NetStream.Publish.Start" not in said:
        got = wire.recv(65536)
        if not got:
            raise RuntimeError(f"the server does not let {name[:4]}... publish: {said[-200:]!r}")
        said += got
    wire.sendall(writer.set_chunk_size(_CHUNK))
    wire.setblocking(False)
    return _Stream(wire, bytearray())


def _ticks(kbits: int) -> list[bytes]:
    """What each tick sends: the first round begins with full headers and configurations, the second repeats."""
    noise = random.Random(1).randbytes(kbits * 1000)
    mean = kbits * 1000 // 8 // RATE
    key, other = 3 * mean, (GOP * mean - 3 * mean) // (GOP - 1)
    found = []
    begun: set[int] = set()
    sound = 0

    def message(csid: int, kind: int, body: bytes, delta: int) -> bytes:
        if csid in begun:
            head = bytes((0x40 | csid,)) + delta.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes((kind,))
        else:
            begun.add(csid)
            head = bytes((csid, 0, 0, 0)) + len(body).to_bytes(3, "big") + bytes((kind, 1, 0, 0, 0))
        pieces = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)]
        return head + bytes((0xC0 | csid,)).join(pieces)

    for tick in range(2 * _ROUND):
        out = b""
        if tick == 0:
            out += message(_VIDEO_CSID, 9, b"\x17\x00\x00\x00\x00" + _AVCC, 0)
            out += message(_AUDIO_CSID, 8, b"\xaf\x00" + _ASC, 0)
        sync = tick % GOP == 0
        size = key if sync else other
        at = tick * 997 % (len(noise) - size)
        unit = bytes((0x65 if sync else 0x41,)) + noise[at : at + size].replace(b"\x00", b"\x01")
        body = (b"\x17" if sync else b"\x27") + b"\x01\x00\x00\x00" + struct.pack(">I", len(unit)) + unit
        out += message(_VIDEO_CSID, 9, body, 40 if tick else 0)
        while sound * 1024 * 1000 // 48000 < (tick + 1) * 40:
            since = sound * 1024 * 1000 // 48000 - max(0, sound - 1) * 1024 * 1000 // 48000
            out += message(_AUDIO_CSID, 8, b"\xaf\x01" + noise[sound : sound + 340], since)
            sound += 1
        found.append(out)
    return found


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.stdin.read().split())))
