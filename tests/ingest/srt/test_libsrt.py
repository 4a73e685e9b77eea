"""The binding against the installed library, with two of its sockets in one process."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Iterator

import pytest

from ingest.srt import libsrt
from ingest.srt.access import Reject
from ingest.srt.libsrt import Library, Missing
from tests.kit.srt import libsrt_is_there


@pytest.fixture
def library() -> Iterator[Library]:
    libsrt_is_there()
    library = Library()
    yield library
    library.close()


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsrt, "_NAMES", ("libnothing.so.0",))
    monkeypatch.setattr(libsrt, "_FOUND_AS", ())
    with pytest.raises(Missing, match=r"libsrt1\.5-gnutls"):
        Library()


def test_a_listener_has_a_port_and_no_one_else_gets_it(library: Library) -> None:
    listener = library.listen("127.0.0.1", 0, latency_ms=120, backlog=4, on_handshake=lambda *_: 0)
    port = library.port(listener)
    assert port > 0 and library.accept(listener) is None
    with pytest.raises(OSError, match="same port"):
        library.listen("127.0.0.1", port, latency_ms=120, backlog=4, on_handshake=lambda *_: 0)
    library.end(listener)


def test_a_port_of_another_program_is_said(library: Library) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="already in use"):
            library.listen("127.0.0.1", taken.getsockname()[1], latency_ms=120, backlog=4, on_handshake=lambda *_: 0)


def test_ipv6(library: Library) -> None:
    listener = library.listen("::1", 0, latency_ms=120, backlog=4, on_handshake=lambda *_: 0)
    assert library.port(listener) > 0
    library.end(listener)


def test_a_passphrase_that_the_library_does_not_take(library: Library) -> None:
    with pytest.raises(OSError, match="passphrase"):
        library.protect(-1, "short")


def test_what_is_no_connection_has_ended(library: Library) -> None:
    assert library.figures(12345) is None
    with pytest.raises(libsrt.Ended):
        library.receive(12345, ctypes.create_string_buffer(4096))


def test_figures_are_read_from_the_right_places() -> None:
    """Offsets of CBytePerfMon in SRT 1.5 (srt.h) for 64-bit machines."""
    offsets = {name: getattr(libsrt._Figures, name).offset for name in ("received", "lost", "dropped", "rtt_ms")}
    assert offsets == {"received": 144, "lost": 156, "dropped": 236, "rtt_ms": 328}


def test_a_caller_learns_the_code_of_its_refusal_and_the_hook_its_stream_id(library: Library) -> None:
    asked: list[tuple[str, str]] = []

    def no(peer: str, stream_id: str, _: int) -> int:
        asked.append((peer.rpartition(":")[0], stream_id))
        return Reject.CONFLICT

    listener = library.listen("127.0.0.1", 0, latency_ms=120, backlog=4, on_handshake=no)
    c, stream_id = library._c, "#!::r=studio,m=publish,s=ä".encode()
    caller = c.srt_create_socket()
    c.srt_setsockflag(caller, 46, stream_id, len(stream_id))  # SRTO_STREAMID
    to = libsrt._packed(socket.AF_INET, ("127.0.0.1", library.port(listener)))
    assert c.srt_connect(caller, to, len(to)) < 0
    assert c.srt_getrejectreason(caller) == 1409
    assert asked == [("127.0.0.1", stream_id.decode())]
    library.end(caller)
    library.end(listener)
