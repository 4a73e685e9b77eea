"""WHIP's two doors open with the role and close with it."""

from __future__ import annotations

import pytest

from ingest.whip.service import listening
from node.home import Home
from node.process import Context
from node.settings import Settings


async def test_media_needs_an_address_of_udp(tmp_path: object) -> None:
    settings = Settings({"ingest.whip_media": "unix:/tmp/x"})
    ctx = Context(role="ingest", home=Home(tmp_path), settings=settings)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="give HOST:PORT"):
        async with listening(ctx, None):  # type: ignore[arg-type]
            pass
