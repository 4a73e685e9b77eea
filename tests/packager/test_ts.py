"""MPEG-TS: read back packet by packet, and by FFmpeg, which must decode the very pictures and sounds of the source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.crc import crc32
from base.names import Kind, Leaf, Name
from base.problems import Problem
from packager import hls, ts
from tests.kit.media import Films
from tests.kit.optional import program
from tests.packager.packed import Packed, pack

# Shapes that test_matrix.py does not have.
CARRIED = ["edit-list", "two-languages", "silent"]


def packets(segment: bytes | bytearray) -> np.ndarray:
    found = np.frombuffer(bytes(segment), np.uint8).reshape(-1, ts.PACKET)
    assert (found[:, 0] == 0x47).all()
    return found


def pid(rows: np.ndarray) -> np.ndarray:
    return (rows[:, 1].astype(int) & 0x1F) << 8 | rows[:, 2]


def made(film: Packed, track: str) -> list[bytearray]:
    plan = film.track(track)
    stream = ts.stream_of(plan)
    return [ts.segment(stream, plan, number, memoryview(film.data)) for number in film.numbers(track)]


def payloads(rows: np.ndarray) -> list[bytes]:
    """The PES packets of a segment's media packets."""
    found: list[bytes] = []
    for row in rows:
        at = 4 + (1 + int(row[4]) if row[3] & 0x20 else 0)
        if row[1] & 0x40:
            found.append(b"")
        found[-1] += row[at:].tobytes()
    return found


@pytest.mark.rule("RFC 8216bis 3.1.1", "a transport stream segment begins with a PAT and a PMT")
@pytest.mark.rule("ITU-T H.222.0 2.4.4", "each section ends with the CRC of what is before it")
def test_a_segment_begins_with_its_tables(films: Films) -> None:
    for segment in made(pack(films("bframes").read_bytes()), "v1"):
        rows = packets(segment)
        assert pid(rows[:2]).tolist() == [0, ts.PMT_PID]
        for row in rows[:2]:
            length = int.from_bytes(row[6:8].tobytes(), "big") & 0xFFF
            section = row[5 : 8 + length].tobytes()
            assert crc32(section) == 0, "the CRC over a section with its CRC is 0"
        assert set(pid(rows[2:]).tolist()) == {ts.MEDIA_PID}


def test_the_crc_is_that_of_the_standard() -> None:
    assert crc32(b"123456789") == 0x0376E6E7  # the check value that catalogues of CRCs give for CRC-32/MPEG-2


@pytest.mark.rule("ITU-T H.222.0 2.4.3.3", "the continuity counter goes on by one with each packet, over segments too")
@pytest.mark.parametrize("track", ["v1", "a1"])
def test_counters_run_on_over_segments(films: Films, track: str) -> None:
    counters = np.concatenate([packets(s)[2:, 3] & 0x0F for s in made(pack(films("bframes").read_bytes()), track)])
    assert ((np.diff(counters.astype(int)) % 16) == 1).all()


@pytest.mark.parametrize("track", ["v1", "a1"])
def test_sizes_are_known_before_a_segment_is_made(films: Films, track: str) -> None:
    film = pack(films("bframes").read_bytes())
    plan = film.track(track)
    known = ts.sizes(ts.stream_of(plan), plan)
    assert [known[n] for n in film.numbers(track)] == [len(segment) for segment in made(film, track)]


@pytest.mark.rule("ITU-T H.222.0 2.4.3.6", "a picture is never shown before it is decoded: PTS is at least DTS")
@pytest.mark.rule("ITU-T H.222.0 2.7.2", "the clock reference runs ahead of the decoding times and never back")
def test_times_are_in_order(films: Films) -> None:
    before = -1
    for segment in made(pack(films("bframes").read_bytes()), "v1"):
        rows = packets(segment)[2:]
        begins = rows[(rows[:, 1] & 0x40) > 0]
        for row, unit in zip(begins, payloads(rows), strict=True):
            pcr = int.from_bytes(row[6:10].tobytes(), "big") << 1 | int(row[10]) >> 7
            pts, dts = (_time(unit[at : at + 5]) for at in (9, 14))
            assert before < pcr == dts - ts.AHEAD_90K < dts <= pts
            before = pcr


