"""The C library libsrt through ctypes: the few functions that a receiver needs, with their errors as exceptions.

Declarations: srt.h of SRT 1.4 to 1.5. Every function here returns at once: sockets are set not to wait. Only the hook
of `on_handshake` is called by a thread of the library's own, while it serves no other packet of the port.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

_NAMES = ("libsrt-gnutls.so.1.5", "libsrt-openssl.so.1.5", "libsrt.so.1.5", "libsrt-gnutls.so.1.4", "libsrt.so.1")
_FOUND_AS = ("srt-gnutls", "srt-openssl", "srt")
# SRT_SOCKOPT
_RCVSYN, _PASSPHRASE, _RCVLATENCY, _PEERVERSION = 2, 26, 43, 35
_NOTHING_YET = 6002  # SRT_EASYNCRCV
_IN, _ERR = 1, 8
_LOG_CRITICAL = 2
_ADDRESS = 128  # sizeof(struct sockaddr_storage)
MAX_MESSAGE = 1456  # SRT_LIVE_MAX_PLSIZE
_HOOK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
)  # srt_listen_callback_fn
# (peer as host:port, stream id, socket) -> 0, or a rejection code
Handshake = Callable[[str, str, int], int]


class Missing(Exception):
    """The library is not installed."""


class Ended(Exception):
    """The connection is over."""


class _Event(ctypes.Structure):
    _fields_ = (("socket", ctypes.c_int), ("events", ctypes.c_int))


_I32, _I64, _U64, _F64 = ctypes.c_int, ctypes.c_int64, ctypes.c_uint64, ctypes.c_double


class _Figures(ctypes.Structure):
    """CBytePerfMon up to what is read here. The library may be newer and write more: `room` takes that."""

    _fields_ = (
        ("totals_a", _I64 * 3),
        ("totals_b", _I32 * 7),
        ("send_duration", _I64),
        ("drops", _I32 * 3),
        ("octets", _U64 * 7),
        ("sent", _I64),
        ("received", _I64),
        ("send_loss", _I32),
        ("lost", _I32),
        ("retransmitted_to", _I32),
        ("retransmitted", _I32),
        ("acks", _I32 * 4),
        ("rates", _F64 * 2),
        ("busy", _I64),
        ("reorder", _I32),
        ("belated_time", _F64),
        ("belated", _I64),
        ("send_drop", _I32),
        ("dropped", _I32),
        ("undecrypted", _I32),
        ("more_octets", _U64 * 7),
        ("send_period", _F64),
        ("windows", _I32 * 3),
        ("rtt_ms", _F64),
        ("room", ctypes.c_uint8 * 1024),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one link. Packets since they were last asked for; `rtt_s` now. `dropped` came too late or never."""

    rtt_s: float
    received: int
    lost: int
    retransmitted: int
    dropped: int
    undecrypted: int


