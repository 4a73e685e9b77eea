"""What a file may have: at a limit it is read, for a price that the limit bounds; beyond it says which, and how far."""

from __future__ import annotations

import ast
import contextlib
import struct
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path

import pytest

from base.problems import Problem
from packager import aac, avc, boxes, codecs, entries, fragments, limits, movie, tables
from packager.boxes import box, fullbox
from packager.entries import aac_format
from packager.init import init_segment
from packager.limits import SETTING, Limits, OverLimit
from packager.movie import read_movie
from packager.plan import make_plan
from packager.progressive import progressive
from tests.packager.tracks import audio, index

AAC = aac_format(bytes.fromhex("1190"))


def film(samples: int, tracks: int = 1) -> bytes:
    """A progressive file of sound: frames of one octet."""
    sounds = [replace(audio(samples, name=f"a{n + 1}"), format=AAC) for n in range(tracks)]
    for sound in sounds:
        sound.samples["size"] = 1
    made = progressive(make_plan(index(*sounds), 20_000).tracks)
    return made.head + bytes(samples * tracks)


def fragmented(samples: int, times: int) -> bytes:
    """A file of `times` fragments of `samples` frames of one octet."""
    made = init_segment(AAC)
    for number in range(times):
        tfhd = fullbox(b"tfhd", 0, 0x20038, struct.pack(">4I", 1, 1024, 1, 0x02000000))
        tfdt = fullbox(b"tfdt", 1, 0, struct.pack(">Q", number * samples * 1024))
        size = 8 + 8 + len(tfhd) + len(tfdt) + 20
        trun = fullbox(b"trun", 0, 1, struct.pack(">Ii", samples, size + 8))
        made += box(b"moof", box(b"traf", tfhd, tfdt, trun)) + box(b"mdat", bytes(samples))
    return made


def nested(depth: int) -> bytes:
    nest = b""
    for _ in range(depth):
        nest = box(b"moov", nest)
    return box(b"ftyp", b"isom", bytes(4)) + nest


def padded(octets: int) -> bytes:
    """A film whose moov has so many octets."""
    data = film(100)
    at = data.index(b"moov") - 4
    size = struct.unpack_from(">I", data, at)[0]
    grown = box(b"moov", data[at + 8 : at + size], box(b"free", bytes(octets - size - 8)))
    # its samples lie further on by as much: they are zeros anyway
    return data[:at] + grown + data[at + size :]


OVER = {
    "depth": (nested(9), Limits(depth=8), "it has boxes 9 deep or more", 8),
    "boxes": (film(100) + box(b"free") * 18, Limits(boxes=20), "it has 21 boxes in a row or more", 20),
    "samples": (film(2001), Limits(samples=2000), "it has 2001 samples in one track", 2000),
    "moov": (padded(200_001), Limits(moov=200_000), r"its index \(moov\) has 200001 octets", 200_000),
    "tracks": (film(200, tracks=3), Limits(tracks=2), "it has 3 tracks", 2),
}


def test_there_is_a_case_for_each_limit() -> None:
    assert OVER.keys() == {limit.name for limit in fields(Limits)}


@pytest.mark.parametrize("name", OVER)
def test_a_file_beyond_a_limit_is_told_which_and_how_to_raise_it(name: str) -> None:
    data, limits, found, allowed = OVER[name]
    with pytest.raises(OverLimit, match=rf"{found}.*, {SETTING.format(name)} is {allowed}; raise that") as refusal:
        read_movie(memoryview(data), limits)
    assert refusal.value.kind.name == "unplayable"


@pytest.mark.parametrize("name", sorted(set(OVER) - {"depth"}))
def test_a_file_at_a_limit_is_read(name: str) -> None:
    data, limits, _, allowed = OVER[name]
    assert read_movie(memoryview(data), replace(limits, **{name: allowed + 1})).tracks


@pytest.mark.parametrize(("samples", "times"), [(2001, 1), (1000, 3)])
def test_fragments_count_together(samples: int, times: int) -> None:
    data = memoryview(fragmented(samples, times))
    assert len(read_movie(data).tracks[0].columns.samples) == samples * times
    with pytest.raises(OverLimit, match=SETTING.format("samples")):
        read_movie(data, Limits(samples=2000))


def test_a_lie_is_damage_not_a_limit() -> None:
    """Raising a limit would not help: the table has no room for what it claims."""
    data = bytearray(film(100))
    struct.pack_into(">I", data, data.index(b"stsz") + 12, 0xFFFFFFFF)
    struct.pack_into(">I", data, data.index(b"stsz") + 8, 0)
    with pytest.raises(Problem, match="damaged"):
        read_movie(memoryview(data))


def peak(data: bytes, limits: Limits) -> int:
    tracemalloc.start()
    try:
        with contextlib.suppress(Problem):
            read_movie(memoryview(data), limits)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", [film(200_000), fragmented(2000, 100), fragmented(200_000, 1)])
def test_what_a_sample_costs_while_it_is_read(data: bytes) -> None:
    """docs/reference/settings.md gives the figure."""
    assert peak(data, Limits(samples=200_000)) < 150 * 200_000
    assert peak(data, Limits(samples=199_999)) < 130 * 200_000


def test_what_moov_costs_while_it_is_read() -> None:
    """Nothing by its octets: it is mapped. Boxes cost, and there is a limit for these."""
    assert peak(padded(64 << 20), Limits(moov=64 << 20)) < 1 << 20
    assert peak(film(100) + box(b"moof") * 100_000, Limits(boxes=100_100)) < 400 * 100_000
    assert peak(film(100) + box(b"moof") * 100_000, Limits(boxes=1000)) < 1 << 20


READERS = (aac, avc, boxes, codecs, entries, fragments, limits, movie, tables)


def test_readers_do_not_recurse() -> None:
    """No function of theirs leads to itself, so no nesting in a file becomes nesting of calls."""
    calls: dict[str, set[str]] = {}
    for module in READERS:
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.FunctionDef):
                calls.setdefault(node.name, set()).update(
                    called.func.id if isinstance(called.func, ast.Name) else called.func.attr
                    for called in ast.walk(node)
                    if isinstance(called, ast.Call) and isinstance(called.func, ast.Name | ast.Attribute)
                )
    done: set[str] = set()
    for start in calls:
        assert start not in reached(calls, start), start
        done.add(start)
    assert {"walk", "read_movie", "expand", "read_moof"} <= done


def reached(calls: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(calls[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += calls.get(name, ())
    return found
