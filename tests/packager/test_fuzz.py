"""The reader of files under random damage: a value or a Problem, and never more memory than the file's size explains.

`corpus/` keeps small films of every kind of table, without their media (mdat is zeros), and inputs that were once
answered wrongly, as `found-*`. Damage knows boxes: it changes numbers where tables have them, and moves whole boxes.
"""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.limits import Limits
from packager.movie import read_movie
from tests.packager.test_malformed_media import serve

CORPUS = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").iterdir())}
SEEDS = [name for name in CORPUS if not name.startswith("found-")]
HOLDS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf", b"udta", b"dinf")
EXTREMES = (0, 1, 2, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
Place = tuple[int, int]
# One sample costs 24 octets in the index and some more on the way; a file of a few kB has a few thousand at most.
MOST_OCTETS = 24 << 20  # and damage may leave a day of sound behind the picture: 21,600 segments in a playlist


def places(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Place]:
    """(first octet, end) of every box, as long as they make sense."""
    waiting = [(start, len(data) if end is None else end)]
    while waiting:
        at, end = waiting.pop()
        while at + 8 <= end:
            size, kind = struct.unpack_from(">I4s", data, at)
            if not 8 <= size <= end - at:
                break
            yield at, at + size
            if kind in HOLDS:
                waiting.append((at + 8, at + size))
            at += size


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    made = bytearray(CORPUS[draw(st.sampled_from(SEEDS))])
    for _ in range(draw(st.integers(1, 6))):
        boxes = list(places(bytes(made)))
        if not boxes:
            break
        at, end = draw(st.sampled_from(boxes))
        match draw(
            st.sampled_from(("number", "number", "bit", "type", "size", "drop", "double", "move", "wrap", "cut"))
        ):
            case "number":
                place = min(at + 4 * draw(st.integers(0, 16)), len(made) - 4)
                struct.pack_into(">I", made, place, draw(st.sampled_from(EXTREMES)))
            case "bit":
                made[draw(st.integers(at, end - 1))] ^= 1 << draw(st.integers(0, 7))
            case "type":
                made[at + 4 : at + 8] = draw(
                    st.sampled_from((*HOLDS, b"stsz", b"stz2", b"co64", b"trun", b"uuid", b"free"))
                )
            case "size":
                size = draw(st.sampled_from((0, 1, 7, 8, end - at - 1, end - at + 1, len(made), *EXTREMES)))
                struct.pack_into(">I", made, at, size & 0xFFFFFFFF)
            case "drop":
                del made[at:end]
            case "double":
                made[end:end] = made[at:end]
            case "move":
                box = bytes(made[at:end])
                del made[at:end]
                to = draw(st.integers(0, len(made)))
                made[to:to] = box
            case "wrap":
                kind = bytes(made[at + 4 : at + 8])
                made[at:at] = b"".join(struct.pack(">I4s", end - at + 8 * n, kind) for n in range(20, 0, -1))
            case "cut":
                del made[at + draw(st.integers(0, end - at)) :]
    return bytes(made)


def bounded(data: bytes) -> str:
    """What is said of a file, for a bounded price."""
    tracemalloc.start()
    try:
        said = serve(data)
        assert tracemalloc.get_traced_memory()[1] < MOST_OCTETS
    finally:
        tracemalloc.stop()
    return said


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_are_films(name: str) -> None:
    assert bounded(CORPUS[name]) == ""


def test_what_was_found_stays_mended() -> None:
    for name in CORPUS.keys() - set(SEEDS):
        bounded(CORPUS[name])


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged())
def test_a_value_or_a_problem(data: bytes) -> None:
    bounded(data)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged())
def test_a_value_or_a_problem_at_length(data: bytes) -> None:
    bounded(data)


@settings(max_examples=100, deadline=None)
@given(
    damaged(),
    st.builds(
        Limits,
        depth=st.integers(1, 12), boxes=st.integers(1, 40), samples=st.integers(0, 60), moov=st.integers(0, 4000),
        tracks=st.integers(0, 3),
    ),
)  # fmt: skip
def test_limits_only_ever_refuse(data: bytes, limits: Limits) -> None:
    """What is read under a limit is what is read without it."""

    try:
        found = read_movie(memoryview(data), limits)
    except Problem as problem:
        assert problem.kind.name == "unplayable"
        return
    again = read_movie(memoryview(data))
    assert [t.columns.samples.tolist() for t in found.tracks] == [t.columns.samples.tolist() for t in again.tracks]
    assert all(len(t.columns.samples) <= limits.samples for t in found.tracks) and len(found.tracks) <= limits.tracks
