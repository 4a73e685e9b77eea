"""What playlists and manifests say of protection."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree

from packager import dash_static, describe, drm, hls
from packager.cenc import ContentKey, Scheme
from packager.cenc_boxes import common_pssh
from packager.crypto_periods import Policy, periods
from packager.methods import Method
from packager.plan import make_plan
from packager.protect import Protection, protected_init
from tests.kit.golden import golden
from tests.packager.packed import Packed, one_each
from tests.packager.test_dash import valid
from tests.packager.tracks import audio, index, video

KID = bytes.fromhex("00112233445566778899aabbccddeeff")
KEYS = {
    "video": ContentKey(kid=KID, key=b"v" * 16, iv=b"V" * 16),
    "audio": ContentKey(kid=KID[::-1], key=b"a" * 16, iv=b"A" * 16),
}
_NS = {"d": "urn:mpeg:dash:schema:mpd:2011", "cenc": "urn:mpeg:cenc:2013", "dashif": "https://dashif.org/CPS"}


def protection(scheme: Scheme, **more: object) -> Protection:
    return Protection(method=Method(scheme), keys=one_each(KEYS), **more)  # type: ignore[arg-type]


def manifest(asset: Packed, made: Protection) -> str:
    generations = dict.fromkeys(asset.inits, "0123456789abcdef")
    return dash_static.static_manifest("film", asset.plan, asset.reports, generations, made)


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "cbcs is SAMPLE-AES, cenc is SAMPLE-AES-CTR, which has no IV attribute")
@pytest.mark.parametrize(("scheme", "method"), [(Scheme.CBCS, "SAMPLE-AES"), (Scheme.CENC, "SAMPLE-AES-CTR")])
def test_the_key_tag(scheme: Scheme, method: str) -> None:
    assert drm.key_tags(protection(scheme), "video")[0] == (
        f'#EXT-X-KEY:METHOD={method},URI="data:;base64,ABEiM0RVZneImaq7zN3u/w==",'
        'KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1"'
    )


def test_no_key_is_in_what_is_printed(packed: Callable[..., Packed]) -> None:
    asset = packed("plain")
    for scheme in Scheme:
        made = protection(scheme, clearkey=True, licence_url="https://edge.example/licence/clearkey")
        texts = [manifest(asset, made), *(drm.key_tags(made, kind)[0] for kind in KEYS)]
        inits = [protected_init(t.track.format, made) for t in asset.plan.tracks]
        for key in KEYS.values():
            for spelt in (key.key, base64.b64encode(key.key)[:21], key.key.hex().encode()):
                assert not any(spelt in text.encode() for text in texts)
                assert not any(spelt in init for init in inits)


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "a KEY holds for all segments behind it")
def test_the_key_stands_before_the_first_segment(packed: Callable[..., Packed]) -> None:
    asset = packed("plain")
    key = drm.key_tags(protection(Scheme.CBCS), "video")[0]
    text = hls.media_playlist(asset.plan, asset.track("v1"), "0123456789abcdef", {0: key})
    assert text.count("#EXT-X-KEY") == 1
    assert text.index("#EXT-X-MAP") < text.index("#EXT-X-KEY") < text.index("#EXTINF")
    # nothing else changes
    assert text.replace(key + "\n", "") == hls.media_playlist(asset.plan, asset.track("v1"), "0123456789abcdef")


@pytest.mark.rule("ISO/IEC 23009-1 5.8.4.1", "each adaptation set names its scheme and its default key id")
@pytest.mark.parametrize("scheme", Scheme)
def test_adaptation_sets_name_scheme_and_key_id(packed: Callable[..., Packed], scheme: Scheme) -> None:
    tree = etree.fromstring(manifest(packed("plain"), protection(scheme)).encode())
    for at, kind in zip(tree.iterfind(".//d:AdaptationSet", _NS), ("video", "audio"), strict=True):
        said, common = at.findall("d:ContentProtection", _NS)
        assert said.get("schemeIdUri") == "urn:mpeg:dash:mp4protection:2011" and said.get("value") == scheme
        kid = said.get("{urn:mpeg:cenc:2013}default_KID")
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", kid)
        assert bytes.fromhex(kid.replace("-", "")) == KEYS[kind].kid, "in the octet order of tenc"
        assert common.get("schemeIdUri") == "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
        pssh = base64.b64decode(common.findtext("cenc:pssh", namespaces=_NS))
        assert pssh == common_pssh([KEYS[kind].kid])


def test_clearkey_is_named_where_it_is_on(packed: Callable[..., Packed]) -> None:
    asset = packed("plain")
    found = []
    for url in ("", "https://edge.example/licence/clearkey"):
        made = protection(Scheme.CBCS, clearkey=True, licence_url=url)
        tree = etree.fromstring(manifest(asset, made).encode())
        for at in tree.iterfind(".//d:AdaptationSet", _NS):
            _, clearkey = at.findall("d:ContentProtection", _NS)
            assert clearkey.get("schemeIdUri") == "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
            found.append(clearkey.findtext("dashif:Laurl", namespaces=_NS))
    assert found == [None, None, *["https://edge.example/licence/clearkey"] * 2]


@pytest.mark.parametrize("clearkey", [False, True])
def test_the_manifest_is_valid(packed: Callable[..., Packed], clearkey: bool) -> None:
    made = protection(Scheme.CENC, clearkey=clearkey, licence_url="https://edge.example/licence/clearkey")
    valid(manifest(packed("two-languages"), made))


def test_golden_playlist_and_manifests() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250), audio(470)), 2000)
    reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
    generations = {"v1": "ab" * 8, "a1": "cd" * 8}
    key = drm.key_tags(protection(Scheme.CBCS), "video")[0]
    golden(__file__, "protected.m3u8", hls.media_playlist(plan, plan.tracks[0], generations["v1"], {0: key}))
    for name, made in (
        ("protected.mpd", protection(Scheme.CENC)),
        ("clearkey.mpd", protection(Scheme.CBCS, clearkey=True, licence_url="https://edge.example/licence/clearkey")),
    ):
        text = dash_static.static_manifest("film", plan, reports, generations, made).replace(plan.edition, "edition")
        golden(__file__, name, text)


def rotating(method: Method, policy: Policy, asset: Packed, **more: object) -> Protection:
    found = periods(asset.plan, policy)
    keys = {
        kind: tuple(replace(key, kid=bytes((n, *key.kid[1:]))) for n in range(found.count))
        for kind, key in KEYS.items()
    }
    return Protection(method=method, keys=keys, periods=found, **more)  # type: ignore[arg-type]


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "each crypto period begins with a KEY; METHOD=NONE stands before a clear lead")
@pytest.mark.parametrize("method", Method)
def test_the_key_changes_with_the_period(packed: Callable[..., Packed], method: Method) -> None:
    asset = packed("plain")
    made = rotating(method, Policy(rotate_s=4, clear_lead_s=2), asset)
    tags = drm.key_tags(made, "audio")
    assert list(tags) == [0, 1, 3] and tags[0] == "#EXT-X-KEY:METHOD=NONE"
    lines = hls.media_playlist(asset.plan, asset.track("a1"), "0123456789abcdef", tags).splitlines()
    at = {tag: lines.index(tag) for tag in tags.values()}
    assert [lines[at[tag] + 2] for tag in tags.values()] == ["0.m4s", "1.m4s", "3.m4s"]
    assert sum(line.startswith("#EXT-X-KEY") for line in lines) == 3


@pytest.mark.rule("ISO/IEC 23001-7 8.1", "a pssh of version 1 names the keys of all crypto periods")
@pytest.mark.parametrize("clearkey", [True, False])
def test_a_manifest_names_the_keys_of_all_periods(packed: Callable[..., Packed], clearkey: bool) -> None:
    asset = packed("plain")
    made = rotating(Method.CBCS, Policy(rotate_s=2), asset, clearkey=clearkey)
    text = manifest(asset, made)
    valid(text)
    tree = etree.fromstring(text.encode())
    for at, kind in zip(tree.iterfind(".//d:AdaptationSet", _NS), ("video", "audio"), strict=True):
        said, common = at.findall("d:ContentProtection", _NS)
        kid = said.get("{urn:mpeg:cenc:2013}default_KID").replace("-", "")
        assert bytes.fromhex(kid) == made.first_key(kind).kid
        assert common.get("schemeIdUri") == "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
        pssh = base64.b64decode(common.findtext("cenc:pssh", namespaces=_NS))
        assert pssh == common_pssh([key.kid for key in made.keys[kind]])