class Library:
    """Loaded and started; `close` ends the library's threads. Raises Missing."""

    def __init__(self) -> None:
        self._c = _load()
        self._hooks: list[object] = []  # the library keeps only their addresses
        self._c.srt_startup()
        self._c.srt_setloglevel(_LOG_CRITICAL)
        version = self._c.srt_getversion()
        self.version = f"{version >> 16}.{version >> 8 & 255}.{version & 255}"

    def close(self) -> None:
        self._c.srt_cleanup()

    def listen(self, host: str, port: int, *, latency_ms: int, backlog: int, on_handshake: Handshake) -> int:
        """A listening socket. `on_handshake` must be quick and must not raise. Raises OSError."""
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        made = self._c.srt_create_socket()

        def hook(_: int | None, caller: int, __: int, peer: int, stream_id: bytes | None) -> int:
            code = on_handshake(_spelt(peer), (stream_id or b"").decode("utf-8", "replace"), caller)
            if code:
                self._c.srt_setrejectreason(caller, code)
            return -1 if code else 0

        kept = _HOOK(hook)
        self._hooks.append(kept)
        try:
            self._set(made, _RCVSYN, 0)
            self._set(made, _RCVLATENCY, latency_ms)
            octets = _packed(family, address)
            if (
                self._c.srt_bind(made, octets, len(octets)) < 0
                or self._c.srt_listen_callback(made, kept, None) < 0
                or self._c.srt_listen(made, backlog) < 0
            ):
                raise self._fault()
        except OSError:
            self._c.srt_close(made)
            raise
        return int(made)

    def protect(self, caller: int, passphrase: str) -> None:
        """Within the handshake: the caller must have this passphrase. Raises OSError."""
        octets = passphrase.encode()
        if self._c.srt_setsockflag(caller, _PASSPHRASE, octets, len(octets)) < 0:
            raise OSError("libsrt refuses the passphrase")

    def port(self, listener: int) -> int:
        """The UDP port that it got."""
        address, size = ctypes.create_string_buffer(_ADDRESS), ctypes.c_int(_ADDRESS)
        self._c.srt_getsockname(listener, address, ctypes.byref(size))
        return int(struct.unpack_from("!H", address, 2)[0])

    def accept(self, listener: int) -> int | None:
        """A connection whose handshake is over, None if there is none."""
        size = ctypes.c_int(_ADDRESS)
        found = self._c.srt_accept(listener, ctypes.create_string_buffer(_ADDRESS), ctypes.byref(size))
        return int(found) if found >= 0 else None

    def peer_version(self, link: int) -> str:
        value = self._get(link, _PEERVERSION)
        return f"{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"

    def latency_s(self, link: int) -> float:
        """How long after it was sent a packet is given out: the greater of what both sides asked for."""
        return self._get(link, _RCVLATENCY) / 1000

    def receive(self, link: int, into: ctypes.Array[ctypes.c_char]) -> int:
        """Whole messages into `into`, as many as there are and fit; how many octets.

        Raises Ended; what came before the end is still given, later, when it is due.
        """
        taken, most = 0, len(into) - MAX_MESSAGE
        while taken <= most:
            got = self._c.srt_recvmsg(link, ctypes.byref(into, taken), MAX_MESSAGE)
            if got <= 0:
                if got < 0 and self._c.srt_getlasterror(None) == _NOTHING_YET:
                    break
                if not taken:
                    raise Ended
                break
            taken += got
        return taken

    def figures(self, link: int) -> Figures | None:
        """None if the connection is gone."""
        found = _Figures()
        if self._c.srt_bstats(link, ctypes.byref(found), 1) < 0:
            return None
        return Figures(
            rtt_s=found.rtt_ms / 1000,
            received=found.received,
            lost=found.lost,
            retransmitted=found.retransmitted,
            dropped=found.dropped,
            undecrypted=found.undecrypted,
        )

    def end(self, made: int) -> None:
        """Close a socket. May take some milliseconds."""
        self._c.srt_close(made)

    def watch(self) -> int:
        """A set of sockets to be asked about."""
        made = int(self._c.srt_epoll_create())
        self._c.srt_epoll_set(made, 1)  # SRT_EPOLL_ENABLE_EMPTY
        return made

    def add(self, watch: int, made: int) -> None:
        self._c.srt_epoll_add_usock(watch, made, ctypes.byref(ctypes.c_int(_IN | _ERR)))

    def remove(self, watch: int, made: int) -> None:
        self._c.srt_epoll_remove_usock(watch, made)

    def release(self, watch: int) -> None:
        self._c.srt_epoll_release(watch)

    def ready(self, watch: int, most: int) -> list[int]:
        """Sockets of the set with something to read, to accept or to say about their end."""
        found = (_Event * most)()
        count = self._c.srt_epoll_uwait(watch, found, most, 0)
        return [found[at].socket for at in range(max(count, 0))]

    def _set(self, made: int, option: int, value: int) -> None:
        held = ctypes.c_int(value)
        if self._c.srt_setsockflag(made, option, ctypes.byref(held), ctypes.sizeof(held)) < 0:
            raise self._fault()

    def _get(self, made: int, option: int) -> int:
        value, size = ctypes.c_int(0), ctypes.c_int(4)
        self._c.srt_getsockflag(made, option, ctypes.byref(value), ctypes.byref(size))
        return value.value

    def _fault(self) -> OSError:
        number = ctypes.c_int(0)
        self._c.srt_getlasterror(ctypes.byref(number))
        said = self._c.srt_getlasterror_str().decode("utf-8", "replace")
        return OSError(f"{said}: {os.strerror(number.value).lower()}" if number.value else said)


def _load() -> ctypes.CDLL:
    found = (name for name in map(ctypes.util.find_library, _FOUND_AS) if name)
    for name in (*_NAMES, *found):
        try:
            c = ctypes.CDLL(name)
        except OSError:
            continue
        c.srt_getlasterror_str.restype = ctypes.c_char_p
        c.srt_getversion.restype = ctypes.c_uint32
        c.srt_epoll_uwait.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
        return c
    raise Missing("libsrt is not installed (Debian and Ubuntu: libsrt1.5-gnutls)")


def _packed(family: int, address: tuple[object, ...]) -> bytes:
    """struct sockaddr_in or sockaddr_in6."""
    host, port = str(address[0]), int(str(address[1]))
    octets = socket.inet_pton(family, host.partition("%")[0])
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H4s8x", port, octets)
    return struct.pack("=H", family) + struct.pack("!HI16s", port, 0, octets) + struct.pack("=I", int(str(address[3])))


def _spelt(address: int) -> str:
    (family,) = struct.unpack("=H", ctypes.string_at(address, 2))
    octets = ctypes.string_at(address, 28 if family == socket.AF_INET6 else 16)
    (port,) = struct.unpack_from("!H", octets, 2)
    if family == socket.AF_INET6:
        return f"[{socket.inet_ntop(socket.AF_INET6, octets[8:24])}]:{port}"
    return f"{socket.inet_ntoa(octets[4:8])}:{port}"
