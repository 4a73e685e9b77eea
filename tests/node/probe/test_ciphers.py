"""Segments that are ciphered as wholes."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from node.probe import ciphers
from node.probe.playlist import Tag, read
from tests.node.probe.pairs import URL, Cases, pair, shows

KEY, IV = bytes(range(16)), bytes(range(16, 32))


def ciphered(clear: bytes, iv: bytes = IV) -> bytes:
    missing = 16 - len(clear) % 16
    context = Cipher(algorithms.AES(KEY), modes.CBC(iv)).encryptor()
    return context.update(clear + bytes([missing]) * missing) + context.finalize()


def blocks(body: bytes) -> list[object]:
    return list(ciphers.blocks(ciphers.deciphered(body, KEY, IV), len(body), URL))


CASES: Cases = {
    "key-octets": pair(ciphers.key_file(KEY, URL), ciphers.key_file(KEY.hex().encode(), URL)),
    "cipher-blocks": pair(blocks(ciphered(b"x" * 100)), blocks(ciphered(b"x" * 100)[:-16])),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("rule", CASES)
def test_rules(rule: str) -> None:
    shows(CASES, rule)


@pytest.mark.parametrize("octets", [0, 1, 15, 16, 17, 376])
def test_what_was_ciphered_comes_back(octets: int) -> None:
    assert ciphers.deciphered(ciphered(b"x" * octets), KEY, IV) == b"x" * octets


@pytest.mark.parametrize("body", [b"", b"x" * 15, b"x" * 33, ciphered(bytes(64))[:32]])
def test_what_is_not_whole_is_none(body: bytes) -> None:
    assert ciphers.deciphered(body, KEY, IV) is None


def tag(attributes: str) -> Tag:
    return read(f"#EXTM3U\n#EXT-X-KEY:{attributes}\n", URL).tags[-1]


def test_ivs() -> None:
    assert ciphers.iv_of(tag('METHOD=AES-128,URI="k"'), 258) == bytes(14) + b"\1\2"
    assert ciphers.iv_of(tag('METHOD=AES-128,URI="k",IV=0x0F'), 258) == bytes(15) + b"\x0f"
    assert ciphers.iv_of(tag('METHOD=AES-128,URI="k",IV=0xNO'), 258) is None


def test_which_key_is_open() -> None:
    identity, other = tag('METHOD=AES-128,URI="k"'), tag('METHOD=AES-128,URI="k",KEYFORMAT="com.example"')
    assert ciphers.open_key([other, identity]) == identity and ciphers.open_key([other]) is None
    assert ciphers.is_whole([other]) and not ciphers.is_whole([tag('METHOD=SAMPLE-AES,URI="k"')])
