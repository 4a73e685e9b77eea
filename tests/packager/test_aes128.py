"""Segments ciphered as wholes: read by a plain reader, and by FFmpeg from playlists on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from packager import aes128, drm, hls, ts
from packager.cenc import ContentKey
from packager.methods import Method
from packager.protect import Protection
from tests.kit.media import Films
from tests.packager.packed import Packed, one_each
from tests.packager.test_elementary_streams import framemd5, source_rows, streams

KEYS = {
    "video": ContentKey(kid=bytes(range(16)), key=b"v" * 16, iv=b""),
    "audio": ContentKey(kid=bytes(range(16, 32)), key=b"a" * 16, iv=bytes(range(32, 48))),
}


def deciphered(body: bytes | memoryview, key: bytes, iv: bytes) -> bytes:
    """As RFC 8216bis 4.4.4.4 says it."""
    chain = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padding = PKCS7(128).unpadder()
    return padding.update(chain.update(bytes(body)) + chain.finalize()) + padding.finalize()


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "AES-128 in CBC mode with PKCS7 padding, the chain begins with the segment")
@given(pieces=st.lists(st.binary(max_size=70), max_size=6), number=st.integers(0, 1 << 40))
def test_a_plain_reader_undoes_it(pieces: Sequence[bytes], number: int) -> None:
    whole = b"".join(pieces)
    for key in KEYS.values():
        made = aes128.encrypted(pieces, len(whole), key, number)
        assert len(made) == aes128.ciphered_size(len(whole)) and len(made) > len(whole)
        assert deciphered(made, key.key, key.iv or number.to_bytes(16, "big")) == whole


@pytest.mark.rule("RFC 8216bis 5.2", "without an IV attribute the IV is the media sequence number, big-endian")
def test_the_iv_is_the_number_unless_the_key_has_one() -> None:
    assert aes128.iv_of(KEYS["video"], 258) == bytes(14) + b"\x01\x02"
    assert aes128.iv_of(KEYS["audio"], 258) == KEYS["audio"].iv


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "an IV that is not the media sequence number is stated")
@pytest.mark.rule("RFC 8216bis 4.2", "a hexadecimal-sequence has the letters A to F")
def test_the_key_tag() -> None:
    protection = Protection(method=Method.AES_128, keys=one_each(KEYS))
    assert drm.key_tags(protection, "video")[0] == (
        '#EXT-X-KEY:METHOD=AES-128,URI="../../000102030405060708090a0b0c0d0e0f.key"'
    )
    assert drm.key_tags(protection, "audio")[0] == (
        '#EXT-X-KEY:METHOD=AES-128,URI="../../101112131415161718191a1b1c1d1e1f.key",'
        "IV=0x202122232425262728292A2B2C2D2E2F"
    )


def written(asset: Packed, folder: Path, name: str, *, transport: bool) -> Path:
    """The media playlist of one track, with all that it names."""
    track, kind, file = asset.track(name), "video" if name[0] == "v" else "audio", memoryview(asset.data)
    place = folder / asset.plan.edition / name
    place.mkdir(parents=True)
    generation = "" if transport else asset.generations[name]
    key = drm.key_tags(Protection(method=Method.AES_128, keys=one_each(KEYS)), kind)[0]
    (place / "media.m3u8").write_text(hls.media_playlist(asset.plan, track, generation, {0: key}))
    (place / f"init-{generation}.mp4").write_bytes(asset.inits[name])
    (folder / f"{KEYS[kind].kid.hex()}.key").write_bytes(KEYS[kind].key)
    for number in asset.numbers(name):
        if transport:
            body = ts.segment(ts.stream_of(track), track, number, file)
            (place / f"{number}.ts").write_bytes(aes128.encrypted([body], len(body), KEYS[kind], number))
        else:
            (place / f"{number}.m4s").write_bytes(aes128.segment(track, number, file, KEYS[kind]).media)
    return place / "media.m3u8"


@pytest.mark.parametrize("name", ["bframes", "irregular", "hevc-ac3", "av1-opus"])
def test_ffmpeg_plays_fragments(films: Films, packed: Callable[..., Packed], tmp_path: Path, name: str) -> None:
    asset = packed(name)
    for track, stream in streams(asset):
        playlist = written(asset, tmp_path, track, transport=False)
        assert framemd5(playlist, "0:0", "-allowed_extensions", "ALL") == source_rows(films(name), stream), track


def test_ffmpeg_plays_transport_streams(packed: Callable[..., Packed], tmp_path: Path) -> None:
    asset = packed("bframes")
    for track, _ in streams(asset):
        clear = tmp_path / f"{track}.ts"
        plan = asset.track(track)
        clear.write_bytes(
            b"".join(ts.segment(ts.stream_of(plan), plan, n, memoryview(asset.data)) for n in asset.numbers(track))
        )
        playlist = written(asset, tmp_path, track, transport=True)
        found = framemd5(playlist, "0:0", "-allowed_extensions", "ALL")
        assert found == framemd5(clear, "0:0") and found, track
