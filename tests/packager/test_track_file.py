"""A track as one file: the octets of its segments behind an index that says where they are."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.init import init_segment
from packager.layout import Run
from packager.plan import make_plan
from packager.segment import segment
from packager.track_file import MOST_REFERENCES, TrackFile, index_range, segment_lengths, sidx, track_file
from tests.kit.media import RECIPES
from tests.kit.optional import program
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

FILMS = tuple(name for name in RECIPES if name != "mpeg4-visual")


def octets(file: TrackFile, data: bytes, start: int = 0, stop: int = -1) -> bytes:
    found = b""
    for piece in file.pieces(start, file.length if stop < 0 else stop):
        found += b"".join(data[a : a + n] for a, n in piece.ranges) if isinstance(piece, Run) else bytes(piece)
    return found


def references(box: bytes) -> tuple[int, int, list[tuple[int, int, int]]]:
    """(timescale, earliest presentation time, rows) of a sidx of version 1 (14496-12 8.16.3)."""
    size, kind, version, _, scale, earliest, offset, _, count = struct.unpack_from(">I4sIIIQQHH", box)
    assert (size, kind, version >> 24, offset) == (len(box), b"sidx", 1, 0)
    return scale, earliest, [struct.unpack_from(">III", box, 40 + 12 * at) for at in range(count)]


@pytest.mark.rule("ISO/IEC 23009-1 6.3.5.2", "a self-initializing segment is an init segment, an index, the segments")
@pytest.mark.parametrize("name", FILMS)
def test_the_file_is_its_segments_behind_an_index(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    for planned in asset.plan.tracks:
        track = planned.track.name
        file = track_file(planned, asset.inits[track])
        whole = octets(file, asset.data)
        assert len(whole) == file.length
        assert whole[len(file.head) :] == b"".join(asset.segments(track))
        moov = asset.inits[track][int.from_bytes(asset.inits[track][:4], "big") :]
        assert whole[: file.initialization[1] + 1].endswith(moov) and b"dash" in whole[:40]
        scale, earliest, rows = references(whole[file.index[0] : file.index[1] + 1])
        numbers = asset.numbers(track)
        assert (scale, earliest) == (planned.track.format.timescale, planned.shown[numbers[0]])
        assert [row[0] for row in rows] == [len(asset.segment(track, n)) for n in numbers]
        assert earliest + sum(row[1] for row in rows) == planned.start[-1]
        assert {row[2] for row in rows} == {0x90000000}  # each begins with a stream access point of type 1
        assert index_range(asset.inits[track], len(numbers)) == (file.initialization, file.index)


@pytest.mark.parametrize("name", ["bframes", "two-languages"])
def test_any_range_is_that_of_the_whole(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    file = track_file(asset.plan.tracks[0], asset.inits["v1"])
    whole = octets(file, asset.data)
    edges = [int(edge) for edge in file.edges]
    around = sorted({n for edge in edges for n in (edge - 1, edge, edge + 1, edge + 200) if 0 <= n <= file.length})
    for start in around:
        for stop in (start + 1, start + 997, file.length):
            if start < stop <= file.length:
                assert octets(file, asset.data, start, stop) == whole[start:stop]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_lengths_are_found_without_making_segments(data: st.DataObject) -> None:
    """Whatever a run needs columns for: durations, sync flags, composition offsets."""
    count = data.draw(st.integers(3, 60))
    keys = sorted({0} | data.draw(st.sets(st.integers(1, count - 1), max_size=12)))
    cto = data.draw(st.lists(st.sampled_from([0, 0, 0, 512]), min_size=count, max_size=count))
    durations = data.draw(st.lists(st.sampled_from([1024, 1024, 1024, 500]), min_size=40, max_size=40))
    plan = make_plan(index(video(keys, count, cto=cto), audio(0, durations=durations)), 1000)
    for track in plan.tracks:
        numbers = np.flatnonzero(np.diff(track.first))
        assert segment_lengths(track, numbers).tolist() == [segment(track, int(n)).length for n in numbers]


def test_more_segments_than_an_index_counts_share_references() -> None:
    plan = make_plan(index(video(range(70_000), 70_000, step=12800)), 1000)
    numbers = np.flatnonzero(np.diff(plan.tracks[0].first))
    assert len(numbers) == 70_000
    lengths = segment_lengths(plan.tracks[0], numbers)
    made = sidx(plan.tracks[0], numbers, lengths)
    _, _, rows = references(made)
    assert len(rows) == 35_000 <= MOST_REFERENCES
    assert sum(row[0] for row in rows) == lengths.sum() and sum(row[1] for row in rows) == plan.tracks[0].start[-1]
    init = init_segment(plan.tracks[0].track.format)
    assert index_range(init, 70_000)[1] == track_file(plan.tracks[0], init).index


@pytest.mark.parametrize("name", ["bframes", "ntsc", "hevc-ac3", "av1-opus"])
def test_ffmpeg_decodes_it_as_the_source(packed: Callable[..., Packed], tmp_path: Path, name: str) -> None:
    asset = packed(name)
    (tmp_path / "source.mp4").write_bytes(asset.data)
    for planned in asset.plan.tracks:
        made = tmp_path / f"{planned.track.name}.mp4"
        made.write_bytes(octets(track_file(planned, asset.inits[planned.track.name]), asset.data))
        read = frames if planned.track.format.kind == "video" else packets
        kind = planned.track.name[0]
        assert read(made, kind) == read(tmp_path / "source.mp4", kind) != []


def frames(path: Path, kind: str) -> list[str]:
    """The MD5 of each decoded picture."""
    words = [program("ffmpeg"), "-v", "error", "-i", str(path), "-map", f"0:{kind}", "-f", "framemd5", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if line[0] != "#"]


def packets(path: Path, kind: str) -> list[str]:
    """The MD5 of each packet: sound as it lies, since an edit list hides its first samples in one of the two."""
    words = [program("ffprobe"), "-v", "error", "-select_streams", kind, "-show_data_hash", "md5", "-of", "csv"]
    done = subprocess.run([*words, "-show_entries", "packet=data_hash", str(path)], capture_output=True, text=True)
    return re.findall("MD5:[0-9a-f]{32}", done.stdout)
