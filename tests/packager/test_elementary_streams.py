"""FFmpeg reads every HLS and DASH rendition, and finds the very samples of the source at the very times.

`-c copy -f framemd5` prints one row a packet: stream, dts, pts, duration, size, hash. Sizes and hashes of all packets
are compared, in order. FFmpeg drops or marks packets that an edit list hides, so the source is read with
`-ignore_editlist 1`: what is compared is every sample that the file holds, hidden or not. Times are compared apart,
as ffprobe reports them with the edit list applied.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest

from packager.movie import SourceTrack, read_movie
from tests.kit.media import Films
from tests.kit.optional import program, shared_media
from tests.packager.packed import Packed, pack

# Shapes that test_matrix.py does not have.
FILMS = ("edit-list", "co64", "two-languages", "silent", "fragmented")

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


@pytest.mark.parametrize("name", ["bbb_trailer_720p_irregular_gop.mp4", "bbb_720p_single_gop_aac51.mp4"])
def test_every_rendition_holds_the_samples_of_third_party_media(tmp_path: Path, name: str) -> None:
    film = shared_media(name)
    check_every_rendition(pack(film.read_bytes()), film, tmp_path)


CMAF = (
    ("cmaf_h264_aac/V300", "init.mp4", "{}.m4s"),
    ("cmaf_h264_aac/A48", "init.mp4", "{}.m4s"),
    ("cmaf_hevc_ac3", "video_init.mp4", "video_{}.m4s"),
    ("cmaf_hevc_ac3", "audio_init.mp4", "audio_{}.m4s"),
)


@pytest.mark.parametrize(("folder", "init", "segment"), CMAF)
def test_every_rendition_holds_the_samples_of_cmaf_media(tmp_path: Path, folder: str, init: str, segment: str) -> None:
    """CMAF comes as init and segments: put together they are a fragmented file of one track."""
    source = shared_media(folder)
    film = tmp_path / "film.mp4"
    names = (init, *(segment.format(n) for n in range(1, 5)))
    film.write_bytes(b"".join((source / name).read_bytes() for name in names))
    check_every_rendition(pack(film.read_bytes()), film, tmp_path)


def shown(source: Path, stream: str) -> dict[str, Fraction]:
    """Presentation time in seconds of every packet whose octets occur once."""
    command = [program("ffprobe"), "-v", "error", "-select_streams", stream, "-show_packets", "-show_data_hash", "md5"]
    command += ["-show_entries", "packet=pts_time,data_hash", "-of", "json", str(source)]
    rows = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["packets"]
    hashes = [row["data_hash"] for row in rows]
    return {
        row["data_hash"]: Fraction(row["pts_time"])
        for row in rows
        if "pts_time" in row and hashes.count(row["data_hash"]) == 1
    }


@pytest.mark.rule("RFC 8216bis 6.2.4", "audio and video of one moment have the same timestamp in every rendition")
@pytest.mark.rule("ISO/IEC 23009-1 5.3.9.6", "audio and video keep their places on the one media timeline")
@pytest.mark.parametrize("name", ["bframes", "edit-list", "two-languages", "fragmented"])
def test_sound_and_picture_are_together_as_in_the_source(
    films: Films, packed: Callable[..., Packed], tmp_path: Path, name: str
) -> None:
    """The source's times are FFmpeg's; the packaged ones are read from tfdt and trun, and by FFmpeg, which must agree.

    FFmpeg adds the largest negative composition offset of a fragmented track to all its times: so there is none
    (docs/decisions/0005-composition-offsets.md).
    """
    asset = packed(name)
    offsets, presented, ticks = {}, {}, []
    manifest = ElementTree.fromstring(asset.manifest().encode())
    for track, stream in streams(asset):
        (again,) = read_movie(memoryview(asset.whole(track))).tracks
        scale = again.format.timescale
        ticks.append(Fraction(1, scale))
        source, found = shown(films(name), stream[2:]), times(asset.whole(track), again)
        common = source.keys() & found.keys()
        assert len(common) > 20
        moved = [found[packet] - source[packet] for packet in common]
        slack = ticks[-1] + Fraction(2, 1_000_000)  # ffprobe prints microseconds
        assert max(moved) - min(moved) <= slack
        offsets[track] = min(moved)
        presented[track] = offsets[track] - presentation_offset(manifest, track)

        whole = tmp_path / f"{track}.mp4"
        whole.write_bytes(asset.whole(track))
        assert int(again.columns.samples["cto"].min()) == 0
        by_ffmpeg = shown(whole, track[0] + ":0")
        assert all(abs(by_ffmpeg[packet] - found[packet]) <= slack for packet in by_ffmpeg.keys() & found.keys())
    slack = max(ticks) + Fraction(2, 1_000_000)
    assert max(offsets.values()) - min(offsets.values()) <= slack
    # by the manifest they are even where the source has them: the edit list's zero is the Period's start
    assert all(abs(when) <= 2 * slack for when in presented.values())


def times(whole: bytes, track: SourceTrack) -> dict[str, Fraction]:
    """Presentation time in seconds of every sample by the hash of its octets."""
    rows = track.columns.samples
    return {
        "MD5:" + hashlib.md5(whole[int(row["offset"]) : int(row["offset"]) + int(row["size"])]).hexdigest(): Fraction(
            int(row["dts"]) + int(row["cto"]), track.format.timescale
        )
        for row in rows
    }


def presentation_offset(manifest: ElementTree.Element, track: str) -> Fraction:
    template = next(
        element
        for representation in manifest.iter("{urn:mpeg:dash:schema:mpd:2011}Representation")
        if representation.get("id") == track
        for element in representation
        if element.tag.endswith("SegmentTemplate")
    )
    return Fraction(int(template.get("presentationTimeOffset", "0")), int(template.get("timescale", "1")))
