"""A channel that is being published, as the tests of live need it."""

from __future__ import annotations

from packager.segmenter import Part
from tests.kit.live_media import Studio
from tests.origin.conftest import Answer, Origin


class Stage:
    """A channel that has been published for a while: `parts` are sent, `next` gives those of one track to come."""

    def __init__(self, origin: Origin, studio: Studio) -> None:
        self.origin, self.studio = origin, studio
        self.parts: list[Part] = []
        self.waiting: dict[str, list[Part]] = {track: [] for track in studio.inits}

    async def has(self, ms: int) -> None:
        """So much media is there. It ends within a segment: its newest part is not the last."""
        await self.origin.announce(self.studio)
        self.parts = self.studio.run(ms)
        await self.origin.publish(self.parts)
        for part in self.studio.run(5000):
            self.waiting[part.track].append(part)

    async def goes_on(self, track: str = "v1", parts: int = 1) -> Part:
        for _ in range(parts):
            part = self.waiting[track].pop(0)
            assert (await self.origin.part(part)).status == 201
            self.parts.append(part)
        return part

    @property
    def hint(self) -> tuple[int, int]:
        part = self.waiting["v1"][0]
        return part.number, part.part

    async def held(self, count: int = 1) -> None:
        await self.origin.until(lambda: self.origin.metric("origin_held") == count)


def cache(answer: Answer) -> str:
    return answer.headers["Cache-Control"]
