"""The index of a file: kept, mapped, and never used for another one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from packager.index import MAGIC, FileKey, Index, StaleIndex, check, from_buffer, identity, to_bytes
from tests.packager.packed import KEY, Packed
from tests.packager.tracks import audio, index, video


@pytest.mark.parametrize("name", ["bframes", "two-languages", "fragmented", "edit-list", "silent"])
def test_there_and_back(packed: Callable[..., Packed], name: str) -> None:
    made = packed(name).index
    again = from_buffer(memoryview(to_bytes(made)), KEY)
    assert again.key == made.key and again.notes == made.notes
    for a, b in zip(made.tracks, again.tracks, strict=True):
        assert (a.name, a.format, a.shift, a.last_duration) == (b.name, b.format, b.shift, b.last_duration)
        assert np.array_equal(a.samples, b.samples) and np.array_equal(a.sync, b.sync)
    assert to_bytes(again) == to_bytes(made)


def test_tracks_lie_aligned_and_are_not_copied() -> None:
    data = to_bytes(index(video([0], 7), audio(5)))
    again = from_buffer(memoryview(data))
    base = np.frombuffer(data, "u1").ctypes.data
    for track in again.tracks:
        assert not track.samples.flags.owndata
        assert (track.samples.ctypes.data - base) % 16 == 0


def test_size_of_an_index() -> None:
    """24 octets a sample, 4 a sync sample, and a head."""
    small, large = (len(to_bytes(index(video(range(0, n, 50), n)))) for n in (1000, 11000))
    assert (large - small) / 10_000 < 24.2


@pytest.mark.parametrize("key", [FileKey(9, 2, 3), FileKey(1, 9, 3), FileKey(1, 2, 9)])
def test_the_index_of_another_file_is_stale(key: FileKey) -> None:
    with pytest.raises(StaleIndex, match="another file"):
        from_buffer(memoryview(to_bytes(index(audio(5)))), key)


def test_damage_is_found_anywhere() -> None:
    """In the header at once, in a table when its track is checked; what only aligns tables says nothing."""
    whole = index(video([0], 3), audio(3))
    data = to_bytes(whole)
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 0x10
        try:
            found = from_buffer(memoryview(bad), KEY)
            for track in found.tracks:
                check(track)
        except StaleIndex:
            continue
        for track, before in zip(found.tracks, whole.tracks, strict=True):
            assert np.array_equal(track.samples, before.samples) and np.array_equal(track.sync, before.sync)
    for end in range(len(data)):
        with pytest.raises(StaleIndex):
            from_buffer(memoryview(data[:end]), KEY)


def test_opening_looks_at_no_table() -> None:
    """A flipped bit there is found by `check`, and not before: reading all tables is what opening must not cost."""
    data = bytearray(to_bytes(index(video([0], 3), audio(3))))
    data[-20] ^= 1
    found = from_buffer(memoryview(data), KEY)
    check(found.tracks[0])
    with pytest.raises(StaleIndex, match="tables of a1"):
        check(found.tracks[1])


def test_tables_made_here_have_nothing_to_be_compared_with() -> None:
    check(video([0], 3))


def test_the_seconds_taken_off_a_recording_are_kept() -> None:
    made = Index(key=KEY, tracks=(audio(3),), epoch=1_700_000_000)
    assert from_buffer(memoryview(to_bytes(made))).epoch == 1_700_000_000
    assert b"".join(identity(made)) == b"".join(identity(index(audio(3))))


def test_another_layout_is_stale() -> None:
    data = to_bytes(index(audio(5)))
    older = MAGIC[:-1] + b"\0" + data[8:]
    with pytest.raises(StaleIndex, match="layout"):
        from_buffer(memoryview(older), KEY)


def test_a_header_of_another_time_is_stale() -> None:
    body = msgspec.json.encode({"key": {}, "tracks": []})
    data = struct.pack("<8sII", MAGIC, len(body), zlib.crc32(body)) + body
    with pytest.raises(StaleIndex, match="header"):
        from_buffer(memoryview(data), KEY)


def test_tracks_are_named_by_kind_and_order(packed: Callable[..., Packed]) -> None:
    found = packed("two-languages").index
    assert [t.name for t in found.tracks] == ["v1", "a1", "a2"]
    assert found.track("a2") is found.audio[1] and found.track("v2") is None
