"""Protected names over HTTP: what playlists and manifests name is there, and deciphers to the source."""

from __future__ import annotations

import base64
import re
import urllib.parse
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from origin.asset import Asset
from origin.assets import Assets
from origin.keys import LocalKeys
from origin.protected import Protector
from packager.cenc import Scheme
from packager.methods import Method
from packager.movie import read_movie
from tests.kit.dash import read_manifest
from tests.kit.decrypt import decrypt, read_tenc
from tests.kit.hls import read_media, read_multivariant
from tests.kit.media import Films
from tests.origin.conftest import Origin, running_origin
from tests.origin.test_vod import puts


def opened(films: Films, folder: Path, name: str = "bframes") -> Asset:
    assets = Assets(folder / "vod")
    incoming = assets.incoming()
    (incoming / "mezzanine.mp4").write_bytes(films(name).read_bytes())
    return assets.add("film", incoming, 2000)


def source(films: Films, name: str, track: str) -> list[bytes]:
    data = films(name).read_bytes()
    tracks = [t for t in read_movie(memoryview(data)).tracks if t.format.kind[0] == track[0]]
    rows = tracks[int(track[1:]) - 1].columns.samples
    return [data[at : at + size] for at, size in zip(rows["offset"].tolist(), rows["size"].tolist(), strict=True)]


async def deciphered(origin: Origin, playlist: str) -> tuple[list[bytes], bytes]:
    """All samples that a media playlist leads to, with the keys of the store; and the key id."""
    answer = await origin.get(playlist)
    assert answer.status == 200
    read = read_media(answer.text)
    uris = [re.search(r'EXT-X-MAP:URI="([^"]+)"', answer.text)[1], *(row.uri for row in read.parsed.segments)]  # type: ignore[index]
    bodies = []
    for uri in uris:
        found = await origin.get(urllib.parse.urljoin(playlist, uri))
        assert found.status == 200 and int(found.headers["Content-Length"]) == len(found.body)
        assert "immutable" in found.headers["Cache-Control"]
        bodies.append(found.body)
    tenc = read_tenc(bodies[0])
    rows = msgspec.json.decode((origin.data / "keys" / "film.json").read_bytes())["rows"]
    keys = {base64.b64decode(row["kid"]): base64.b64decode(row["key"]) for row in rows}
    return decrypt(bodies[0], b"".join(bodies[1:]), keys), tenc.kid


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("film", ["bframes", "two-languages", "hevc-ac3", "av1-opus"])
async def test_a_film_comes_back_from_its_playlists(films: Films, tmp_path: Path, film: str, scheme: Scheme) -> None:
    async with running_origin(tmp_path) as origin:
        assert (await puts(origin, "film", films(film).read_bytes(), "?target_ms=2000")).status == 201
        top = f"/~{scheme}/vod/film/multivariant.m3u8"
        kids = set()
        for name, uri in read_multivariant((await origin.get(top)).text):
            samples, kid = await deciphered(origin, urllib.parse.urljoin(top, uri))
            assert samples == source(films, film, name), name
            kids.add(kid)
        assert len(kids) == 2, "video and audio have keys of their own"


@pytest.mark.parametrize("scheme", Scheme)
async def test_everything_that_the_manifest_names_is_there(films: Films, tmp_path: Path, scheme: Scheme) -> None:
    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", films("plain").read_bytes())
        path = f"/~{scheme}/vod/film/manifest.mpd"
        manifest = await origin.get(path)
        assert manifest.headers["Content-Type"] == "application/dash+xml"
        for row in read_manifest(manifest.text, 0).rows:
            init = await origin.get(urllib.parse.urljoin(path, row.init))
            assert read_tenc(init.body).scheme == scheme
            assert str(read_tenc(init.body).kid.hex()) in manifest.text.replace("-", "")
            for segment in row.segments:
                assert (await origin.get(urllib.parse.urljoin(path, row.uri(segment)))).status == 200


