"""An encoder of Enhanced RTMP: two renditions in HEVC, Opus, and what viewers get of it at the edge."""

import asyncio
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.kit import shaka
from tests.kit.appliance import Appliance
from tests.scenarios.test_08_probe import probed


def framemd5(source: str, stream: str, *words: str) -> list[str]:
    """The sums of decoded pictures, or of packets where `words` say so, without their times."""
    live = ["-live_start_index", "0"] if source.startswith("http") else []
    command = [shaka.ffmpeg(), "-v", "error", *live, "-i", source, "-map", stream, *words, "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def until_there(url: str, wanted: str, within: float) -> None:
    until = time.monotonic() + within
    text = ""
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = str(answer.read(), "utf-8")
            if wanted in text:
                return
        except urllib.error.HTTPError as refusal:
            text = str(refusal)
        time.sleep(0.2)
    raise AssertionError(f"no {wanted} at {url} after {within} s: {text}")


@pytest.mark.slow
async def test_what_the_edge_serves_is_what_the_encoder_sent(box: Appliance, tmp_path: Path) -> None:
    made: dict[str, Any] = box.command("channel", "create", "enhanced")
    url, film = f"{box.url['rtmp']}/live/{made['publish']['key']}", tmp_path / "sent.mkv"
    command = [shaka.ffmpeg(), "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
    command += ["-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-map", "0", "-map", "0", "-map", "1", "-t", "90"]
    command += ["-c:v", "libx265", "-preset", "ultrafast", "-filter:v:1", "scale=160:90", "-c:a", "libopus", "-ac", "2"]
    command += [
        "-x265-params",
        "keyint=50:min-keyint=50:scenecut=0:open-gop=0:log-level=none",
        "-flags",
        "+global_header",
    ]
    command += ["-f", "tee", f"[f=flv]{url}|[f=matroska]{film}"]
    encoder = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        multivariant = made["manifests"]["hls"]
        await asyncio.to_thread(until_there, multivariant, "160x90", 40)
        report = await asyncio.to_thread(probed, multivariant, "--seconds", "10")
        assert len(report["renditions"]) >= 3
    finally:
        encoder.send_signal(2)
        await encoder.wait()
    for stream, sent in (("0:v:0", "0:v:0"), ("0:v:1", "0:v:1")):
        source = framemd5(str(film), sent)
        served = framemd5(multivariant, stream, "-t", "6")
        at = source.index(served[0])
        assert len(served) >= 100 and source[at : at + len(served)] == served, stream
    source, served = (
        framemd5(str(film), "0:a:0", "-c", "copy"),
        framemd5(multivariant, "0:a:0", "-t", "6", "-c", "copy"),
    )
    at = source.index(served[0])
    assert len(served) > 200 and source[at : at + len(served)] == served
