"""`headwater probe` as a process: what it prints and how it ends."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from node.main import run
from tests.node.probe.stage import Edit, film, served

HEADWATER = str(Path(sys.executable).with_name("headwater"))


async def ran(edit: Edit, *words: str) -> tuple[int, str, str]:
    async with served(film(edit)) as url:
        process = await asyncio.create_subprocess_exec(
            HEADWATER,
            "probe",
            f"{url}/media.m3u8",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_sound_film_ends_with_0() -> None:
    code, out, err = await ran(str)
    assert (code, err) == (0, "") and "0 MUST, 0 SHOULD" in out


async def test_a_violation_ends_with_1() -> None:
    code, out, _ = await ran(lambda text: text.replace("TARGETDURATION:4", "TARGETDURATION:3"), "--json")
    found = json.loads(out)
    assert code == 1 and found["must"] == 2 and {f["rule"] for f in found["findings"]} == {"target-exceeded"}


async def test_what_is_no_presentation_ends_with_2() -> None:
    code, out, err = await ran(lambda text: "hello")
    assert (code, out) == (2, "") and "neither an HLS playlist nor a DASH manifest" in err


@pytest.mark.parametrize("words", [["ftp://x/y"], ["http://127.0.0.1:1/x", "--segments", "-1"]])
def test_a_wrong_command_line_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["probe", *words]) == 2
    assert "headwater:" in capsys.readouterr().err