def whole(body: bytes, key: bytes, number: int) -> bytes:
    """A segment of AES-128 deciphered (RFC 8216bis 4.4.4.4, 5.2)."""
    chain = Cipher(algorithms.AES(key), modes.CBC(number.to_bytes(16, "big"))).decryptor()
    padding = PKCS7(128).unpadder()
    return padding.update(chain.update(body)) + padding.finalize()


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "the key is where EXT-X-KEY says, and deciphers the segments that follow")
@pytest.mark.parametrize("top", ["multivariant.m3u8", "multivariant-ts.m3u8"])
async def test_segments_as_wholes_come_back(films: Films, tmp_path: Path, top: str) -> None:
    async with running_origin(tmp_path, origin__clearkey=True) as origin:
        await puts(origin, "film", films("bframes").read_bytes(), "?target_ms=2000")
        found = []
        for base in ("/~aes-128/vod/film/", "/vod/film/"):
            for name, uri in read_multivariant((await origin.get(base + top)).text):
                playlist = urllib.parse.urljoin(base + top, uri)
                answer = await origin.get(playlist)
                key = None
                if base[1] == "~":
                    said = re.search(r'#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"\n', answer.text)
                    assert said is not None
                    key = await origin.get(urllib.parse.urljoin(playlist, said[1]))
                    assert key.status == 200 and len(key.body) == 16
                    assert key.headers["Cache-Control"] == "no-store"
                    assert key.headers["Content-Type"] == "application/octet-stream"
                bodies = []
                for number, row in enumerate(read_media(answer.text).parsed.segments):
                    body = (await origin.get(urllib.parse.urljoin(playlist, row.uri))).body
                    bodies.append(whole(body, key.body, number) if key else body)
                found.append((name, bodies))
        assert found[:2] == found[2:] and len(found) == 4, "protected, then in the clear"


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "SAMPLE-AES of fMP4 is the scheme cbcs, with the IV that EXT-X-KEY states")
async def test_sample_aes_of_fragments_is_cbcs(films: Films, tmp_path: Path) -> None:
    async with running_origin(tmp_path, origin__clearkey=True) as origin:
        await puts(origin, "film", films("bframes").read_bytes(), "?target_ms=2000")
        top = "/~sample-aes/vod/film/multivariant.m3u8"
        for name, uri in read_multivariant((await origin.get(top)).text):
            playlist = urllib.parse.urljoin(top, uri)
            text = (await origin.get(playlist)).text
            said = re.search(r'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="([^"]+)",IV=0x([0-9A-F]{32})\n', text)
            assert said is not None
            key = (await origin.get(urllib.parse.urljoin(playlist, said[1]))).body
            samples, kid = await deciphered(origin, playlist)
            assert samples == source(films, "bframes", name)
            assert said[1] == f"../../{kid.hex()}.key" and len(key) == 16
            init = re.search(r'EXT-X-MAP:URI="([^"]+)"', text)
            assert init is not None
            tenc = read_tenc((await origin.get(urllib.parse.urljoin(playlist, init[1]))).body)
            assert (tenc.scheme, tenc.iv.hex().upper()) == ("cbcs", said[2])


async def test_sample_aes_of_transport_streams(films: Films, tmp_path: Path) -> None:
    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", films("bframes").read_bytes(), "?target_ms=2000")
        await puts(origin, "hevc", films("hevc-ac3").read_bytes())
        top = "/~sample-aes/vod/film/multivariant-ts.m3u8"
        for _, uri in read_multivariant((await origin.get(top)).text):
            playlist = urllib.parse.urljoin(top, uri)
            text = (await origin.get(playlist)).text
            assert "#EXT-X-VERSION:5" in text and "#EXT-X-KEY:METHOD=SAMPLE-AES," in text
            for row in read_media(text).parsed.segments:
                segment = await origin.get(urllib.parse.urljoin(playlist, row.uri))
                assert segment.status == 200 and len(segment.body) % (16 * 188) == 2 * 188
                assert segment.headers["Content-Type"] == "video/mp2t"
        assert (await origin.get("/~sample-aes/vod/hevc/multivariant-ts.m3u8")).status == 404


async def test_key_files_are_given_where_that_is_set(films: Films, tmp_path: Path) -> None:
    film = films("plain").read_bytes()
    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", film)
        await puts(origin, "other", film)
        paths = {}
        for title in ("film", "other"):
            top = f"/~aes-128/vod/{title}/multivariant.m3u8"
            _, uri = read_multivariant((await origin.get(top)).text)[0]
            text = (await origin.get(urllib.parse.urljoin(top, uri))).text
            kid = re.search(r"[0-9a-f]{32}\.key", text)
            assert kid is not None
            paths[title] = kid[0]
        shut = await origin.get(f"/~aes-128/vod/film/{paths['film']}")
        assert shut.status == 403 and "set origin.clearkey = true to test with them" in shut.detail
    async with running_origin(tmp_path, origin__clearkey=True) as origin:
        assert (await origin.get(f"/~aes-128/vod/film/{paths['film']}")).status == 200
        assert (await origin.ask("HEAD", f"/~aes-128/vod/film/{paths['film']}")).body == b""
        stray = await origin.get(f"/~aes-128/vod/film/{paths['other']}")
        assert stray.status == 404 and stray.headers["Cache-Control"] == "no-store", "keys are those of the film"
        assert (await origin.ask("PUT", f"/~aes-128/vod/film/{paths['film']}", data=b"x")).status == 405
        assert origin.metric("origin_licences", outcome="unknown") == 1


