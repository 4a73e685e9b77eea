"""Encoders push over HTTP what others would fetch: CMAF tracks, and DASH and HLS presentations."""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import urlopen

import pytest

from tests.kit.appliance import Appliance
from tests.kit.optional import program
from tests.kit.sources import framemd5
from tests.kit.viewer import Viewer

_SECONDS = 20
_FRAGMENTS = ("-movflags", "cmaf+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "500000")
# What stands behind the inputs, by how the encoder pushes. {0}: the channel's address with its key.
PUSHES: dict[str, tuple[str, ...]] = {
    "dash": ("-map", "0:v", "-map", "1:v", "-map", "0:a", "-c", "copy", "-f", "dash", "-method", "PUT",
             "-seg_duration", "2", "-use_timeline", "0", "{0}live.mpd"),
    "low-latency-dash": ("-map", "0:v", "-map", "1:v", "-map", "0:a", "-c", "copy", "-f", "dash", "-method", "PUT",
                         "-http_persistent", "1", "-ldash", "1", "-streaming", "1", "-seg_duration", "2",
                         "-frag_type", "duration", "-frag_duration", "0.5", "-use_timeline", "0", "{0}live.mpd"),
    "hls": ("-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "hls", "-method", "PUT", "-hls_time", "2",
            "-hls_segment_type", "fmp4", "-hls_flags", "delete_segments", "{0}live.m3u8"),
    "tracks": ("-map", "0:v", "-c", "copy", *_FRAGMENTS, "-f", "mp4", "-method", "POST", "{0}Streams(hd.cmfv)",
               "-map", "1:v", "-c", "copy", *_FRAGMENTS, "-f", "mp4", "-method", "POST", "{0}Streams(sd.cmfv)",
               "-map", "0:a", "-c", "copy", *_FRAGMENTS, "-f", "mp4", "-method", "POST", "{0}Streams(a.cmfa)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two renditions with keyframes at the same times; sound in the first."""
    folder, made = tmp_path_factory.mktemp("ladder"), []
    for height in (180, 90):
        made.append(folder / f"{height}.mp4")
        words = f"-v error -y -f lavfi -i testsrc2=size={height * 16 // 9}x{height}:rate=25 -f lavfi -i sine"
        words += f" -t {_SECONDS} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -sc_threshold 0 -bf 2"
        words += " -c:a aac -ar 48000"
        subprocess.run([program("ffmpeg"), *words.split(), str(made[-1])], check=True)
    return made


def received(multivariant: str, track: str, folder: Path) -> Path:
    """All that the channel has of a track, as one file."""
    listed = re.findall(r'^(?!#)\S+|URI="([^"]+)"', text := urlopen(multivariant).read().decode(), re.M)
    assert listed, text
    (path,) = set(re.findall(rf"[\w/]+/{track}/media\.m3u8", text))
    url = urljoin(multivariant, path)
    playlist = urlopen(url).read().decode()
    (header,) = set(re.findall(r'EXT-X-MAP:URI="([^"]+)"', playlist))
    assert "DISCONTINUITY\n" not in playlist and "EXT-X-GAP" not in playlist, playlist
    file = folder / f"{track}.mp4"
    with file.open("wb") as out:
        for name in (header, *re.findall(r"^\d+\.m4s$", playlist, re.M)):
            out.write(urlopen(urljoin(url, name)).read())
    return file


@pytest.mark.slow
@pytest.mark.parametrize("how", PUSHES)
async def test_what_ffmpeg_pushes_is_what_viewers_get(
    box: Appliance, ladder: list[Path], how: str, tmp_path: Path
) -> None:
    made: dict[str, Any] = box.command("channel", "create", how)
    push = f"http://127.0.0.1:{box.port_base + 5}/push/{how}/key={made['publish']['key']}/"
    words = [program("ffmpeg"), "-v", "error", "-nostdin"]
    for file in ladder:
        words += ["-re", "-i", str(file)]
    encoder = await asyncio.create_subprocess_exec(
        *words, *(word.format(push) for word in PUSHES[how]), stderr=asyncio.subprocess.PIPE
    )
    try:
        async with Viewer(made["manifests"]["hls"]) as viewer:
            played = await viewer.has_played(3, within=40)
        assert played.holes == [] and viewer.complaints == [], viewer.story()
        assert encoder.returncode is None, "it was followed while it was pushed"
    finally:
        _, said = await asyncio.wait_for(encoder.communicate(), 90)
    assert encoder.returncode == 0, said.decode()
    for track, file in (("v1", ladder[0]), ("v2", ladder[1])):
        if track == "v2" and how == "hls":
            continue
        got, sent = framemd5(received(made["manifests"]["hls"], track, tmp_path), "v:0"), framemd5(file, "v:0")
        assert len(got) >= (_SECONDS - 4) * 25, f"{len(got)} of {len(sent)} pictures"
        assert got == sent[: len(got)]
