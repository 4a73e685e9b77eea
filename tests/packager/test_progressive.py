"""Downloads: what a player reads of them is what it reads of the source."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from packager.layout import Run
from packager.movie import read_movie
from packager.plan import make_plan
from packager.progressive import Progressive, progressive
from tests.kit.media import RECIPES
from tests.kit.optional import program
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

FILMS = tuple(name for name in RECIPES if name != "mpeg4-visual")


def octets(file: Progressive, data: bytes, start: int = 0, stop: int = -1) -> bytes:
    found = b""
    for piece in file.pieces(start, file.length if stop < 0 else stop):
        found += b"".join(data[a : a + n] for a, n in piece.ranges) if isinstance(piece, Run) else bytes(piece)
    return found


def packets(path: Path, stream: str) -> list[str]:
    """pts, dts, flags and the MD5 of each packet as FFmpeg reads them, edit lists applied."""
    words = [program("ffprobe"), "-v", "error", "-select_streams", stream, "-show_data_hash", "md5", "-of", "csv"]
    words += ["-show_entries", "packet=pts_time,dts_time,flags,data_hash", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.rule("ISO/IEC 14496-12 8.6.6", "an edit list keeps sound and picture where they were in the source")
@pytest.mark.parametrize("name", ["bframes", "edit-list", "co64", "two-languages", "silent", "fragmented"])
def test_ffmpeg_reads_the_packets_of_the_source(packed: Callable[..., Packed], tmp_path: Path, name: str) -> None:
    asset = packed(name)
    (tmp_path / "source.mp4").write_bytes(asset.data)
    (tmp_path / "made.mp4").write_bytes(octets(progressive(asset.plan.tracks), asset.data))
    for planned in asset.plan.tracks:
        stream = f"{planned.track.name[0]}:{int(planned.track.name[1:]) - 1}"
        assert packets(tmp_path / "made.mp4", stream) == packets(tmp_path / "source.mp4", stream) != []


@pytest.mark.parametrize("name", FILMS)
def test_it_can_be_added_again(packed: Callable[..., Packed], name: str) -> None:
    """Our own reader finds the same samples at the same times."""
    asset = packed(name)
    made = octets(progressive(asset.plan.tracks), asset.data)
    assert made[4:8] == b"ftyp" and made.index(b"moov") < made.index(b"mdat")
    again = read_movie(memoryview(made))
    for planned, track in zip(asset.plan.tracks, again.tracks, strict=True):
        before, after = planned.track.samples[planned.first[0] :], track.columns.samples
        assert after["size"].tolist() == before["size"].tolist()
        shown = [(rows["dts"] + rows["cto"] - shift).tolist() for rows, shift in (
            (before, planned.track.shift), (after, track.shift)
        )]  # fmt: skip
        assert shown[0] == shown[1]
        assert planned.track.format.entry == track.format.entry
        offset, size = int(before["offset"][-1]), int(before["size"][-1])
        at = int(after["offset"][-1])
        assert asset.data[offset : offset + size] == made[at : at + size]


def test_one_track_is_a_file_too(packed: Callable[..., Packed]) -> None:
    asset = packed("two-languages")
    made = octets(progressive([asset.plan.tracks[0], asset.plan.tracks[2]]), asset.data)
    found = read_movie(memoryview(made)).tracks
    assert [track.format.kind for track in found] == ["video", "audio"] and found[1].format.language == "deu"


def test_any_range_is_that_of_the_whole(packed: Callable[..., Packed]) -> None:
    asset = packed("bframes")
    file = progressive(asset.plan.tracks)
    whole = octets(file, asset.data)
    assert len(whole) == file.length
    for edge in map(int, file.edges):
        for start in (edge - 1, edge, edge + 77):
            for stop in (start + 1, start + 997, file.length):
                if 0 <= start < stop <= file.length:
                    assert octets(file, asset.data, start, stop) == whole[start:stop]


@pytest.mark.rule("ISO/IEC 14496-12 8.7.5", "chunk offsets have 64 bits where a file is over 4 GiB, and only there")
@pytest.mark.parametrize(("size", "wide"), [(1000, False), (20_000_000, True)])
def test_long_files_have_wide_offsets(size: int, wide: bool) -> None:
    picture = video(range(0, 500, 50), 500)
    picture.samples["size"] = size
    file = progressive(make_plan(index(picture, audio(900)), 2000).tracks)
    assert (file.length > 1 << 32) is wide
    assert (b"co64" in file.head) is wide and (b"stco" in file.head) is not wide
    # the tables are those of a file that our reader accepts, but for the media that is not there
    offset = int(file.edges[-2])
    assert offset.to_bytes(8 if wide else 4, "big") in file.head


def test_a_range_costs_the_same_in_a_long_file() -> None:
    """Elements that are touched do not depend on how many there are."""
    for hours in (1, 10):
        pictures = hours * 3600 * 25
        file = progressive(make_plan(index(video(range(0, pictures, 50), pictures)), 4000).tracks)
        touched = list(file.pieces(file.length - 5000, file.length))
        assert sum(isinstance(piece, Run) for piece in touched) == len(touched) == 1
        assert (
            len(file.head) < 5 * pictures + 20 * hours * 900 + 2000
        )  # four octets a picture, no more than some a chunk


def test_a_track_that_begins_late_has_an_empty_edit() -> None:
    late = video(range(0, 100, 50), 100, shift=-12800)
    head = progressive(make_plan(index(late, audio(200, shift=1024)), 2000).tracks).head
    lists = []
    at = head.find(b"elst")
    while at > 0:
        count = int.from_bytes(head[at + 8 : at + 12], "big")
        lists.append([struct.unpack_from(">QqHH", head, at + 12 + 20 * n) for n in range(count)])
        at = head.find(b"elst", at + 4)
    # movie time counts in lcm(12800, 48000) = 192000: a second of nothing, then 4 s of picture; sound without 1024
    assert lists[0] == [(192_000, -1, 1, 0), (4 * 192_000, 0, 1, 0)]
    assert lists[1] == [(199 * 1024 * 4, 1024, 1, 0)]


def test_an_edit_begins_with_a_picture_not_before_it() -> None:
    """FFmpeg takes the first picture to where the edit begins: so nothing lies between the two."""
    late = video(range(0, 100, 50), 100, shift=-12800, cto=[1024, 2048, 512, 0, 512] * 20)
    head = progressive(make_plan(index(late), 2000).tracks).head
    at = head.find(b"elst")
    edits = [struct.unpack_from(">QqHH", head, at + 12 + 20 * n) for n in range(2)]
    # the first picture is shown 1024 ticks behind where it is decoded: a second and 1024 ticks of nothing, then it
    assert [edit[:2] for edit in edits] == [(12800 + 1024, -1), (99 * 512, 1024)]
