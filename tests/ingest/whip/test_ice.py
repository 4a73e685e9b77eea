"""Answers to ICE checks."""

from __future__ import annotations

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from ingest.whip import ice

SOURCE = ("192.0.2.9", 40_000)
WORDS = {"ufrag": "ours", "password": "secret" * 4, "theirs": "wxyz"}


def request(user: str = "ours:wxyz", password: str = WORDS["password"], **more: object) -> bytes:
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes |= {"USERNAME": user, "PRIORITY": 5, **more}
    message.add_message_integrity(password.encode())
    return bytes(message)


@pytest.mark.rule("RFC 8445 7.3", "a check is answered with the address that it came from, by the same password")
def test_a_check_is_answered() -> None:
    octets = request(**{"ICE-CONTROLLING": 7, "USE-CANDIDATE": None})
    assert ice.is_stun(octets) and ice.user(octets) == "ours"
    checked = ice.check(octets, SOURCE, **WORDS)
    assert checked is not None and checked.nominated
    reply = stun.parse_message(checked.reply)
    assert reply.message_class == stun.Class.RESPONSE
    assert reply.attributes["XOR-MAPPED-ADDRESS"] == SOURCE
    assert reply.check_message_integrity(WORDS["password"].encode())


def test_a_check_without_nomination() -> None:
    checked = ice.check(request(**{"ICE-CONTROLLING": 7}), SOURCE, **WORDS)
    assert checked is not None and not checked.nominated


@pytest.mark.rule("RFC 8445 7.3.1.1", "a peer that takes itself for controlled is told so: we are lite")
def test_a_conflict_of_roles() -> None:
    checked = ice.check(request(**{"ICE-CONTROLLED": 7, "USE-CANDIDATE": None}), SOURCE, **WORDS)
    assert checked is not None and not checked.nominated
    assert stun.parse_message(checked.reply).error_code == 487


@pytest.mark.parametrize(
    "octets",
    [
        request(user="ours:other"),
        request(user="other:wxyz"),
        request(user=""),
        request(password="wrong" * 5),
        bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)),
        bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE)),
        request()[:-1],
    ],
    # the octets are others in each process: tests that run side by side must have the same names
    ids=["another user", "another peer", "no user", "another password", "unsigned", "an answer", "cut short"],
)
def test_who_does_not_know_the_password_hears_nothing(octets: bytes) -> None:
    assert ice.check(octets, SOURCE, **WORDS) is None


@given(st.binary(max_size=60))
def test_no_octets_break_it(octets: bytes) -> None:
    for data in (octets, b"\0\1\0" + bytes((len(octets),)) + b"\x21\x12\xa4\x42" + bytes(12) + octets):
        ice.is_stun(data)
        assert ice.user(data) == ""
        assert ice.check(data, SOURCE, **WORDS) is None