def _time(octets: bytes) -> int:
    a, b, c, d, e = octets
    assert a & 1 and c & 1 and e & 1, "marker bits"
    return (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1


@pytest.mark.rule(
    "ITU-T H.222.0 2.14.1", "each access unit begins with a delimiter, each sync one has its parameter sets"
)
def test_access_units_have_delimiters(films: Films) -> None:
    film = pack(films("bframes").read_bytes())
    for segment in made(film, "v1"):
        units = payloads(packets(segment)[2:])
        bodies = [unit[9 + unit[8] :] for unit in units]
        assert all(body.startswith(b"\0\0\0\1\x09\xf0") for body in bodies)
        assert bodies[0][6:11] == b"\0\0\0\1\x67", "the parameter sets of the keyframe"
        assert film.segment("v1", 0)  # the same samples as the fMP4 segment, in another wrapping


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 1200), min_size=1, max_size=12))
def test_any_size_fits_its_packets(sizes: list[int]) -> None:
    """Whatever a sample's size, what was put in comes out: no residue of 184 is without a place."""
    from tests.packager.tracks import index, table, video

    # one NAL unit a sample: its length, then filler
    media = b"".join((max(size, 5) - 4).to_bytes(4, "big") + bytes(max(size, 5) - 4) for size in sizes)
    track = video([0], len(sizes))
    samples = table([512] * len(sizes))
    samples["size"] = [max(size, 5) for size in sizes]
    samples["offset"] = np.concatenate(([0], np.cumsum(samples["size"])[:-1]))
    object.__setattr__(track, "samples", samples)
    from packager.plan import make_plan

    plan = make_plan(index(track), 4000).tracks[0]
    stream = ts.Stream(codec="avc1", scale=12800, extra=6, extra_sync=b"\0\0\0\1\x67", before=np.zeros(2, np.int64))
    segment = ts.segment(stream, plan, 0, memoryview(media))
    units = [unit[9 + unit[8] :] for unit in payloads(packets(segment)[2:])]
    assert [len(unit) for unit in units] == [max(s, 5) + 6 + (5 if n == 0 else 0) for n, s in enumerate(sizes)]
    assert all(unit.endswith(bytes(max(size, 5) - 4)) for unit, size in zip(units, sizes, strict=True))


@pytest.mark.parametrize("name", CARRIED)
def test_ffmpeg_decodes_the_same_pictures_and_sounds(films: Films, name: str, tmp_path: Path) -> None:
    source = films(name)
    film = pack(source.read_bytes())
    playlist = _write(film, tmp_path)
    for kind, count in (("v", len(film.index.video)), ("a", len(film.index.audio))):
        for at in range(count):
            wanted = _decoded("-ignore_editlist", "1", "-i", str(source), "-map", f"0:{kind}:{at}")
            read = _decoded("-i", str(playlist), "-map", f"0:{kind}:{at}")
            assert read == wanted and wanted, f"{name} {kind}:{at}"


def _write(film: Packed, folder: Path) -> Path:
    def put(leaf: Leaf, track: str, body: bytes, number: int = -1) -> None:
        name = Name(
            kind=Kind.VOD, title="film", edition=film.plan.edition, track=track, leaf=leaf, number=number
        )  # fmt: skip
        path = folder / name.relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    text = hls.multivariant("film", Kind.VOD, film.plan.edition, film.reports, playlists=Leaf.MEDIA_PLAYLIST_TS)
    (folder / "multivariant-ts.m3u8").write_text(text)
    for planned in film.plan.tracks:
        track = planned.track.name
        put(Leaf.MEDIA_PLAYLIST_TS, track, hls.media_playlist(film.plan, planned, "").encode())
        for number, segment in zip(film.numbers(track), made(film, track), strict=True):
            put(Leaf.TS_SEGMENT, track, bytes(segment), number)
    return folder / "multivariant-ts.m3u8"


def _decoded(*words: str) -> list[str]:
    command = [program("ffmpeg"), "-v", "error", "-nostdin", *words, "-f", "framemd5", "-"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split(",")[5].strip() for line in ran.stdout.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name", ["av1-opus", "mp3"])
def test_what_has_no_place_in_a_transport_stream_is_said(films: Films, name: str) -> None:
    film = pack(films(name).read_bytes())
    with pytest.raises(Problem, match="fMP4"):
        for planned in film.plan.tracks:
            ts.stream_of(planned)


def test_a_sample_that_lies_about_its_nal_units_is_refused() -> None:
    from packager.plan import make_plan
    from tests.packager.tracks import index, video

    plan = make_plan(index(video([0], 3)), 4000).tracks[0]
    stream = ts.Stream(codec="avc1", scale=12800, extra=6, extra_sync=b"", before=np.zeros(2, np.int64))
    with pytest.raises(Problem, match="NAL"):
        ts.segment(stream, plan, 0, memoryview(b"\xff" * 1000))
