"""What a URL leads to is told by its content."""

import pytest

from node.clock import SystemClock
from node.probe.visit import Unprobed, probe
from tests.node.probe.stage import dash_film, film, missing, served, text


@pytest.mark.parametrize(
    ("handler", "form"),
    [
        (film(kind="text/plain"), "HLS media playlist"),
        (film(lambda made: "\ufeff" + made), "HLS media playlist"),
        (dash_film(lambda made: '<?xml version="1.0"?>\n<!-- a -->\n' + made), "DASH manifest"),
    ],
)
async def test_forms(handler: object, form: str) -> None:
    async with served(handler) as url:  # type: ignore[arg-type]
        file = "manifest.mpd" if form.startswith("DASH") else "media.m3u8"
        result = await probe(f"{url}/{file}", SystemClock(), seconds=0, count=1)
    assert result.form == form and result.requests > 1 and result.octets > 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [(missing, "status 404"), (lambda: text("<html></html>"), "neither an HLS"), (lambda: text(""), "neither an HLS")],
)
async def test_what_cannot_be_probed_says_why(answer: object, why: str) -> None:
    async with served(lambda request: answer()) as url:  # type: ignore[operator]
        with pytest.raises(Unprobed, match=why):
            await probe(f"{url}/x", SystemClock(), seconds=0, count=1)


async def test_nobody_there() -> None:
    async with served(lambda request: missing()) as url:
        pass
    with pytest.raises(Unprobed, match="cannot be fetched"):
        await probe(f"{url}/x", SystemClock(), seconds=0, count=1)
