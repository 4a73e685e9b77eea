"""An origin that dies between any two steps of taking a part, whether or not the step was done; and its publisher too.

What was acknowledged stays, playlists only go on, and what they list is there. (Real processes: test_restore.)
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from origin import disk
from origin.journal import Journal, SegmentRow
from packager.segmenter import Part
from tests.kit.hls import MediaPlaylist, read_media
from tests.kit.live_media import Studio
from tests.origin.test_runs import Desk


class _DiedError(Exception):
    pass


class Death:
    """Counts the steps that change files or the journal; at `steps` = 1 the next one is the last, done or not."""

    def __init__(self, rng: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rng, self.steps, self.deaths = rng, 0, 0
        for module, name in ((disk, "write_at"), (disk, "seal"), (os, "replace")):
            monkeypatch.setattr(module, name, self._mortal(getattr(module, name)))
        append = Journal.append

        async def mortal_append(journal: Journal, row: SegmentRow) -> None:
            comes = self._comes()
            if not comes or self.rng.random() < 0.5:
                await append(journal, row)
            if comes:
                raise _DiedError

        monkeypatch.setattr(Journal, "append", mortal_append)

    def _mortal(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*what: Any, **how: Any) -> Any:
            comes = self._comes()
            found = step(*what, **how) if not comes or self.rng.random() < 0.5 else None
            if comes:
                raise _DiedError
            return found

        return taken

    def _comes(self) -> bool:
        self.steps -= 1
        self.deaths += self.steps == 0
        return self.steps == 0


class Viewer:
    """What playlists have said so far, and what was acknowledged."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.breaks: dict[int, int] = {}
        self.before: dict[str, MediaPlaylist] = {}
        self.acknowledged: dict[tuple[str, int], list[bytes]] = defaultdict(list)

    def looks(self) -> None:
        for name, track in self.desk.channel.window().tracks.items():
            for number, count in self.desk.breaks(name).items():
                assert self.breaks.setdefault(number, count) == count, (name, number)
            now = read_media(self.desk.playlist(name))
            if name in self.before:
                assert now.broken_promises(self.before[name]) == []
            self.before[name] = now
            for segment in track.segments:
                path = self.desk.channel.folder / name / f"{segment.number}.m4s"
                assert path.exists() or segment.gap or not segment.closed, (name, segment.number)
                had = self.acknowledged[name, segment.number]
                assert not had or not segment.gap
                if had and segment.closed:
                    assert path.read_bytes().startswith(b"".join(had)), (name, segment.number)


@pytest.mark.rule("RFC 8216bis 6.2.2", "sequence numbers go on, and what is listed is there, whenever the server dies")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))])
async def test_a_death_between_any_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    desk = Desk(tmp_path, Studio(tracks=("v1", "v2", "a1"), window_s=8, part_ms=500))
    viewer, death = Viewer(desk), Death(rng, monkeypatch)
    for _ in range(6):
        waiting: dict[str, list[Part]] = defaultdict(list)
        for part in await desk.session(rng.randrange(1500, 4000), after_ms=rng.choice((0, 0, 1700, 20_000))):
            waiting[part.track].append(part)
        while waiting:
            track = rng.choice(list(waiting))
            part = waiting[track][0]
            death.steps = rng.randrange(1, 5) if rng.random() < 0.15 else 0
            try:
                await desk.puts([part])
            except _DiedError:
                desk.restarts()
                if rng.random() < 0.3:
                    break  # its publisher died with it
                continue  # it sends the part again
            finally:
                death.steps = 0
                viewer.looks()
            viewer.acknowledged[track, part.number].append(part.body)
            waiting[track].pop(0)
            if not waiting[track]:
                del waiting[track]
    assert death.deaths
    desk.journal.close()
