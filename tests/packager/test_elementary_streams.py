"""FFmpeg reads every HLS and DASH rendition, and finds the very samples of the source at the very times.

`-c copy -f framemd5` prints one row a packet: stream, dts, pts, duration, size, hash. Sizes and hashes of all packets
are compared, in order. FFmpeg drops or marks packets that an edit list hides, so the source is read with
`-ignore_editlist 1`: what is compared is every sample that the file holds, hidden or not. Times are compared apart,
as ffprobe reports them with the edit list applied.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.media import Films
from tests.kit.optional import program
from tests.packager.packed import Packed

FILMS = (
    "plain", "bframes", "ntsc", "irregular", "edit-list", "co64", "two-languages", "silent", "fragmented",
    "hevc-ac3", "hevc-open-gop", "av1-opus", "mp3", "single-gop",
)  # fmt: skip

Row = tuple[int, str]


def framemd5(source: Path, stream: str, *options: str) -> list[Row]:
    """(octets, md5) of every packet of one stream."""
    command = [program("ffmpeg"), "-v", "error", "-nostdin", *options, "-i", str(source)]
    command += ["-map", stream, "-c", "copy", "-copyinkf", "-f", "framemd5", "-"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split(",") for line in made.stdout.splitlines() if line and not line.startswith("#")]
    return [(int(row[4]), row[5].strip()) for row in rows]


def source_rows(film: Path, stream: str) -> list[Row]:
    return framemd5(film, stream, "-ignore_editlist", "1")


def streams(asset: Packed) -> list[tuple[str, str]]:
    """(name of the track, FFmpeg's name of its stream) in the source."""
    return [(t.track.name, f"0:{t.track.name[0]}:{int(t.track.name[1:]) - 1}") for t in asset.plan.tracks]


def check_every_rendition(asset: Packed, film: Path, folder: Path) -> None:
    asset.write(folder)
    for name, stream in streams(asset):
        expected = source_rows(film, stream)
        assert expected
        playlist = folder / asset.plan.edition / name / "media.m3u8"
        assert framemd5(playlist, "0:0") == expected, f"HLS {name}"
        assert framemd5(folder / "manifest.mpd", stream) == expected, f"DASH {name}"
    # and through the multivariant playlist, as a player comes
    name, stream = streams(asset)[0]
    assert framemd5(folder / "multivariant.m3u8", stream) == source_rows(film, stream)


@pytest.mark.parametrize("name", FILMS)
def test_every_rendition_holds_the_samples_of_the_source(
    films: Films, packed: Callable[..., Packed], tmp_path: Path, name: str
) -> None:
    check_every_rendition(packed(name), films(name), tmp_path)
