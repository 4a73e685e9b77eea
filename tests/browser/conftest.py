"""One appliance with its demo channel and one film, for all players."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.appliance import Appliance
from tests.kit.media import Films


@pytest.fixture(scope="module")
def stage(films: Films) -> Iterator[tuple[Appliance, str]]:
    """The appliance, and the name of a film of 20 s with B-frames."""
    with Appliance(demo=True) as box:
        yield box, box.command("add", str(films("feature")))["asset"]
