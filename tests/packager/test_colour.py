"""Colours as encoders write them, with a `colr` box and without one."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from base.media import Format
from packager.colour import cicp
from packager.describe import video_range
from packager.index import FileKey, build
from packager.movie import read_movie
from tests.kit.optional import program

H264, H265 = ("-c:v", "libx264", "-x264-params"), ("-c:v", "libx265", "-x265-params")
NAMED = "colorprim=bt2020:transfer={}:colormatrix=bt2020nc"
# what HDR10 has to say besides puts an SEI message before the sets, and scaling lists and long pictures into the SPS
HDR10 = NAMED.format("smpte2084") + ":hdr10=1:repeat-headers=1:log-level=error"
AV1 = ("-c:v", "libaom-av1", "-cpu-used", "8", "-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc")


def film(folder: Path, *options: str, lasts: float = 0.2) -> Format:
    """The format of some pictures, encoded so, for so many seconds, in film.mp4."""
    made = folder / "film.mp4"
    source = ("-f", "lavfi", "-i", f"testsrc2=size=64x64:rate=25:duration={lasts}")
    words = (program("ffmpeg"), "-v", "error", "-y", *source, "-pix_fmt", "yuv420p", *options, str(made))
    subprocess.run(words, check=True, capture_output=True)
    (track,) = build(read_movie(memoryview(made.read_bytes())), FileKey(1, 2, 3)).tracks
    return track.format


@pytest.mark.rule("RFC 8216bis 4.4.6.2", "VIDEO-RANGE follows the transfer characteristics, wherever a film says them")
@pytest.mark.parametrize(
    ("options", "codes", "spoken"),
    [
        ((*H264, NAMED.format("arib-std-b67")), (9, 18, 9), "HLG"),
        ((*H264, "colorprim=bt709:transfer=bt709:colormatrix=bt709"), (1, 1, 1), "SDR"),
        ((*H265, HDR10), (9, 16, 9), "PQ"),
        ((*H265, NAMED.format("arib-std-b67") + ":log-level=error:scaling-list=default"), (9, 18, 9), "HLG"),
        ((*AV1, "smpte2084"), (9, 16, 9), "PQ"),
        ((*H264, "bframes=0"), (), "SDR"),
    ],
)
def test_colours_without_a_box(tmp_path: Path, options: tuple[str, ...], codes: tuple[int, ...], spoken: str) -> None:
    fmt = film(tmp_path, *options)
    bare = replace(fmt, entry=bytes(fmt.entry).replace(b"colr", b"free"))
    assert b"colr" not in bare.entry
    assert (cicp(bare), video_range(bare)) == (codes, spoken)


@pytest.mark.rule("ISO/IEC 14496-12 12.1.5", "the colr box goes before what the stream says")
def test_the_box_goes_first(tmp_path: Path) -> None:
    fmt = film(tmp_path, *H264, NAMED.format("arib-std-b67"))
    nclx = bytes.fromhex("00000013636f6c726e636c7800090010000900")
    boxed = replace(fmt, entry=bytes(fmt.entry).replace(b"colr", b"free") + nclx)
    assert cicp(boxed) == (9, 16, 9)


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    fmt = film(tmp_path, *H264, NAMED.format("arib-std-b67"))
    entry = bytes(fmt.entry).replace(b"colr", b"free")
    at = entry.index(b"avcC")
    for cut in range(at + 4, at + 40):
        damaged = replace(fmt, entry=entry[:cut] + bytes(len(entry) - cut))
        assert len(cicp(damaged)) in (0, 3), "a guess at most, never a fault"
    assert cicp(replace(fmt, entry=entry[:80])) == () and cicp(replace(fmt, kind="audio")) == ()
