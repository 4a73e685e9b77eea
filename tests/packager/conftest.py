"""Films of the kit, packaged once per session: `packed("bframes")`, `packed("bframes", 4000)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.kit.media import Films
from tests.packager.packed import Packed, pack


@pytest.fixture(scope="session")
def packed(films: Films) -> Callable[..., Packed]:
    @cache
    def made(name: str, target_ms: int = 2000) -> Packed:
        return pack(films(name).read_bytes(), target_ms)

    return made
