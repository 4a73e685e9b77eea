"""Films as they are read from an origin."""

from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.playout.film import Films
from ingest.publisher import origin_client
from tests.origin.conftest import Origin


async def test_a_film_with_its_samples(origin: Origin) -> None:
    client, base = origin_client(f"unix:{origin.ctx.home.socket('origin', door='media')}")
    async with client:
        films = Films(client, base)
        film = await films.open("one")
        assert [track.config.track for track in film.tracks] == ["v1", "a1"]
        assert film.duration_ms == 3000
        pictures = film.tracks[0]
        samples = [
            sample
            for piece in pictures.pieces
            for fragment in await films.fragments(pictures, piece)
            for sample in fragment.samples
        ]
        assert len(samples) == 75 and samples[0].sync
        with pytest.raises(Problem) as missing:
            await films.open("nothing")
        assert missing.value.kind.name == "unknown"


async def test_an_origin_that_is_away() -> None:
    client, base = origin_client("unix:/nonexistent/origin.sock")
    async with client:
        with pytest.raises(Problem) as away:
            await Films(client, base).open("one")
        assert away.value.kind.name == "upstream"
