"""Films in other containers: every track that is carried decodes to what the source decodes to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from base.problems import Problem
from ingest.remux.demux import Film, read
from packager.layout import Run
from packager.mezzanine import mezzanine
from tests.kit.optional import program
from tests.kit.sources import Sources, framemd5


def written(film: Film, folder: Path) -> dict[str, Path]:
    """The mezzanine's files."""
    found = {}
    for track, file in zip(film.index.tracks, mezzanine(film.index), strict=True):
        samples = film.files[track.name].read_bytes()
        pieces = [
            b"".join(samples[at : at + size] for at, size in piece.ranges) if isinstance(piece, Run) else bytes(piece)
            for piece in file.pieces(0, file.length)
        ]
        found[track.name] = folder / f"{track.name}.mp4"
        found[track.name].write_bytes(b"".join(pieces))
        assert found[track.name].stat().st_size == file.length
    return found


CODECS = {
    "h264-aac": ("avc1", "mp4a.40.2"),
    "h264-aac-ts": ("avc1", "mp4a.40.2"),
    "wrap-ts": ("avc1", "mp4a.40.2"),
    "h264-mp3-flv": ("avc1", "mp4a.6B"),
    "h264-ac3-ts": ("avc1", "ac-3"),
    "hevc-eac3-ts": ("hvc1", "ec-3"),
    "hevc-opus": ("hvc1", "opus"),
    "av1-flac": ("av01", "fLaC"),
    "two-languages": ("avc1", "mp4a.40.2", "mp4a.40.2"),
    "mov": ("avc1", "mp4a.40.2"),
    "flac": ("fLaC",),
    "opus": ("opus",),
    "adts": ("mp4a.40.2",),
}


@pytest.mark.parametrize("name", CODECS)
def test_what_is_carried_decodes_to_what_the_source_does(sources: Sources, tmp_path: Path, name: str) -> None:
    source = sources(name)
    film = read(source, tmp_path)
    assert film.notes == ()
    codecs = [track.format.codec for track in film.index.tracks]
    assert all(codec.startswith(wanted) for codec, wanted in zip(codecs, CODECS[name], strict=True)), codecs
    for track, file in written(film, tmp_path).items():
        here = framemd5(file, f"{track[0]}:0")
        assert len(here) > 40 and here == framemd5(source, f"{track[0]}:{int(track[1:]) - 1}"), track


@pytest.mark.parametrize(
    ("name", "rate"), [("h264-aac", (24000, 1001)), ("h264-aac-ts", (90000, 3600)), ("wrap-ts", (90000, 3600))]
)
def test_pictures_of_a_constant_rate_are_as_long_as_each_other(
    sources: Sources, tmp_path: Path, name: str, rate: tuple[int, int]
) -> None:
    picture, sound = read(sources(name), tmp_path).index.tracks
    assert (picture.format.timescale, picture.last_duration) == rate
    shown = sorted((picture.samples["dts"] + picture.samples["cto"]).tolist())
    assert shown == [rate[1] * n for n in range(len(shown))]
    assert (picture.samples["cto"] >= 0).all()
    steps = set((sound.samples["dts"][1:] - sound.samples["dts"][:-1]).tolist())
    assert steps == {1024} and abs(int(sound.samples["dts"][0])) < 48000 / 10


def test_languages_are_kept(sources: Sources, tmp_path: Path) -> None:
    assert [t.format.language for t in read(sources("two-languages"), tmp_path).index.audio] == ["eng", "deu"]
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    assert [t.format.language for t in read(sources("h264-aac"), tmp_path).index.audio] == ["ger"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vp9", "codec vp9 cannot be carried in MP4"),
        ("mpeg2-ts", "codec mpeg2video cannot be carried"),
        ("wav", "codec pcm_s16le cannot be carried"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(sources: Sources, tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(Problem, match=says) as problem:
        read(sources(name), tmp_path)
    assert problem.value.kind.name == "unplayable"


def test_sound_that_cannot_be_carried_is_left_out_and_said(sources: Sources, tmp_path: Path) -> None:
    film = read(sources("dts-sound"), tmp_path)
    assert [t.name for t in film.index.tracks] == ["v1"]
    assert film.notes == (
        "track 2: codec mp2 cannot be carried in MP4 by this version: transcode to "
        "H.264, HEVC or AV1 video; AAC, MP3, AC-3, E-AC-3, Opus or FLAC audio",
    )


@pytest.mark.parametrize("octets", [b"", b"this is no film " * 4000, b"\x1aE\xdf\xa3" + b"\0" * 5000, b"G" * 188 * 50])
def test_what_is_no_film_is_refused(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "source").write_bytes(octets)
    with pytest.raises(Problem) as problem:
        read(tmp_path / "source", tmp_path)
    assert problem.value.kind.name == "unplayable"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 33\n",
    ],
)
def test_a_list_of_other_files_is_not_followed(sources: Sources, tmp_path: Path, text: str) -> None:
    secret = tmp_path / "secret.ts"
    shutil.copy(sources("h264-aac-ts"), secret)
    (tmp_path / "source").write_text(text.format(secret=secret))
    with pytest.raises(Problem, match="no film or sound"):
        read(tmp_path / "source", tmp_path)


def test_a_recording_that_was_cut_off_keeps_what_is_whole(sources: Sources, tmp_path: Path) -> None:
    whole = sources("h264-aac-ts").read_bytes()
    (tmp_path / "source").write_bytes(whole[: len(whole) * 2 // 3])
    film = read(tmp_path / "source", tmp_path)
    picture = film.index.video[0]
    assert 60 < len(picture.samples) < 120
    for track, file in written(film, tmp_path).items():
        assert len(framemd5(file, f"{track[0]}:0")) > 50


def test_recordings_joined_without_care_have_no_gap(sources: Sources, tmp_path: Path) -> None:
    """Two recordings whose clocks are a day apart, one behind the other (as `cat a.ts b.ts` makes them)."""
    first, second = sources("h264-aac-ts").read_bytes(), sources("wrap-ts").read_bytes()
    (tmp_path / "source").write_bytes(first + second)
    film = read(tmp_path / "source", tmp_path)
    # the second clock itself wraps a little later
    assert [note.split(" at ")[0] for note in film.notes] == ["its time stamps jump"] * 2
    assert film.notes[0] == "its time stamps jump at 4.920 s: the gap was closed"
    for track in film.index.tracks:
        lasts = (track.end_dts - int(track.samples["dts"][0])) / track.format.timescale
        assert 9.5 < lasts < 10.6, track.name
    assert len(film.index.video[0].samples) == 250


def test_reading_stops_when_the_process_is_to_end(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="being stopped"):
        read(sources("h264-aac"), tmp_path, lambda: True)


def test_pictures_before_the_first_keyframe_are_left_out(sources: Sources, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ts"
    whole = sources("h264-aac-ts").read_bytes()
    tables = whole[: 188 * 3]
    cut.write_bytes(tables + whole[len(whole) // 3 // 188 * 188 :])
    film = read(cut, tmp_path)
    assert int(film.index.video[0].sync[0]) == 0
    written(film, tmp_path)
    probe = [program("ffprobe"), "-v", "error", "-show_entries", "packet=flags", "-of", "csv=p=0"]
    shown = subprocess.run([*probe, str(tmp_path / "v1.mp4")], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("K") and shown.stderr == ""
