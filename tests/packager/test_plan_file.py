"""A plan beside its files: read back as it was, and never used for anything else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from packager.index import FileKey, Index, StaleIndex
from packager.index import from_buffer as mapped
from packager.index import to_bytes as index_bytes
from packager.plan_file import from_bytes, prepare, to_bytes
from packager.policy import Last, Policy
from tests.packager.tracks import audio, index, video

POLICY = Policy(target_ms=2000, last=Last.LONG, bootstrap_ms=(1000,))
SECOND = index(video([0, 50, 110, 150, 200], 250), audio(300, shift=-96000), key=FileKey(7, 7, 7))


def one() -> list[Index]:
    return [index(video(range(0, 250, 25), 250, shift=512), audio(469, shift=1024))]


@pytest.mark.parametrize("parts", [one(), [*one(), SECOND]])
def test_there_and_back(parts: list[Index]) -> None:
    # as a start of the process finds them
    parts = [mapped(memoryview(index_bytes(part))) for part in parts]
    made = prepare(parts, ["a.mp4", "b.mp4"][: len(parts)], POLICY)
    again = from_bytes(to_bytes(made, parts), parts, POLICY)
    assert again.reports == made.reports and again.joint.file_of == made.joint.file_of
    assert again.joint.index.key == made.joint.index.key and again.joint.index.notes == made.joint.index.notes
    for name in ("edition", "policy", "lead", "notes", "alignments", "target_duration", "origin", "duration"):
        assert getattr(again.plan, name) == getattr(made.plan, name), name
    for a, b in zip(again.joint.index.tracks, made.joint.index.tracks, strict=True):
        assert (a.name, a.shift, a.checksum) == (b.name, b.shift, b.checksum) and a.samples is b.samples
    for x, y in zip(again.plan.tracks, made.plan.tracks, strict=True):
        assert (x.base, x.hidden, x.track.name) == (y.base, y.hidden, y.track.name)
        assert all(np.array_equal(getattr(x, c), getattr(y, c)) for c in ("first", "start", "shown"))


def test_what_is_said_of_a_rendition_names_its_file() -> None:
    made = prepare([*one(), SECOND], ["a.mp4", "b.mp4"], POLICY)
    assert {found.file for found in made.plan.alignments} == {"b.mp4"}
    assert prepare(one(), [""], POLICY).plan.alignments == ()


def test_damage_is_found_anywhere() -> None:
    parts = one()
    data = to_bytes(prepare(parts, [""], POLICY), parts)
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 0x10
        with pytest.raises(StaleIndex):
            from_bytes(bytes(bad), parts, POLICY)
    for end in range(0, len(data), 7):
        with pytest.raises(StaleIndex):
            from_bytes(data[:end], parts, POLICY)


def test_the_plan_of_other_files_or_by_another_policy_is_stale() -> None:
    parts = one()
    data = to_bytes(prepare(parts, [""], POLICY), parts)
    for others, policy in (
        ([replace(parts[0], key=FileKey(9, 9, 9))], POLICY),
        ([*parts, SECOND], POLICY),
        (parts, Policy(target_ms=2000, last=Last.LONG)),
    ):
        with pytest.raises(StaleIndex, match="other files or another policy"):
            from_bytes(data, others, policy)