@pytest.mark.parametrize("scheme", Scheme)
async def test_keys_change_and_the_beginning_is_clear(films: Films, tmp_path: Path, scheme: Scheme) -> None:
    async with running_origin(tmp_path, origin__key_period=2, origin__clear_lead=2) as origin:
        await puts(origin, "film", films("bframes").read_bytes(), "?target_ms=2000")
        top = f"/~{scheme}/vod/film/multivariant.m3u8"
        for name, uri in read_multivariant((await origin.get(top)).text):
            playlist = urllib.parse.urljoin(top, uri)
            samples, _ = await deciphered(origin, playlist)
            assert samples == source(films, "bframes", name)
            text = (await origin.get(playlist)).text
            assert text.count("#EXT-X-KEY:METHOD=NONE") == 1 and text.count("#EXT-X-KEY") == 4


@pytest.mark.parametrize("method", ["aes-128", "sample-aes"])
async def test_keys_by_uri_change_too(films: Films, tmp_path: Path, method: str) -> None:
    film = films("bframes").read_bytes()
    async with running_origin(tmp_path, origin__clearkey=True, origin__key_period=2, origin__clear_lead=2) as origin:
        await puts(origin, "film", film, "?target_ms=2000")
        top = f"/~{method}/vod/film/multivariant-ts.m3u8"
        for _, uri in read_multivariant((await origin.get(top)).text):
            playlist = urllib.parse.urljoin(top, uri)
            text = (await origin.get(playlist)).text
            keys = [
                (await origin.get(urllib.parse.urljoin(playlist, found))).body
                for found in re.findall(r'URI="([^"]+)"', text)
            ]
            assert len(set(keys)) == 3 and {len(key) for key in keys} == {16}
            bodies = [
                (await origin.get(urllib.parse.urljoin(playlist, row.uri))).body
                for row in read_media(text).parsed.segments
            ]
            assert bodies[0][:1] == b"\x47", "the beginning is clear"
            for number, (body, key) in enumerate(zip(bodies[1:], keys, strict=True), 1):
                if method == "aes-128":
                    assert whole(body, key, number)[:1] == b"\x47"
                else:
                    assert body[:1] == b"\x47" and len(body) % (16 * 188) == 2 * 188


async def test_names_of_schemes_and_of_the_clear_do_not_mix(films: Films, tmp_path: Path) -> None:
    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", films("plain").read_bytes())
        tops = {p: (await origin.get(f"{p}/vod/film/manifest.mpd")).text for p in ("", "/~cenc", "/~cbcs")}
        media = {p: re.search(r'media="([^"$]+)\$Number', text)[1] for p, text in tops.items()}  # type: ignore[index]
        assert len(set(media.values())) == 3, "each has an edition of its own"
        for prefix in tops:
            for other, place in media.items():
                answer = await origin.get(f"{prefix}/vod/film/{place}0.m4s")
                assert answer.status == (200 if prefix == other else 410), (prefix, other)


async def test_a_head_has_no_body(films: Films, tmp_path: Path) -> None:
    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", films("plain").read_bytes())
        text = (await origin.get("/~cbcs/vod/film/manifest.mpd")).text
        place = re.search(r'media="([^"$]+)\$Number', text)[1]  # type: ignore[index]
        head = await origin.ask("HEAD", f"/~cbcs/vod/film/{place}0.m4s")
        whole = await origin.get(f"/~cbcs/vod/film/{place}0.m4s")
        assert head.body == b"" and head.headers["Content-Length"] == str(len(whole.body))
        assert head.headers["ETag"] == whole.headers["ETag"]
        missing = await origin.get(f"/~cbcs/vod/film/{place}999.m4s")
        assert missing.status == 404


