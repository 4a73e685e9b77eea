"""The actors of the stories: one appliance per file, with or without its demo channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.appliance import Appliance


@pytest.fixture(scope="module")
def box() -> Iterator[Appliance]:
    """An appliance without the demo channel."""
    with Appliance() as appliance:
        yield appliance


@pytest.fixture(scope="module")
def demo_box() -> Iterator[Appliance]:
    """An appliance that publishes its demo channel."""
    with Appliance(demo=True) as appliance:
        yield appliance


@pytest.fixture(autouse=True)
def logs_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print the roles' last lines where a story ended badly."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        for name in {"box", "demo_box"} & set(request.fixturenames):
            print(request.getfixturevalue(name).logs())
