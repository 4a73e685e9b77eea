"""`python -m bench.waiters PORT PLAYLIST COUNT ROUNDS`: so many viewers wait at once for the next part of a playlist.

In each round, COUNT connections ask for the playlist that has the hinted part (`_HLS_msn`, `_HLS_part`) and one more
asks for the part itself; all are held until it is there. Writes a JSON array, a round each: `tfdt` and `samples` of the
part, `part` and `playlists`: `perf_counter` at which the last octet of the part and of each playlist came, in order.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time

from packager.fragments import read_chunk

_HINT = re.compile(r'EXT-X-PRELOAD-HINT:TYPE=PART,URI="((\d+)\.(\d+)\.m4s)"')
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_PATIENCE_S = 20.0


class _Asker:
    def __init__(self, port: int) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.came = b""
        self.whole = 0.0

    def ask(self, path: str) -> None:
        self.came, self.whole = b"", 0.0
        self.wire.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def read(self) -> bool:
        """Take what has come; true once the answer is whole. Raises RuntimeError if it is not a 200."""
        data = self.wire.recv(1 << 18)
        if not data:
            raise RuntimeError("the server closed a connection")
        self.came += data
        end = self.came.find(b"\r\n\r\n")
        length = _LENGTH.search(self.came, 0, end + 2) if end >= 0 else None
        if length is None and end < 0:
            return False
        if not self.came.startswith(b"HTTP/1.1 200 ") or length is None:
            raise RuntimeError(self.came[:400].decode("latin-1"))
        if len(self.came) < end + 4 + int(length[1]):
            return False
        self.whole = time.perf_counter()
        return True

    @property
    def body(self) -> bytes:
        return self.came[self.came.find(b"\r\n\r\n") + 4 :]


def run(port: int, playlist: str, count: int, rounds: int) -> list[dict[str, object]]:
    first, *waiting = [_Asker(port) for _ in range(count + 1)]
    ready = select.epoll()
    by_number = {one.wire.fileno(): one for one in (first, *waiting)}
    for number in by_number:
        ready.register(number, select.EPOLLIN)
    found = []
    first.ask(playlist)
    while not first.read():
        pass
    newest = first.body
    for at in range(rounds + 2):
        hint = _HINT.search(newest.decode())
        if hint is None:
            raise RuntimeError("the playlist hints at no part")
        for one in waiting:
            one.ask(f"{playlist}?_HLS_msn={hint[2]}&_HLS_part={hint[3]}")
        first.ask(f"{playlist.rpartition('/')[0]}/{hint[1]}")
        left = count + 1
        until = time.perf_counter() + _PATIENCE_S
        while left and time.perf_counter() < until:
            for number, _ in ready.poll(1):
                left -= by_number[number].read()
        if left:
            raise RuntimeError(f"{left} of {count + 1} were not answered in {_PATIENCE_S} s")
        newest = waiting[0].body
        if at < 2:  # what comes without waiting is kept by edges for a while: its hint is of the past
            continue
        part = read_chunk(first.body)
        came = sorted(one.whole for one in waiting)
        found.append({"tfdt": part.tfdt, "samples": part.samples, "part": first.whole, "playlists": came})
    return found


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
