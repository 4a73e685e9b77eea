"""Keys of a key server: asked once, kept, used in everything that is printed; and what happens while it is away."""

from __future__ import annotations

import base64
import re
import urllib.parse
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from base.problems import Problem
from node.clock import SteppedClock
from node.metrics import Metrics
from node.settings import Settings
from origin import key_server
from origin.key_server import contract
from origin.keys import LocalKeys
from packager.index import FileKey
from packager.methods import Method
from tests.kit.decrypt import read_tenc
from tests.kit.hls import read_multivariant
from tests.kit.key_server import WIDEVINE, KeyServer, key_of, pssh_of, uuid_of
from tests.kit.media import Films
from tests.origin.conftest import running_origin
from tests.origin.test_protected import deciphered, source
from tests.origin.test_vod import puts
from tests.packager.test_dash import valid

FILE = FileKey(1, 2, 3)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_server, "_PAUSE_S", 0.001)


def asker(server: KeyServer, clock: SteppedClock, **settings: str | int) -> key_server.KeyServer:
    found = contract(
        Settings({"origin.key_server": server.url, **{k.replace("__", "."): v for k, v in settings.items()}})
    )
    assert found is not None
    return key_server.KeyServer(found, clock, Metrics())


def test_keys_are_asked_for_once(tmp_path: Path) -> None:
    with KeyServer() as server:
        store = LocalKeys(tmp_path / "keys", asker(server, SteppedClock()).make)
        first = store.keys("film", FILE, Method.CBCS, 2)
        assert store.keys("film", FILE, Method.CBCS, 2) == first
        assert server.wrong == [] and len(server.requests) == 1, "one request for all keys of a film"
        assert all(key.key == key_of(uuid_of(key.kid)) for keys in first.values() for key in keys)
        assert first["video"][0].signals[0].pssh == pssh_of(WIDEVINE, uuid_of(first["video"][0].kid))
        server.stop()
        again = LocalKeys(tmp_path / "keys", asker(server, SteppedClock()).make)
        assert again.keys("film", FILE, Method.CBCS, 2) == first, "after a restart, with the server gone"
        assert (tmp_path / "keys" / "film.json").stat().st_mode & 0o777 == 0o600


def test_keys_by_uri_stay_our_own(tmp_path: Path) -> None:
    with KeyServer() as server:
        store = LocalKeys(tmp_path / "keys", asker(server, SteppedClock()).make)
        store.keys("film", FILE, Method.AES_128)
        store.keys("film", FILE, Method.SAMPLE_AES)
        assert server.requests == []


def test_a_server_that_is_away_is_left_alone_for_a_while(tmp_path: Path) -> None:
    clock = SteppedClock()
    with KeyServer() as server:
        store = LocalKeys(tmp_path / "keys", asker(server, clock).make)
        known = store.keys("film", FILE, Method.CENC)
        server.status = 503
        seen = len(server.requests)
        for pause, tried in ((0, 3), (0.5, 0), (0.6, 3), (1.5, 0), (0.6, 3)):
            clock.advance(round(pause * 1000))
            with pytest.raises(Problem) as refused:
                store.keys("other", FILE, Method.CENC)
            assert refused.value.kind.name == "busy"
            assert "Films that have theirs go on; this one needs it: see that it answers" in refused.value.detail
            assert len(server.requests) - seen == tried, "the pause doubles"
            seen = len(server.requests)
        assert store.keys("film", FILE, Method.CENC) == known
        assert not (tmp_path / "keys" / "other.json").exists()
        server.status = 200
        clock.advance(5000)
        assert set(store.keys("other", FILE, Method.CENC)) == {"video", "audio"}


