"""Every way in which an asset leaves, written to a folder and read back by FFmpeg: what was carried, and when.

Two builds of FFmpeg read: the one that PyAV brings (in this process, which is quick), and the one that is installed,
for DASH, which the former does not know.
"""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from base.names import Kind, Leaf, Name
from packager import aes128, hls, sample_aes, ts
from packager.cenc import ContentKey
from packager.layout import Run
from packager.methods import Method
from packager.progressive import Progressive, progressive
from packager.track_file import TrackFile, track_file
from tests.kit import shaka
from tests.kit.optional import program
from tests.packager.packed import Packed
from tests.packager.test_ts import _time as presentation_time
from tests.packager.test_ts import packets as packets_of
from tests.packager.test_ts import payloads

KEYS = {
    "video": ContentKey(kid=shaka.KID, key=shaka.KEY, iv=shaka.IV),
    "audio": ContentKey(kid=shaka.KID[::-1], key=shaka.KEY[::-1], iv=shaka.IV[::-1]),
}
_LOCAL = {"allowed_extensions": "ALL", "extension_picky": "0"}
_ADTS = 7


class Packet(NamedTuple):
    """When it is shown, in seconds, and the MD5 of its octets. No time: it follows from that of the one before."""

    time: Fraction | None
    md5: str


Found = dict[str, list[Packet]]


def packets(source: Path | bytes, *, adts: bool = False, **options: str) -> Found:
    """The packets of the first video and the first audio stream. `adts`: sound has ADTS headers, which are no media."""
    found: Found = {}
    with _opened(source, options) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        for packet in container.demux(streams):
            if packet.size:
                kind = packet.stream.type
                octets = bytes(packet)[_ADTS if adts and kind == "audio" else 0 :]
                time = None if packet.pts is None else packet.pts * packet.time_base
                found.setdefault(kind, []).append(Packet(time, md5(octets)))
    return found


def pictures(source: Path | bytes, **options: str) -> list[Packet]:
    """The decoded pictures of the first video stream, as they are shown."""
    with _opened(source, options) as container:
        (stream, *_) = container.streams.video
        stream.codec_context.thread_count = 1
        return [
            Packet(frame.pts * frame.time_base, md5(frame.to_ndarray().tobytes())) for frame in container.decode(stream)
        ]


def dash(manifest: Path) -> Found:
    """The packets of a DASH presentation, by the installed FFmpeg: one process a stream, as it ends with the first."""
    words = [program("ffmpeg"), "-v", "error", "-nostdin", "-copyts", "-i", str(manifest), "-c", "copy", "-copyinkf"]
    readers = {
        kind: subprocess.Popen(
            [*words, "-map", f"0:{kind[0]}:0", "-f", "framemd5", "-"], stdout=subprocess.PIPE, text=True
        )
        for kind in ("video", "audio")
    }
    found: Found = {}
    for kind, reader in readers.items():
        said, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0
        tick = Fraction(re.findall(r"#tb 0: (\S+)", said)[0])
        rows = [[word.strip() for word in line.split(",")] for line in said.splitlines() if line[0] != "#"]
        found[kind] = [Packet(int(row[2]) * tick, row[5]) for row in rows]
    return found


def transport(asset: Packed, folder: Path) -> dict[str, Path]:
    """Media playlists of MPEG-TS by kind of track. Raises Problem unplayable where a track has no place in it."""
    made = {}
    for planned in asset.plan.tracks:
        stream = ts.stream_of(planned)
        bodies = {n: ts.segment(stream, planned, n, memoryview(asset.data)) for n in asset.numbers(planned.track.name)}
        made[planned.track.format.kind] = _listed(asset, folder, planned.track.name, bodies, Leaf.TS_SEGMENT)
    return made


