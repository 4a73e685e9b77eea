"""The RTMP handshake, server side, without I/O (RTMP 1.0 section 5.2).

Plain echo only: OBS and ffmpeg accept it also when they offer the digest form (a non-zero second word in C1).
"""

from __future__ import annotations

import struct

from base.problems import Problem

SIZE = 1536
_VERSION = 3


class ServerHandshake:
    """Feed it octets until `done`; what came after C2 is in `rest`. `noise` is 1528 random octets for S1."""

    def __init__(self, *, noise: bytes, time_ms: int) -> None:
        assert len(noise) == SIZE - 8
        self._s1 = struct.pack(">II", time_ms & 0xFFFFFFFF, 0) + noise
        self._time_ms = time_ms & 0xFFFFFFFF
        self._buffer = bytearray()
        self._step = 0  # how many of C0, C1, C2 have come

    @property
    def done(self) -> bool:
        return self._step == 3

    @property
    def rest(self) -> bytes:
        assert self.done
        return bytes(self._buffer)

    def feed(self, data: bytes) -> bytes:
        """The octets to send now. Raises Problem malformed if this cannot be RTMP."""
        self._buffer += data
        out = b""
        if self._step == 0 and self._buffer:
            version = self._buffer[0]
            # 5.2.2: 4 to 31 are for later versions and are answered with 3; 32 and above are no RTMP but text.
            if version >= 32:
                raise Problem("malformed", f"this is not RTMP: the first octet is 0x{version:02x}, expected 0x03")
            del self._buffer[:1]
            self._step = 1
            out += bytes((_VERSION,)) + self._s1
        if self._step == 1 and len(self._buffer) >= SIZE:
            c1 = bytes(self._buffer[:SIZE])
            del self._buffer[:SIZE]
            self._step = 2
            out += c1[:4] + struct.pack(">I", self._time_ms) + c1[8:]  # S2 (5.2.4)
        if self._step == 2 and len(self._buffer) >= SIZE:
            del self._buffer[:SIZE]  # C2 echoes S1; peers that send noise instead are not worth refusing
            self._step = 3
        return out
