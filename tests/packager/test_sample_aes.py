"""SAMPLE-AES of MPEG-TS: undone by a plain reader of Apple's text and by FFmpeg, compared with Shaka Packager."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from base.crc import crc32
from packager import drm, hls, sample_aes, ts
from packager.cenc import ContentKey, encrypt_cbcs
from packager.methods import Method
from packager.protect import Protection
from tests.kit import shaka
from tests.kit.media import Films
from tests.packager.packed import Packed, one_each
from tests.packager.test_elementary_streams import framemd5, streams
from tests.packager.test_ts import packets, payloads, pid

KEYS = {
    "video": ContentKey(kid=shaka.KID, key=shaka.KEY, iv=shaka.IV),
    "audio": ContentKey(kid=shaka.KID[::-1], key=shaka.KEY, iv=shaka.IV),
}
_HELD = 2
FILMS = ["plain", "bframes", "irregular", "edit-list", "h264-ac3", "h264-eac3"]


def unescaped(unit: bytes) -> bytes:
    return unit.replace(b"\0\0\3", b"\0\0")


def plain_nal(unit: bytes) -> bytes:
    """2.2, as it is written there."""
    if unit[0] & 0x1F not in (1, 5):
        return unit
    if len(unescaped(unit)) <= 48:
        return unit
    unit = unescaped(unit)
    chain = Cipher(algorithms.AES(shaka.KEY), modes.CBC(shaka.IV)).decryptor()
    made, at = unit[:32], 32
    while at < len(unit):
        if len(unit) - at > 16:
            made += chain.update(unit[at : at + 16])
            at += 16
        clear = min(144, len(unit) - at)
        made += unit[at : at + clear]
        at += clear
    return made


def plain_frame(frame: bytes, header: int) -> bytes:
    """2.3.1"""
    chain = Cipher(algorithms.AES(shaka.KEY), modes.CBC(shaka.IV)).decryptor()
    at = header + 16
    blocks = max(0, len(frame) - at) // 16 * 16
    return frame[:at] + chain.update(frame[at : at + blocks]) + frame[at + blocks :]


def bodies(segment: bytes | bytearray) -> list[bytes]:
    """The elementary octets of each PES packet."""
    return [unit[9 + unit[8] :] for unit in payloads(packets(segment)[2:])]


def nals(body: bytes) -> list[bytes]:
    return body.split(b"\0\0\0\1")[1:]


def adts_frames(body: bytes) -> list[bytes]:
    found = []
    while body:
        size = (body[3] & 3) << 11 | body[4] << 3 | body[5] >> 5
        found.append(body[:size])
        body = body[size:]
    return found


def made(asset: Packed, track: str) -> tuple[list[bytearray], list[bytearray]]:
    """Clear and ciphered segments."""
    plan, file = asset.track(track), memoryview(asset.data)
    key = KEYS["video" if track[0] == "v" else "audio"]
    stream = sample_aes.stream_of(plan, file)
    clear = [ts.segment(ts.stream_of(plan), plan, n, file) for n in asset.numbers(track)]
    return clear, [sample_aes.segment(stream, plan, n, file, key) for n in asset.numbers(track)]


@pytest.mark.rule("Apple Sample Encryption 2.2", "slices of over 48 octets: 32 clear, one block in ten, escaped anew")
@pytest.mark.parametrize("name", ["plain", "bframes", "irregular"])
def test_a_plain_reader_undoes_the_picture(packed: Callable[..., Packed], name: str) -> None:
    changed = 0
    for clear, ciphered in zip(*made(packed(name), "v1"), strict=True):
        for before, after in zip(bodies(clear), bodies(ciphered), strict=True):
            assert [plain_nal(unit) for unit in nals(after)] == nals(before)
            changed += before != after
    assert changed > 10


@pytest.mark.rule("Apple Sample Encryption 2.3.1", "an AAC frame: its header and 16 octets clear, then whole blocks")
def test_a_plain_reader_undoes_the_sound(packed: Callable[..., Packed]) -> None:
    for clear, ciphered in zip(*made(packed("bframes"), "a1"), strict=True):
        for before, after in zip(bodies(clear), bodies(ciphered), strict=True):
            found = adts_frames(after)
            assert [plain_frame(frame, 7) for frame in found] == adts_frames(before)
            assert all(len(f) < 39 or f not in before for f in found)


@pytest.mark.parametrize("name", FILMS)
def test_ffmpeg_deciphers_it(packed: Callable[..., Packed], tmp_path: Path, name: str) -> None:
    """But for what its demultiplexer holds when the last segment ends: it no longer knows the key then."""
    asset = packed(name)
    for track, _ in streams(asset):
        kind = "video" if track[0] == "v" else "audio"
        clear, ciphered = made(asset, track)
        place = tmp_path / asset.plan.edition / track
        place.mkdir(parents=True)
        (tmp_path / f"{track}.ts").write_bytes(b"".join(clear))
        for number, segment in zip(asset.numbers(track), ciphered, strict=True):
            (place / f"{number}.ts").write_bytes(segment)
        key = drm.key_tags(Protection(method=Method.SAMPLE_AES, keys=one_each(KEYS)), kind)[0]
        (tmp_path / f"{KEYS[kind].kid.hex()}.key").write_bytes(KEYS[kind].key)
        playlist = place / "media-ts.m3u8"
        playlist.write_text(hls.media_playlist(asset.plan, asset.track(track), "", {0: key}))
        found = framemd5(playlist, "0:0", "-allowed_extensions", "ALL")
        expected = framemd5(tmp_path / f"{track}.ts", "0:0")
        assert len(found) == len(expected) > 90 and found[:-_HELD] == expected[:-_HELD], track


@pytest.mark.rule("ITU-T H.222.0 2.4.3.3", "the continuity counter goes on by one with each packet, over segments too")
@pytest.mark.parametrize("track", ["v1", "a1"])
def test_counters_run_on_over_segments(packed: Callable[..., Packed], track: str) -> None:
    _, ciphered = made(packed("bframes"), track)
    rows = [packets(segment)[2:] for segment in ciphered]
    counters = np.concatenate([found[:, 3] & 0x0F for found in rows])
    assert (np.diff(counters.astype(np.int64)) % 16 == 1).all()
    for found in rows:
        assert len(found) % 16 == 0 and set(pid(found).tolist()) == {ts.MEDIA_PID}
        assert (found[:, 3] & 0x10).all(), "each has a payload, or its counter would not go on"


def program(segment: bytes | bytearray) -> bytes:
    """The stream type, and the descriptors, of the one stream in PMT."""
    packet = bytes(packets(segment)[1])
    section = packet[4 + (1 + packet[4] if packet[3] & 0x20 else 0) + 1 :]
    length = (section[1] & 0x0F) << 8 | section[2]
    section = section[: 3 + length]
    assert crc32(section) == 0
    size = (section[15] & 0x0F) << 8 | section[16]
    assert 17 + size + 4 == len(section)
    return section[12:13] + section[17 : 17 + size]


@pytest.mark.rule("Apple Sample Encryption 3", "PMT names the ciphered stream type and, of audio, its setup")
@pytest.mark.parametrize("name", ["bframes", "h264-ac3", "h264-eac3"])
def test_the_program_map_says_so(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    assert program(made(asset, "v1")[1][0]) == b"\xdb\x0f\x04zavc"
    said = program(made(asset, "a1")[1][0])
    codec = asset.track("a1").track.format.codec.partition(".")[0]
    kind, indicator, audio = {
        "mp4a": (0xCF, b"aacd", b"zaac"), "ac-3": (0xC1, b"ac3d", b"zac3"), "ec-3": (0xC2, b"ec3d", b"zec3")
    }[codec]  # fmt: skip
    assert said[:7] == bytes((kind, 15, 4)) + indicator
    tag, size = said[7:9]
    assert tag == 5 and size == len(said) - 9
    assert said[9:20] == b"apad" + audio + b"\0\0\1" and said[20] == len(said) - 21
    if codec == "ac-3":
        assert said[21:23] == b"\x0b\x77" and said[20] == 10


@pytest.mark.parametrize("name", ["plain", "bframes"])
def test_it_is_what_shaka_packager_makes(
    films: Films, packed: Callable[..., Packed], tmp_path: Path, name: str
) -> None:
    """NAL unit by NAL unit, and frame by frame; and the same words in PMT."""
    asset = packed(name)
    for track, kind, take in (("v1", "video", nals), ("a1", "audio", adts_frames)):
        _, ciphered = made(asset, track)
        theirs = shaka.transport(films(name), kind, tmp_path)
        assert program(theirs[0]) == program(ciphered[0]), track
        mine, others = (
            [unit for segment in segments for body in bodies(segment) for unit in take(body)]
            for segments in (ciphered, theirs)
        )
        if kind == "video":  # what is ciphered; parameter sets and delimiters are placed otherwise
            mine, others = ([u for u in units if u[0] & 0x1F in (1, 5)] for units in (mine, others))
        assert mine == others and len(mine) > 10


@st.composite
def pictures(draw: st.DrawFn) -> list[list[bytes]]:
    """Samples of NAL units, rich in zeros, each ending in an octet that is none."""
    octet = st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255])
    unit = st.tuples(st.sampled_from([0x01, 0x65, 0x06]), st.lists(octet, max_size=260), st.integers(1, 255))
    samples = st.lists(st.lists(unit, min_size=1, max_size=3), min_size=1, max_size=4)
    return [[bytes((kind, *rest, last)) for kind, rest, last in units] for units in draw(samples)]


def escaped(unit: bytes) -> bytes:
    """H.264 7.4.1, octet by octet."""
    made, zeros = bytearray(), 0
    for octet in unit:
        if zeros == 2 and octet <= 3:
            made.append(3)
            zeros = 0
        made.append(octet)
        zeros = zeros + 1 if octet == 0 else 0
    return bytes(made)


@pytest.mark.rule("H.264 7.4.1", "no start code is emulated in what was ciphered")
@given(pictures())
def test_emulation_is_prevented_once_more(samples: list[list[bytes]]) -> None:
    media = np.frombuffer(b"".join(struct.pack(">I", len(u)) + u for units in samples for u in units), np.uint8).copy()
    sizes = np.array([sum(4 + len(u) for u in units) for units in samples])
    lengths, found = sample_aes.nal_units(media.data, sizes)
    encrypt_cbcs(media, found, KEYS["video"], pattern=True)
    ciphered = media.copy()
    octets, grown = sample_aes.prevented(media, sizes, found, lengths)
    ends = list(itertools.accumulate(grown.tolist(), initial=0))
    at = 0
    for units, (begin, end) in zip(samples, itertools.pairwise(ends), strict=True):
        expected = b""
        for unit in units:
            raw = ciphered[at + 4 : at + 4 + len(unit)].tobytes()
            touched = len(unit) > 48 and unit[0] & 0x1F in (1, 5)
            expected += b"\0\0\0\1" + (escaped(raw) if touched else raw)
            if touched:
                assert unescaped(escaped(raw)) == raw
            at += 4 + len(unit)
        assert octets[begin:end].tobytes() == expected


def test_what_is_clear_in_between_has_the_same_counters(packed: Callable[..., Packed]) -> None:
    """A clear lead: the usual stream types in another version of PMT, and multiples of sixteen packets."""
    asset = packed("bframes")
    for track in ("v1", "a1"):
        plan, file = asset.track(track), memoryview(asset.data)
        stream = sample_aes.stream_of(plan, file)
        clear = [ts.segment(ts.stream_of(plan), plan, n, file) for n in asset.numbers(track)]
        made = [sample_aes.segment(stream, plan, n, file, None) for n in asset.numbers(track)]
        assert [bodies(segment) for segment in made] == [bodies(segment) for segment in clear]
        assert [len(packets(segment)) % 16 for segment in made] == [2] * len(made)
        assert program(made[0]) == program(clear[0])
        ciphered = sample_aes.segment(stream, plan, 0, file, KEYS["audio"])
        versions = [bytes(packets(segment)[1])[10] >> 1 & 31 for segment in (made[0], ciphered)]
        assert versions == [0, 1]
