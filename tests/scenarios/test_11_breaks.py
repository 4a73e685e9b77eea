"""Breaks of a live channel: asked for by the API or signalled by the encoder, told to players at the exact frame."""

from __future__ import annotations

import asyncio
import base64
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from base.scte35.commands import SpliceInsert
from base.scte35.section import parse
from tests.kit.appliance import Appliance
from tests.kit.encoder import Encoder
from tests.scenarios.test_08_probe import probed

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"
_SCTE = "{http://www.scte.org/schemas/35/2016}"


def fetched(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return ""


async def playlist(url: str, holds: Callable[[str], Any], within: float = 60) -> str:
    """The media playlist of v1 once `holds` is true of it."""
    async with asyncio.timeout(within):
        while True:
            top = await asyncio.to_thread(fetched, url)
            if found := re.search(r"^[^#\n]*/v1/media\.m3u8$", top, re.MULTILINE):
                text = await asyncio.to_thread(fetched, url.rsplit("/", 1)[0] + "/" + found[0])
                if holds(text):
                    return text
            await asyncio.sleep(0.2)


def ranges(text: str) -> dict[str, dict[str, str]]:
    """Attributes of the date ranges by their ID, without quotation marks."""
    found = {}
    for line in re.findall(r"^#EXT-X-DATERANGE:(.*)$", text, re.MULTILINE):
        attributes = {key: value.strip('"') for key, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line)}
        found[attributes["ID"]] = attributes
    return found


def segments(text: str) -> dict[int, tuple[str, float]]:
    """(date, seconds) of the closed segments by their number."""
    date, lasts, found = "", 0.0, {}
    for line in text.splitlines():
        if line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            date = line.split(":", 1)[1]
        elif line.startswith("#EXTINF:"):
            lasts = float(line[8:].rstrip(","))
        elif found_number := re.fullmatch(r"(\d+)\.m4s", line):
            found[int(found_number[1])] = date, lasts
    return found


def beyond(number: int, text: str) -> bool:
    return max(segments(text), default=-1) > number


def at(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


def channel(box: Appliance, name: str, *words: str) -> tuple[str, str]:
    """Where to publish, and the multivariant playlist."""
    made = box.command("channel", "create", name, *words)
    return f"{box.url['rtmp']}/live/{made['publish']['key']}", made["manifests"]["hls"]


@pytest.mark.slow
async def test_a_break_that_was_asked_for_is_told_at_its_frame(box: Appliance) -> None:
    url, hls = channel(box, "adverts", "--splices", "--interstitials", "https://ads.example/{channel}/{event}")
    async with Encoder(url, keyframe_s=0.5):
        await playlist(hls, lambda text: len(segments(text)) > 1)
        cue = await asyncio.to_thread(box.command, "channel", "cue", "adverts", "--out", "5", "--event", "77")
        text = await playlist(hls, lambda text: "SCTE35-OUT" in text)
        (name,) = [name for name in ranges(text) if not name.endswith("-assets")]
        began = ranges(text)[name]
        assert -0.03 <= at(began["START-DATE"]) - at(cue["at"]) <= 0.52, "the first keyframe at or after it"
        assert began["PLANNED-DURATION"] == "5" and "DURATION" not in began
        section = parse(bytes.fromhex(began["SCTE35-OUT"][2:]))
        assert isinstance(section.command, SpliceInsert) and section.command.event_id == 77

        text = await playlist(hls, lambda text: "DURATION" in ranges(text).get(name, {}) and len(segments(text)) > 6)
        ended = ranges(text)[name]
        assert began.items() <= ended.items() and float(ended["DURATION"]) == pytest.approx(5, abs=0.52)
        interstitial = ranges(text)[f"{name}-assets"]
        assert interstitial["CLASS"] == "com.apple.hls.interstitial"
        assert interstitial["X-ASSET-LIST"] == "https://ads.example/adverts/77"

        mpd = ET.fromstring(await asyncio.to_thread(fetched, hls.replace("multivariant.m3u8", "manifest.mpd")))
        report = await asyncio.to_thread(probed, hls, "--seconds", "6")
    assert report["must"] == 0
    found = segments(text)
    assert sorted(found) == list(range(min(found), max(found) + 1)), "no number is skipped"
    starts = {date: number for number, (date, _) in found.items()}
    first = starts[began["START-DATE"]]
    assert name == f"insert-4d-{first}", "a segment begins with the break"
    assert any(abs(at(date) - at(began["START-DATE"]) - float(ended["DURATION"])) < 0.002 for date in starts)
    target = int(re.findall(r"#EXT-X-TARGETDURATION:(\d+)", text)[0])
    assert all(lasts < target + 0.5 for _, lasts in found.values()), "a line may be moved by half a grid"
    (stream,) = mpd.iter(f"{_MPD}EventStream")
    event = stream[0]
    assert int(event.get("presentationTime", "0")) / 90_000 == pytest.approx(at(began["START-DATE"]), abs=0.001)
    assert (
        base64.b64decode(event.findtext(f"{_SCTE}Signal/{_SCTE}Binary") or "").hex().upper() == began["SCTE35-OUT"][2:]
    )


@pytest.mark.slow
async def test_a_break_goes_on_over_restarts_of_ingest_and_origin(box: Appliance) -> None:
    url, hls = channel(box, "rough")
    async with Encoder(url, keyframe_s=1, reconnects=True):
        await playlist(hls, lambda text: len(segments(text)) > 1)
        await asyncio.to_thread(box.command, "channel", "cue", "rough", "--out", "60", "--event", "5")
        text = await playlist(hls, lambda text: "SCTE35-OUT" in text)
        (before,) = ranges(text).values()
        for role in ("origin", "ingest"):
            killed = await asyncio.to_thread(box.kill, role)
            await asyncio.to_thread(box.wait_for_new, role, killed)
            newest = max(segments(await playlist(hls, segments)))
            text = await playlist(hls, partial(beyond, newest + 1))
            (now,) = ranges(text).values()
            assert now == before, (role, before, now)
        text = await playlist(hls, lambda text: any("DURATION" in found for found in ranges(text).values()), 90)
        (ended,) = ranges(text).values()
    assert before.items() <= ended.items()
    assert float(ended["DURATION"]) == pytest.approx(60, abs=2.1), "the end that was planned, at the next keyframe"
