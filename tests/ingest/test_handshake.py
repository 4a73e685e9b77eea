from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.handshake import SIZE, ServerHandshake

NOISE = bytes(range(256)) * 5 + bytes(SIZE - 8 - 1280)
C1 = b"\0\0\0\x07" + bytes(4) + b"\xaa" * (SIZE - 8)


def server() -> ServerHandshake:
    return ServerHandshake(noise=NOISE, time_ms=5000)


def test_the_order_of_the_dialogue() -> None:
    """RTMP 5.2.1: S0 and S1 after C0, S2 after C1, the rest after C2."""
    it = server()
    s0_s1 = it.feed(b"\x03")
    assert s0_s1 == b"\x03" + (5000).to_bytes(4, "big") + bytes(4) + NOISE
    s2 = it.feed(C1)
    assert s2 == C1[:4] + (5000).to_bytes(4, "big") + C1[8:]  # 5.2.4: their time, our time of reading, their echo
    assert it.feed(bytes(SIZE) + b"rest") == b""
    assert it.done
    assert it.rest == b"rest"


def test_octet_by_octet_gives_the_same() -> None:
    whole, single = server(), server()
    sent = b"\x03" + C1 + bytes(SIZE)
    assert b"".join(single.feed(bytes((octet,))) for octet in sent) == whole.feed(sent)
    assert single.done


def test_another_version_is_answered_with_three() -> None:
    assert server().feed(b"\x06")[:1] == b"\x03"


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1", b"\x80\x2e", b"SSH-2.0"])
def test_what_is_no_rtmp_is_said_to_be_so(first: bytes) -> None:
    with pytest.raises(Problem, match="not RTMP"):
        server().feed(first)
