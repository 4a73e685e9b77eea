"""A real browser as a viewer: headless Chromium on the appliance's own watch page, one Node process per visit."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.kit.optional import ROOT, chromium, lacks, program

SCRIPT = ROOT / "tests" / "browser" / "play.mjs"
PLAYERS = ("hls", "native", "shaka", "dash")


@dataclass(slots=True)
class Visit:
    """What a page's player said. `first`: at its first decoded frame; `last`: at the end; `states`: between."""

    player: str
    first: dict[str, Any]
    last: dict[str, Any]
    first_frame_s: float
    states: list[dict[str, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def media_s(self) -> float:
        return float(self.last["currentTime"]) - float(self.first["currentTime"])

    @property
    def frames(self) -> int:
        return int(self.last["decodedFrames"]) - int(self.first["decodedFrames"])

    def longest_pause_s(self) -> float:
        """How long the picture stood still, at most, after its first frame."""
        longest, stood_since, before = 0.0, None, None
        for state in self.states:
            if before is not None and before["decodedFrames"] > 0 and state["currentTime"] <= before["currentTime"]:
                stood_since = before["at"] if stood_since is None else stood_since
                longest = max(longest, state["at"] - stood_since)
            else:
                stood_since = None
            before = state
        return longest


def slow(*values: str) -> Any:
    """A row of a table of players that is left to the slow suite."""
    return pytest.param(*values, marks=pytest.mark.slow)


async def watches(
    url: str,
    player: str,
    *,
    media_s: float = 10,
    within_s: float = 40,
    more: str = "",
    seeks: tuple[float, ...] = (),
) -> Visit:
    """Open the watch page at `url` with a player, and play. Fails with all that page and player said.

    `more` is added to the page's query, such as `format=ts`. `seeks`: where to go after the first frame, in s; then
    `media_s` are played from the last of them on.
    """
    folder = Path(os.environ.get("HEADWATER_PICTURES", ROOT / ".build" / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    query = f"player={player}" + (f"&{more}" if more else "")
    picture = folder / f"{url.partition('/watch/')[2].replace('/', '-')}-{query.replace('&', '-')}.png"
    job = {
        "executable": chromium(),
        "url": f"{url}?{query}",
        "media_s": media_s,
        "within_s": within_s,
        "seeks": seeks,
        "screenshot": str(picture),
    }
    said = await drives(SCRIPT, job, within_s=within_s + 60)
    assert "fault" not in said and said.get("first"), f"{player}: nothing played\n{_story(said)}"
    assert not said["last"]["fatal"], f"{player}: a fatal error\n{_story(said)}"
    visit = Visit(player, said["first"], said["last"], said["first_frame_s"], said["states"], said["failed"])
    assert visit.media_s >= media_s, f"{player}: {visit.media_s:.1f} s of media in {within_s} s\n{_story(said)}"
    return visit


async def drives(script: Path, job: dict[str, Any], *, within_s: float = 120) -> dict[str, Any]:
    """Run one of the scripts of tests/browser with its job, one Node process with one browser; what it printed."""
    if not (SCRIPT.parent / "node_modules" / "playwright-core").is_dir():
        lacks("program", "playwright-core is not installed; `make test` does it")
    process = await asyncio.create_subprocess_exec(
        program("node"),
        str(script),
        json.dumps(job),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        raise AssertionError(f"the browser did not end in time on {job['url']}") from None
    assert process.returncode == 0 and out, f"the browser did not run: {err.decode()[-2000:]}"
    said: dict[str, Any] = json.loads(out)
    return said


async def acts(script: str, url: str, **job: Any) -> dict[str, Any]:
    """Run a script of tests/browser that visits a page with film.mjs. Fails at a fault, a fatal error, a refusal."""
    said = await drives(SCRIPT.with_name(script), {"executable": chromium(), "url": url, **job})
    assert "fault" not in said and said.get("state"), f"{url}: {said.get('fault')}\n{_story(said)}"
    assert not said["state"]["fatal"] and not said["failed"], f"{url}: {said['state']}\n{_story(said)}"
    return said


def _story(said: dict[str, Any]) -> str:
    lines = [f"{name}: {said[name]}" for name in ("fault", "first", "last") if name in said]
    lines += [f"console: {line}" for line in said["console"][-10:]]
    lines += [f"failed: {line}" for line in said["failed"][-10:]]
    return "\n".join(lines + [str(state) for state in said.get("states", [])[-3:]])