def timed(playlist: Path, sizes: list[int], *, adts: bool) -> list[Fraction | None]:
    """When frames of sound of these octets are heard, by the PES packets that begin with them; None for the others.

    FFmpeg counts on from the first frame of a packet in rounded steps, which is not what the stream says.
    """
    found: list[Fraction | None] = []
    for segment in sorted(playlist.parent.glob("*.ts"), key=lambda path: int(path.stem)):
        for unit in payloads(packets_of(segment.read_bytes())[2:]):
            rest = len(unit) - 9 - unit[8]
            found.append(Fraction(presentation_time(unit[9:14]), 90_000))
            while rest := rest - sizes[len(found) - 1] - _ADTS * adts:
                assert rest > 0, "frames lie whole in their packets"
                found.append(None)
    return found


def whole_segments(asset: Packed, folder: Path) -> dict[str, Path]:
    """Media playlists of fMP4 under AES-128."""
    made = {}
    for planned in asset.plan.tracks:
        name, kind = planned.track.name, planned.track.format.kind
        bodies = {
            n: aes128.encrypted([clear := asset.segment(name, n)], len(clear), KEYS[kind], n)
            for n in asset.numbers(name)
        }  # fmt: skip
        made[kind] = _listed(asset, folder, name, bodies, Leaf.SEGMENT, Method.AES_128)
    return made


def sample_by_sample(asset: Packed, folder: Path) -> dict[str, Path]:
    """Media playlists of MPEG-TS under SAMPLE-AES. Raises Problem unplayable where a track has no place in it."""
    made = {}
    for planned in asset.plan.tracks:
        name, kind, file = planned.track.name, planned.track.format.kind, memoryview(asset.data)
        stream = sample_aes.stream_of(planned, file)
        bodies = {n: sample_aes.segment(stream, planned, n, file, KEYS[kind]) for n in asset.numbers(name)}
        made[kind] = _listed(asset, folder, name, bodies, Leaf.TS_SEGMENT, Method.SAMPLE_AES)
    return made


def one_file_a_track(asset: Packed) -> dict[str, bytes]:
    return {
        planned.track.format.kind: _octets(track_file(planned, asset.inits[planned.track.name]), asset.data)
        for planned in asset.plan.tracks
    }


def download(asset: Packed) -> bytes:
    return _octets(progressive(asset.plan.tracks), asset.data)


def _octets(file: TrackFile | Progressive, data: bytes) -> bytes:
    pieces: Iterator[Any] = file.pieces(0, file.length)
    return b"".join(
        b"".join(data[at : at + size] for at, size in piece.ranges) if isinstance(piece, Run) else bytes(piece)
        for piece in pieces
    )


def _listed(
    asset: Packed, folder: Path, track: str, bodies: dict[int, Any], leaf: Leaf, method: Method | None = None
) -> Path:
    def path(leaf: Leaf, number: int = -1) -> Path:
        name = Name(
            kind=Kind.VOD, title="film", edition=asset.plan.edition, track=track, leaf=leaf, number=number,
            generation=asset.generations[track],
        )  # fmt: skip
        return folder / name.relative

    planned, transported = asset.track(track), leaf is Leaf.TS_SEGMENT
    playlist = path(Leaf.MEDIA_PLAYLIST_TS if transported else Leaf.MEDIA_PLAYLIST)
    playlist.parent.mkdir(parents=True, exist_ok=True)
    text = hls.media_playlist(asset.plan, planned, "" if transported else asset.generations[track])
    if method:
        key = KEYS[planned.track.format.kind]
        (folder / f"{key.kid.hex()}.key").write_bytes(key.key)
        tag = f'#EXT-X-KEY:METHOD={method.upper()},URI="../../{key.kid.hex()}.key",IV=0x{key.iv.hex()}\n'
        text = text.replace("#EXTINF", tag + "#EXTINF", 1)
    playlist.write_text(text)
    path(Leaf.INIT).write_bytes(asset.inits[track])
    for number, body in bodies.items():
        path(leaf, number).write_bytes(body)
    return playlist


def _opened(source: Path | bytes, options: dict[str, str]) -> Any:
    if isinstance(source, bytes):
        return av.open(io.BytesIO(source), options=options)
    return av.open(str(source), options=(_LOCAL if source.suffix == ".m3u8" else {}) | options)


def md5(octets: bytes) -> str:
    return hashlib.md5(octets, usedforsecurity=False).hexdigest()
