from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from base.sources import parse


def test_datagrams() -> None:
    source = parse("udp://239.1.2.3:5000?interface=192.0.2.7#program=3")
    assert (source.host, source.port, source.interface, source.program) == ("239.1.2.3", 5000, "192.0.2.7", 3)
    assert source.datagrams and source.group and source.shown == "udp://239.1.2.3:5000"
    assert parse("udp://@:5000").host == "0.0.0.0" and not parse("udp://@:5000").group
    assert parse("rtp://[ff02::1]:5004").group and parse("rtp://[ff02::1]:5004").shown == "rtp://[ff02::1]:5004"


def test_a_secret_in_an_address_is_kept_for_the_request_alone() -> None:
    source = parse("https://ann:secret@tv.example/live.ts?token=hidden#program=2")
    assert source.url == "https://ann:secret@tv.example/live.ts?token=hidden"
    assert source.shown == "https://tv.example:443" and source.program == 2
    assert not source.datagrams


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is pulled by"),
        ("rtmp://host/live", "is pulled by udp, rtp, http, https"),
        ("/etc/passwd", "is pulled by"),
        ("file:///etc/passwd", "is pulled by"),
        ("udp://host.example:5000", "IP addresses"),
        ("udp://239.1.2.3", "no port"),
        ("udp://239.1.2.3:99999", "no address"),
        ("udp://239.1.2.3:5000?interface=eth0", "IP addresses"),
        ("http:///stream.ts", "no host"),
        ("http://host/a b", "no address"),
        ("http://host/#programme", "program=NUMBER"),
        ("http://host/#program=0", "program=NUMBER"),
        ("http://[::1/", "no address"),
        ("http://host/" + "x" * 3000, "no address"),
    ],
)
def test_what_is_no_source_is_refused_without_repeating_it(text: str, words: str) -> None:
    with pytest.raises(Problem, match=words) as refused:
        parse(text)
    assert not text or text not in refused.value.detail


@given(st.text(max_size=80) | st.from_regex(r"(udp|rtp|http)://[\[\]a-z0-9.:@]{0,20}[?#]?.{0,10}", fullmatch=True))
def test_any_text_is_a_source_or_a_problem(text: str) -> None:
    try:
        source = parse(text)
    except Problem as problem:
        assert problem.kind.name == "malformed"
    else:
        assert source.port > 0 and source.host
