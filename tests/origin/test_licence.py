"""ClearKey licences: requests and answers of Encrypted Media Extensions, off unless asked for."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from base.names import CLEARKEY_PATH
from base.problems import Problem
from origin import licence
from origin.keys import LocalKeys
from packager.index import FileKey
from packager.methods import Method
from tests.origin.conftest import running_origin


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def wish(*kids: bytes, **more: str) -> bytes:
    return msgspec.json.encode({"kids": [text(kid) for kid in kids]} | more)


@pytest.fixture
def store(tmp_path: Path) -> LocalKeys:
    return LocalKeys(tmp_path / "keys")


@pytest.mark.rule("W3C EME 9.1.4", "a ClearKey licence is a JWK set of symmetric keys with their ids, in base64url")
def test_a_licence(store: LocalKeys) -> None:
    keys = store.keys("film", FileKey(1, 2, 3), Method.CENC)
    (video,), (audio,) = keys["video"], keys["audio"]
    made = licence.answer(store, wish(video.kid, b"?" * 16, audio.kid, type="temporary"))
    assert msgspec.json.decode(made) == {
        "keys": [{"kty": "oct", "kid": text(key.kid), "k": text(key.key)} for key in (video, audio)],
        "type": "temporary",
    }
    assert licence.answer(store, wish(video.kid, audio.kid)) == made, "the type may be left out"


def test_keys_that_are_not_there(store: LocalKeys) -> None:
    with pytest.raises(Problem) as refused:
        licence.answer(store, wish(bytes(16)))
    assert refused.value.kind.name == "unknown"


@pytest.mark.rule("W3C EME 9.1.3", "a licence request names key ids in base64url without padding, and a session type")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"kids":[]}',
        b'{"kids":["AAAA"]}',
        b'{"kids":["AAAAAAAAAAAAAAAAAAAAAA=="]}',
        b'{"kids":[1]}',
        b'{"kids":"AAAAAAAAAAAAAAAAAAAAAA"}',
        wish(*[bytes(16)] * 1001),
        wish(bytes(16), type="persistent-license"),
    ],
)
def test_what_is_no_request(store: LocalKeys, body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        licence.answer(store, body)
    assert refused.value.kind.name == "malformed"


async def test_licences_are_given_where_that_is_set(tmp_path: Path) -> None:
    async with running_origin(tmp_path, origin__clearkey=True) as origin:
        store = LocalKeys(origin.data / "keys")
        kid = store.keys("film", FileKey(1, 2, 3), Method.CBCS)["video"][0].kid
        unknown = await origin.ask("POST", CLEARKEY_PATH, data=wish(kid))
        assert unknown.status == 404, "made behind the origin's back"
    async with running_origin(tmp_path, origin__clearkey=True) as origin:
        given = await origin.ask("POST", CLEARKEY_PATH, data=wish(kid))
        assert given.status == 200 and given.headers["Content-Type"] == "application/json"
        assert given.headers["Cache-Control"] == "no-store"
        assert [key["kid"] for key in msgspec.json.decode(given.body)["keys"]] == [text(kid)]
        large = await origin.ask("POST", CLEARKEY_PATH, data=b"x" * (licence.MOST_OCTETS + 1))
        assert large.status == 413
        assert (await origin.ask("POST", CLEARKEY_PATH, data=b"{}")).status == 400
        assert (await origin.get(CLEARKEY_PATH)).status == 405
        for outcome in ("granted", "malformed"):
            assert origin.metric("origin_licences", outcome=outcome) == 1


async def test_licences_are_off_at_first(tmp_path: Path) -> None:
    async with running_origin(tmp_path) as origin:
        refused = await origin.ask("POST", CLEARKEY_PATH, data=wish(bytes(16)))
        assert refused.status == 403
        assert "set origin.clearkey = true to test with them" in refused.detail
        assert origin.metric("origin_licences", outcome="off") == 1
