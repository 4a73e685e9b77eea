"""MPEG-TS segments that are pushed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from base.problems import Problem
from ingest.cmaf.presentation import SETTLE_S, Out, Presentation
from ingest.cmaf.transport import Renditions, rendition
from ingest.media import Frame, TrackConfig
from tests.kit.optional import program
from tests.kit.pushing import Source, pushed_to
from tests.kit.sources import framemd5


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("hd/seg_00012.ts", ("hd/seg_.ts", 12)),
        ("live7.ts", ("live.ts", 7)),
        ("live.ts", ("live.ts", 0)),
        ("v1/2026-11-22.ts", ("v1/2026-11-.ts", 22)),
    ],
)
@pytest.mark.rule("DASH-IF ingest 7.1.2 5", "a rising number ends the name of a media object")
def test_renditions(path: str, found: tuple[str, int]) -> None:
    assert rendition(path) == found


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four seconds of H.264 and AAC, cut by FFmpeg."""
    folder = tmp_path_factory.mktemp("ts")
    words = "-v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=sample_rate=48000 -t 4"
    words += " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -sc_threshold 0 -bf 2 -c:a aac"
    words += f" -f hls -hls_time 1 -hls_list_size 0 -hls_segment_filename {folder}/s%03d.ts {folder}/out.m3u8"
    subprocess.run([program("ffmpeg"), *words.split()], check=True)
    return sorted(folder.glob("s*.ts"))


def everything(session: Presentation, pieces: list[tuple[str, bytes]]) -> list[Out]:
    outs = [out for path, body in pieces for out in session.transport(path, body, 0)]
    return [*outs, *session.tick(SETTLE_S), *session.finish(2)]


def test_segments_again_and_late_are_taken_once(segments: list[Path]) -> None:
    pieces = [(path.name, path.read_bytes()) for path in segments]
    once = everything(Presentation(), pieces)
    again = everything(Presentation(), [pieces[0], pieces[0], pieces[1], pieces[0], *pieces[2:], pieces[3]])
    frames = [out for out in once if isinstance(out, Frame)]
    assert [out for out in again if isinstance(out, Frame)] == frames
    assert len([frame for frame in frames if frame.track == "v1"]) == 100
    assert {out.track for out in once if isinstance(out, TrackConfig)} == {"v1", "a1"}


def test_a_ladder_has_its_sound_once(segments: list[Path]) -> None:
    pieces = [(f"{name}/{path.name}", path.read_bytes()) for path in segments for name in ("hd", "sd")]
    outs = everything(Presentation(), pieces)
    assert {out.track for out in outs if isinstance(out, TrackConfig)} == {"v1", "v2", "a1"}
    sound = [out.dts for out in outs if isinstance(out, Frame) and out.track == "a1"]
    assert sound == sorted(set(sound))


def test_so_many_renditions_and_no_more() -> None:
    renditions = Renditions()
    with pytest.raises(Problem, match="renditions"):
        for n in range(20):
            renditions.take(f"{n}/x.ts", b"\x47" + bytes(187))


@pytest.mark.rule("DASH-IF ingest 7.3.2", "segments in MPEG-TS end in .ts")
@pytest.mark.usefixtures("soon")
async def test_pictures_come_out_as_they_went_in(segments: list[Path], tmp_path: Path) -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        for path in segments:
            await source.sends(path.name, path.read_bytes())
            listed = "".join(f"#EXTINF:1,\n{one.name}\n" for one in segments)
            await source.sends("out.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{listed}".encode())
        await source.sends("out.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{listed}#EXT-X-ENDLIST\n".encode())
        await role.origin.until(lambda: any(note.state == "ended" for note in role.origin.notes))
        made, sent = tmp_path / "out.mp4", tmp_path / "in.ts"
        made.write_bytes(role.origin.body("v1"))
        sent.write_bytes(b"".join(path.read_bytes() for path in segments))
        assert framemd5(made, "v:0") == framemd5(sent, "v:0")
