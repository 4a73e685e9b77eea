"""Captions in the picture (CEA-608 and 708 in SEI) pass a live channel untouched, from a real encoder's connection."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.kit.captions import Caption608, with_captions
from tests.kit.ingesting import ingesting
from tests.kit.media import Films
from tests.kit.optional import program

_CC_DATA = re.compile(rb"\xb5\x00\x31GA94\x03.{8}", re.DOTALL)


@pytest.mark.slow
async def test_every_caption_is_in_what_the_origin_gets(films: Films, tmp_path: Path) -> None:
    captioned = tmp_path / "captioned.mp4"
    made = Caption608().pop_on("HELLO", shown=30, gone=60)
    captioned.write_bytes(with_captions(films("silent").read_bytes(), made.pairs))
    sent = _CC_DATA.findall(captioned.read_bytes())
    assert len(sent) > 60 and len(set(sent)) > 8
    async with ingesting() as role:
        ffmpeg = await asyncio.create_subprocess_exec(
            *(program("ffmpeg"), "-v", "error", "-nostdin", "-re", "-i", str(captioned), "-c", "copy", "-f", "flv"),
            role.url(),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 3, 60)
        finally:
            if ffmpeg.returncode is None:
                ffmpeg.kill()
            await ffmpeg.wait()
        got = _CC_DATA.findall(role.origin.body("v1"))
    assert len(got) > 50 and got == sent[: len(got)]
