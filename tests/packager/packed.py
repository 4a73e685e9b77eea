"""An asset packaged in memory with the pure packager, and written to a folder for players: the actor of these tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from base.names import Kind, Leaf, Name
from base.reports import TrackReport
from packager import dash_static, describe, hls
from packager.cenc import ContentKey
from packager.index import FileKey, Index, build
from packager.init import generation, init_segment
from packager.movie import read_movie
from packager.plan import Plan, TrackPlan, make_plan
from packager.segment import segment

KEY = FileKey(1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A file, what was read of it, and everything that is printed from it."""

    data: bytes
    index: Index
    plan: Plan
    inits: dict[str, bytes] = field(default_factory=dict)

    @property
    def generations(self) -> dict[str, str]:
        return {name: generation(init) for name, init in self.inits.items()}

    @property
    def reports(self) -> tuple[TrackReport, ...]:
        return tuple(describe.of_plan(t, self.plan.target_duration) for t in self.plan.tracks)

    def track(self, name: str) -> TrackPlan:
        found = self.plan.track(name)
        assert found is not None
        return found

    def numbers(self, name: str) -> list[int]:
        """Numbers of the segments in which the track has something."""
        first = self.track(name).first
        return [n for n in range(self.plan.count) if first[n + 1] > first[n]]

    def segment(self, name: str, number: int) -> bytes:
        body = segment(self.track(name), number)
        made = body.head + b"".join(self.data[at : at + size] for at, size in body.ranges)
        assert len(made) == body.length
        return made

    def segments(self, name: str) -> Iterator[bytes]:
        return (self.segment(name, number) for number in self.numbers(name))

    def whole(self, name: str) -> bytes:
        """Init segment and all segments in one piece."""
        return self.inits[name] + b"".join(self.segments(name))

    def media_playlist(self, name: str) -> str:
        return hls.media_playlist(self.plan, self.track(name), self.generations[name])

    def multivariant(self, title: str = "film") -> str:
        return hls.multivariant(title, Kind.VOD, self.plan.edition, self.reports)

    def manifest(self, title: str = "film") -> str:
        return dash_static.static_manifest(title, self.plan, self.reports, self.generations)

    def write(self, folder: Path) -> Path:
        """Every object under the name at which a viewer gets it; gives the folder of the two top playlists."""
        (folder / "multivariant.m3u8").write_text(self.multivariant())
        (folder / "manifest.mpd").write_text(self.manifest())
        for planned in self.plan.tracks:
            name = planned.track.name
            self._put(folder, name, Leaf.MEDIA_PLAYLIST, self.media_playlist(name).encode())
            self._put(folder, name, Leaf.INIT, self.inits[name])
            for number in self.numbers(name):
                self._put(folder, name, Leaf.SEGMENT, self.segment(name, number), number)
        return folder

    def _put(self, folder: Path, track: str, leaf: Leaf, body: bytes, number: int = -1) -> None:
        name = Name(
            kind=Kind.VOD, title="film", edition=self.plan.edition, track=track, leaf=leaf,
            generation=self.generations[track], number=number,
        )  # fmt: skip
        path = folder / name.relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def one_each(keys: Mapping[str, ContentKey]) -> dict[str, tuple[ContentKey, ...]]:
    """Keys by kind of track, for one crypto period."""
    return {kind: (key,) for kind, key in keys.items()}


def pack(data: bytes, target_ms: int = 2000) -> Packed:
    """Read, index and plan a file. Raises Problem unplayable."""
    index = build(read_movie(memoryview(data)), KEY)
    plan = make_plan(index, target_ms)
    inits = {t.track.name: init_segment(t.track.format) for t in plan.tracks}
    return Packed(data=data, index=index, plan=plan, inits=inits)