def test_a_server_that_refuses_is_not_pressed(tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text("# of the key server\nAuthorization: Bearer of-a-secret\n")
    with KeyServer("Bearer of-a-secret") as server:
        store = LocalKeys(tmp_path / "keys", asker(server, SteppedClock()).make)
        with pytest.raises(Problem, match=r"the key server refuses: it answers 401; see its log") as refused:
            store.keys("film", FILE, Method.CENC)
        assert refused.value.kind.name == "upstream" and len(server.requests) == 1
        told = asker(server, SteppedClock(), origin__key_server_headers=str(headers))
        assert "of-a-secret" not in f"{told._contract} {told._contract!r}"
        assert LocalKeys(tmp_path / "keys", told.make).keys("film", FILE, Method.CENC)


def test_a_key_of_another_film_is_refused(tmp_path: Path) -> None:
    """Counters of cenc begin anew with each film: under the same key they would meet."""
    with KeyServer() as server:
        server.same_key = True
        store = LocalKeys(tmp_path / "keys", asker(server, SteppedClock()).make)
        store.keys("film", FILE, Method.CENC)
        with pytest.raises(Problem, match="gave other a key of another film"):
            store.keys("other", FILE, Method.CENC)


def test_an_answer_that_cannot_be_used(tmp_path: Path) -> None:
    with KeyServer() as server:
        server.spoil = b"<html/>"
        store = LocalKeys(tmp_path / "keys", asker(server, SteppedClock()).make)
        with pytest.raises(Problem, match="the key server's answer cannot be used: it is no CPIX document") as refused:
            store.keys("film", FILE, Method.CENC)
        assert refused.value.kind.name == "upstream"


def test_ciphered_keys(tmp_path: Path, certificate: bytes, private_key: RSAPrivateKey) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    (tmp_path / "cert.pem").write_bytes(x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with KeyServer() as server:
        asking = asker(
            server,
            SteppedClock(),
            origin__key_server_certificate=str(tmp_path / "cert.pem"),
            origin__key_server_private_key=str(tmp_path / "key.pem"),
        )
        found = LocalKeys(tmp_path / "keys", asking.make).keys("film", FILE, Method.CBCS)
        assert b"X509Certificate" in server.requests[0]
        assert all(key.key == key_of(uuid_of(key.kid)) for keys in found.values() for key in keys)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"origin.key_server": "unix:/run/keys"}, "origin.key_server: give an http or https address"),
        ({"origin.key_server_systems": "widevine,betamax"}, "betamax is none of widevine, playready, fairplay"),
        ({"origin.key_server_headers": "{folder}/headers"}, "line 2 is not `Name: value`"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, settings: dict[str, str], why: str) -> None:
    (tmp_path / "headers").write_text("X-Key: a\nsecret without a name\n")
    given = {name: value.format(folder=tmp_path) for name, value in settings.items()}
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        contract(Settings({"origin.key_server": "https://keys.example/", **given}))
    assert "secret without" not in str(refused.value)
    assert contract(Settings()) is None


async def test_a_film_is_protected_with_keys_of_the_server(films: Films, tmp_path: Path) -> None:
    """Descriptors, playlists, init segments and samples; the server goes, and the film goes on after a restart."""
    with KeyServer() as server:
        async with running_origin(tmp_path, origin__key_server=server.url) as origin:
            await puts(origin, "film", films("bframes").read_bytes(), "?target_ms=2000")
            await puts(origin, "late", films("plain").read_bytes())
            manifest = (await origin.get("/~cbcs/vod/film/manifest.mpd")).text
            valid(manifest)
            assert server.wrong == [] and len(server.requests) == 1
            top = "/~cbcs/vod/film/multivariant.m3u8"
            multivariant = (await origin.get(top)).text
            for name, uri in read_multivariant(multivariant):
                playlist = urllib.parse.urljoin(top, uri)
                samples, kid = await deciphered(origin, playlist)
                assert samples == source(films, "bframes", name)
                box = base64.b64encode(pssh_of(WIDEVINE, uuid_of(kid))).decode()
                assert box in manifest and f'cenc:default_KID="{uuid_of(kid)}"' in manifest
                text = (await origin.get(playlist)).text
                assert f"urn:uuid:{WIDEVINE}" in text and f'URI="skd://{uuid_of(kid)}"' in text
                assert f'#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://{uuid_of(kid)}"' in multivariant
            assert f'schemeIdUri="urn:uuid:{WIDEVINE}" value="Widevine"' in manifest
            assert origin.metric("origin_key_requests", outcome="granted") == 1
    async with running_origin(tmp_path, origin__key_server=server.url) as origin:
        assert (await origin.get("/~cbcs/vod/film/manifest.mpd")).text == manifest
        init = re.search(r'initialization="([^"]+)"', manifest)
        assert init is not None
        assert read_tenc((await origin.get(f"/~cbcs/vod/film/{init[1]}")).body).scheme == "cbcs"
        refused = await origin.get("/~cbcs/vod/late/manifest.mpd")
        assert refused.status == 503 and "the key server 127.0.0.1 gives no keys" in refused.detail
        assert (await origin.get("/vod/late/manifest.mpd")).status == 200