async def test_live_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    async with running_origin(tmp_path) as origin:
        answer = await origin.get("/~cbcs/live/studio/multivariant.m3u8")
        assert (answer.status, answer.detail) == (
            404,
            "live channels cannot be protected yet: leave out the prefix",
        )
        put = await origin.ask("PUT", "/~cbcs/vod/film/manifest.mpd", data=b"x")
        assert put.status == 405 and put.headers["Allow"] == "GET, HEAD"


async def test_films_may_be_served_protected_only(films: Films, tmp_path: Path) -> None:
    async with running_origin(tmp_path, origin__clear=False) as origin:
        assert (await puts(origin, "film", films("plain").read_bytes())).status == 201
        status = await origin.get("/vod/film/status.json")
        edition = msgspec.json.decode(status.body)["edition"]
        for path in ("multivariant.m3u8", "manifest.mpd", f"{edition}/v1/media.m3u8", f"{edition}/v1/0.m4s"):
            answer = await origin.get(f"/vod/film/{path}")
            assert answer.status == 403, path
            assert answer.detail == "films are served protected only: put /~cbcs or /~cenc in front of the path"
        assert (await origin.get("/~cbcs/vod/film/manifest.mpd")).status == 200


async def test_a_removed_asset_takes_its_keys_along(films: Films, tmp_path: Path) -> None:
    film = films("plain").read_bytes()
    async with running_origin(tmp_path) as origin:
        editions = set()
        for _ in range(2):
            assert (await puts(origin, "film", film)).status == 201
            text = (await origin.get("/~cenc/vod/film/manifest.mpd")).text
            editions.add(re.search(r'media="([^"/]+)/', text)[1])  # type: ignore[index]
            assert (await origin.ask("DELETE", "/vod/film/status.json")).status == 204
            assert list((origin.data / "keys").iterdir()) == []
        assert len(editions) == 2, "the same file added again has other keys, so its names are others"


async def test_keys_that_cannot_be_stored_are_not_used(
    films: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", films("plain").read_bytes())
        monkeypatch.setattr("origin.keys.write_whole", full)
        answer = await origin.get("/~cbcs/vod/film/manifest.mpd")
        assert (answer.status, answer.detail) == (503, "the origin cannot store keys: No space left on device")
        monkeypatch.undo()
        assert (await origin.get("/~cbcs/vod/film/manifest.mpd")).status == 200


async def test_no_key_is_in_the_log_or_in_an_answer(
    films: Films, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_origin(tmp_path) as origin:
        await puts(origin, "film", films("plain").read_bytes())
        top = "/~cbcs/vod/film/multivariant.m3u8"
        said = [(await origin.get(top)).text, (await origin.get("/~cbcs/vod/film/manifest.mpd")).text]
        for _, uri in read_multivariant(said[0]):
            said.append((await origin.get(urllib.parse.urljoin(top, uri))).text)
        note = msgspec.json.decode((origin.data / "keys" / "film.json").read_bytes())
        keys = [row["key"] for row in note["rows"]]
    said += list(capfd.readouterr())
    assert keys and not [key for key in keys for text in said if key in text]


def test_views_and_ranges_are_remembered(films: Films, tmp_path: Path) -> None:
    asset = opened(films, tmp_path)
    protector = Protector(LocalKeys(tmp_path / "keys"))
    view = protector.view(asset, Method.CBCS)
    assert protector.view(asset, Method.CBCS) is view
    assert protector.view(asset, Method.CENC) is not view
    first = protector.segment(view, "v1", 0)
    again = protector.segment(view, "v1", 0)
    assert (first.head, bytes(first.media)) == (again.head, bytes(again.media))
    protector.segment(protector.view(asset, Method.CENC), "v1", 0)
    assert len(protector._ranges) == 1, "where slices end is the same for both schemes"


def test_an_edition_follows_plan_and_keys(films: Films, tmp_path: Path) -> None:
    asset = opened(films, tmp_path)
    one, other = (Protector(LocalKeys(tmp_path / name)) for name in ("keys", "others"))
    editions = {p.view(asset, method).plan.edition for p in (one, other) for method in Method}
    assert len(editions) == 2 * len(Method)
    assert all(re.fullmatch(r"p[0-9a-f]{15}", edition) for edition in editions)
    assert Protector(LocalKeys(tmp_path / "keys")).view(asset, Method.CBCS).plan.edition in editions, "a restart"
