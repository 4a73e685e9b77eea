"""What tests of the push port share."""

from __future__ import annotations

import pytest

from ingest.cmaf import presentation


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions start as soon as their tracks are there: no test here has tracks that come late."""
    monkeypatch.setattr(presentation, "SETTLE_S", 0.1)
