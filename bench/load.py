"""`python -m bench.load PORT SECONDS CONNECTIONS < paths`: ask for the paths in turn, as fast as answers come.

Bodies are thrown away by the kernel (MSG_TRUNC, tcp(7)): a load that copies them is slower than what it measures once
bodies are megabytes. Writes one JSON object: answers, octets, seconds. Ends with a message at the first answer that is
not a 200 with Content-Length.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_MOST = 1 << 22


@dataclass(slots=True)
class _Connection:
    """`left`: octets of the body that are still to come; -1 while the head is."""

    wire: socket.socket
    head: bytes = b""
    left: int = -1


def run(port: int, paths: list[str], seconds: float, connections: int) -> dict[str, float]:
    """Raises RuntimeError at an answer that cannot be counted."""
    requests = [f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode() for path in paths]
    asked = answers = octets = 0
    scratch = memoryview(bytearray(_MOST))
    ready = select.epoll()
    open_: dict[int, _Connection] = {}
    for _ in range(connections):
        wire = socket.create_connection(("127.0.0.1", port))
        wire.setblocking(False)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_[wire.fileno()] = _Connection(wire)
        wire.send(requests[asked % len(requests)])
        asked += 1
        ready.register(wire.fileno(), select.EPOLLIN)
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        for number, _ in ready.poll(1):
            one = open_[number]
            try:
                if one.left < 0:
                    octets += _head(one)
                while one.left > 0:
                    got = one.wire.recv_into(scratch, min(one.left, _MOST), socket.MSG_TRUNC)
                    if not got:
                        raise RuntimeError("the server closed a connection in the middle of a body")
                    one.left -= got
            except BlockingIOError:
                continue
            if one.left == 0:
                answers += 1
                one.left = -1
                one.wire.send(requests[asked % len(requests)])
                asked += 1
    for one in open_.values():
        one.wire.close()
    return {"answers": answers, "octets": octets, "seconds": spent}


def _head(one: _Connection) -> int:
    """Read what has come of a head; the body's length once it is whole, else 0."""
    data = one.wire.recv(4096)
    if not data:
        raise RuntimeError("the server closed a connection")
    one.head += data
    end = one.head.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = _LENGTH.search(one.head, 0, end + 2)
    if not one.head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise RuntimeError(one.head[:400].decode("latin-1"))
    one.left = int(length[1]) - (len(one.head) - end - 4)
    one.head = b""
    return int(length[1])


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.stdin.read().split(), float(sys.argv[2]), int(sys.argv[3]))))
