"""Part targets: a segment divides into even parts, in every track."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.media import Format, Sample
from packager.fragments import read_chunk
from packager.parts import even_part_ms
from packager.segmenter import Segmenter

AAC_48, AAC_44 = 1024 / 48, 1024 / 44.1


@pytest.mark.parametrize(
    ("grid", "steps", "target"),
    [
        (2000, [40, AAC_48], 521),  # 13 frames of 25 a second; 12 would leave two
        (2000, [1000 / 30, AAC_48], 513),  # 24 frames of sound are 512 ms
        (2002, [1001 / 30, AAC_44], 512),
        (2000, [20, AAC_48], 513),  # sound decides: 24 frames
        (2000, [0, AAC_48], 513),  # nothing known of the picture
        (500, [40, AAC_48], 500),  # a part is never longer than its segment
        (6000, [40], 561),  # 10 parts of 14 frames and one of 10
    ],
)
def test_targets(grid: int, steps: list[float], target: int) -> None:
    assert even_part_ms(grid, 500, steps) == target


@given(
    rate=st.sampled_from([24, 25, 30, 50, 60]),
    grid=st.sampled_from([1000, 2000, 4000, 6000]),
    wish=st.sampled_from([200, 250, 333, 500, 1000]),
)
def test_a_target_is_near_what_was_asked_for(rate: int, grid: int, wish: int) -> None:
    """Who asks for parts of 200 ms and gets 120 has two thirds more requests."""
    assert abs(even_part_ms(grid, wish, [1000 / rate, AAC_48]) - wish) <= wish / 3 + 2


@given(
    rate=st.sampled_from([24, 25, 30, 50, 60]),
    seconds=st.sampled_from([2, 3, 4, 6]),
    audio_rate=st.sampled_from([32000, 44100, 48000]),
    wish=st.sampled_from([250, 330, 500, 1000]),
)
def test_no_part_is_a_stub(rate: int, seconds: int, audio_rate: int, wish: int) -> None:
    grid = seconds * 1000
    part_ms = even_part_ms(grid, wish, [1000 / rate, 1024 * 1000 / audio_rate])
    formats = {
        "v1": Format(kind="video", codec="avc1.42c01e", timescale=90000, entry=b""),
        "a1": Format(kind="audio", codec="mp4a.40.2", timescale=audio_rate, entry=b"", sample_duration=1024),
    }
    cutter = Segmenter(formats, {"v1": "00", "a1": "00"}, grid_ms=grid, part_ms=part_ms)
    parts = []
    sound = 0
    for frame in range(rate * seconds * 4):
        dts = 100 * seconds * 90000 + frame * 90000 // rate
        parts += cutter.push("v1", Sample(dts=dts, sync=frame % (rate * seconds) == 0, data=b"v"))
        while sound * 1024 * rate <= frame * audio_rate:
            parts += cutter.push("a1", Sample(dts=100 * seconds * audio_rate + sound * 1024, data=b"a"))
            sound += 1
    for part in parts:
        if part.note.last:
            chunk = read_chunk(part.body)
            scale = formats[part.track].timescale
            assert chunk.duration * 1000 >= 0.5 * part_ms * scale, (part.track, part_ms, part.part)
