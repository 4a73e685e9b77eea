"""Trick play: each listed range is an init segment away from one picture."""

from __future__ import annotations

import subprocess
from pathlib import Path

import m3u8
import pytest

from packager import iframes
from packager.boxes import walk
from packager.fragments import read_chunk
from tests.kit.media import Films
from tests.kit.optional import program
from tests.packager.packed import Packed, pack


def listed(film: Packed) -> m3u8.M3U8:
    return m3u8.loads(iframes.playlist(film.plan, film.track("v1"), film.generations["v1"]))


@pytest.mark.rule("RFC 8216bis 4.4.3.6", "in an I-frame playlist EXTINF is the time to the next I-frame")
def test_the_durations_are_those_of_the_segments(films: Films) -> None:
    film = pack(films("irregular").read_bytes())
    found = listed(film)
    assert found.is_i_frames_only and found.version == 5
    whole = m3u8.loads(film.media_playlist("v1"))
    assert [s.duration for s in found.segments] == [s.duration for s in whole.segments]


@pytest.mark.rule("RFC 8216bis 3.1.2", "an I-frame range may end within mdat, after the I-frame")
@pytest.mark.parametrize("name", ["bframes", "irregular", "edit-list"])
def test_each_range_decodes_to_one_picture(films: Films, name: str, tmp_path: Path) -> None:
    film = pack(films(name).read_bytes())
    for entry in listed(film).segments:
        number = int(entry.uri.removesuffix(".m4s"))
        size, _, offset = entry.byterange.partition("@")
        assert offset == "0"
        cut = film.segment("v1", number)[: int(size)]
        head = next(walk(memoryview(cut), 0, 8 + int.from_bytes(cut[:4], "big") - 8))
        assert head.type == "moof"
        (tmp_path / "one.mp4").write_bytes(film.inits["v1"] + cut)
        command = [program("ffmpeg"), "-v", "fatal", "-nostdin", "-i", str(tmp_path / "one.mp4"), "-f", "framemd5", "-"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert len([line for line in ran.stdout.splitlines() if not line.startswith("#")]) == 1


def test_its_rates_are_those_of_the_pictures_alone(films: Films) -> None:
    film = pack(films("bframes").read_bytes())
    whole = film.reports[0]
    alone = iframes.report(film.plan, film.track("v1"), whole)
    exact = [size for _, size, _ in iframes.ranges(film.track("v1"))]
    seconds = float(sum(film.track("v1").durations))
    assert alone.average == pytest.approx(sum(exact) * 8 / seconds, rel=0.05)
    assert alone.average < whole.average


@pytest.mark.rule("DASH-IF IOP 4.3 3.2.9", "a segment of trick play is one picture, as long as its segment")
@pytest.mark.parametrize("name", ["bframes", "irregular", "edit-list", "hevc-ac3"])
def test_a_picture_is_a_segment_of_its_own(films: Films, name: str, tmp_path: Path) -> None:
    film = pack(films(name).read_bytes())
    track = film.track("v1")
    made, end = film.inits["v1"], None
    for number in film.numbers("v1"):
        body = iframes.picture(track, number)
        octets = body.head + b"".join(film.data[at : at + size] for at, size in body.ranges)
        assert len(octets) == body.length < len(film.segment("v1", number))
        alone, whole = (read_chunk(one) for one in (octets, film.segment("v1", number)))
        assert (alone.samples, alone.independent) == (1, True)
        assert (alone.tfdt, alone.duration) == (whole.tfdt, whole.duration) and end in (None, alone.tfdt)
        end = alone.tfdt + alone.duration
        made += octets
    (tmp_path / "trick.mp4").write_bytes(made)
    words = [
        program("ffprobe"),
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "csv=p=0",
    ]
    done = subprocess.run([*words, str(tmp_path / "trick.mp4")], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(film.numbers("v1")) and not done.stderr
