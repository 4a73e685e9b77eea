"""A recording in pieces reads as the same recording in one."""

from __future__ import annotations

import pytest

from base.problems import Problem
from packager.limits import Limits
from packager.movie import read_movie
from packager.pieces import Extent, read_pieces
from tests.kit.live_media import Studio, segments


def laid_out(*pieces: bytes, gap: int = 100) -> tuple[memoryview, list[Extent]]:
    """Pieces with octets between them that mean nothing."""
    data, places = bytearray(), []
    for piece in pieces:
        places.append((len(data), len(piece)))
        data += piece + b"\xff" * gap
    return memoryview(bytes(data)), places


def sent(track: str = "v1", ms: int = 5000) -> tuple[bytes, list[bytes]]:
    studio = Studio()
    found = segments(studio.run(ms) + studio.finish())
    return studio.inits[track], [body for (name, _), body in sorted(found.items()) if name == track]


@pytest.mark.parametrize("track", ["v1", "a1"])
def test_pieces_are_what_they_would_be_in_one_file(track: str) -> None:
    init, bodies = sent(track)
    data, (first, *rest) = laid_out(init, *bodies)
    found, whole = read_pieces(data, first, rest), read_movie(memoryview(init + b"".join(bodies)))
    (one,), (other,) = found.tracks, whole.tracks
    assert (found.epoch, one.format) == (whole.epoch, other.format)
    for column in ("dts", "cto", "size"):
        assert (one.columns.samples[column] == other.columns.samples[column]).all()
    assert (one.columns.sync == other.columns.sync).all() and one.columns.last_duration == other.columns.last_duration
    together = init + b"".join(bodies)
    for here, there in zip(one.columns.samples[:99], other.columns.samples[:99], strict=True):
        size = int(here["size"])
        a, b = int(here["offset"]), int(there["offset"])
        assert data[a : a + size] == together[b : b + size]


def test_what_is_no_recording_is_refused() -> None:
    init, bodies = sent()
    for pieces, says in (
        ([bodies[0], bodies[2]], "1.0 s are missing in it"),
        ([bodies[1], bodies[0]], "not one behind the other"),
        ([bodies[0][:-5]], "claims"),
        ([b"\0\0\0\x08free"], "no samples"),
    ):
        data, (first, *rest) = laid_out(init, *pieces)
        with pytest.raises(Problem, match=says):
            read_pieces(data, first, rest)
    data, (first, *rest) = laid_out(init, *bodies)
    with pytest.raises(Problem, match="samples"):
        read_pieces(data, first, rest, Limits(samples=60))
