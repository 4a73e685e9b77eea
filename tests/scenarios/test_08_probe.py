"""The product's own probe finds no violated MUST in what the product serves."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from base.names import LIVE_ONLY, MANIFESTS, PROTECTED, Kind, Leaf, Name
from tests.kit.appliance import COMMAND, Appliance
from tests.kit.media import Films


def probed(url: str, *words: str) -> dict[str, Any]:
    """The report; a violated MUST fails with all that was found."""
    done = subprocess.run([str(COMMAND), "probe", url, "--json", *words], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    found = "\n".join(
        f"{f['level']} {f['rule']} {f['url']}:{f['line']} {f['seen']}, not {f['expected']}" for f in report["findings"]
    )
    assert (done.returncode, report["must"]) == (0, 0), found
    assert report["unseen"] == []
    return report


def demo(box: Appliance, file: str, within: float = 20) -> str:
    """The URL of the demo channel, once its picture and its sound are there: some seconds after the start."""
    url, until = f"{box.url['edge']}/live/demo/{file}", time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = answer.read()
            if b"avc1" in text and b"/a1/" in text:
                return url
        except urllib.error.HTTPError as refusal:
            text = refusal.read()
        assert time.monotonic() < until, f"no sound and picture at {url} after {within} s: {text!r}"
        time.sleep(0.2)


@pytest.mark.rule("RFC 8216bis 6.2.1", "a live channel changes its playlists only as it may, and has what it lists")
@pytest.mark.rule(
    "RFC 8216bis 6.2.5.2", "blocking reloads and hinted parts are answered as a low-latency player needs it"
)
def test_the_demo_channel_in_hls(demo_box: Appliance) -> None:
    report = probed(demo(demo_box, "multivariant.m3u8"), "--seconds", "12")
    assert report["live"] and len(report["renditions"]) >= 2
    assert all(row["read"] > 0 and row["codec"] for row in report["renditions"])
    assert 0 <= report["latency_s"] < 2 and report["requests"] > 100


@pytest.mark.rule("DASH-IF timing 13.6", "updates of a live manifest keep what they announced, and it can be fetched")
def test_the_demo_channel_in_dash(demo_box: Appliance) -> None:
    report = probed(demo(demo_box, "manifest.mpd"), "--seconds", "8")
    assert report["live"] and all(row["read"] > 0 for row in report["renditions"])


@pytest.mark.parametrize("name", ["bframes", "edit-list", "irregular", "ntsc", "two-languages", "silent"])
def test_a_film(demo_box: Appliance, films: Films, name: str) -> None:
    asset = demo_box.command("add", str(films(name)))
    for manifest in ("hls", "dash"):
        report = probed(asset["manifests"][manifest], "--all-segments")
        assert not report["live"] and all(row["read"] > 0 for row in report["renditions"])


@pytest.mark.rule("DASH-IF timing 18.1", "an indexed track has one sidx that refers to its media, octet by octet")
@pytest.mark.rule("DASH-IF timing 9.2", "a clip's segments cover its Period")
@pytest.mark.parametrize("name", ["feature", "ntsc", "two-languages"])
def test_views_of_a_film(demo_box: Appliance, films: Films, name: str) -> None:
    asset = demo_box.command("add", str(films(name)))
    hls, dash = asset["manifests"]["hls"], asset["manifests"]["dash"]
    clip = "?start=2.5&end=6.25"
    for url in (
        dash.replace("manifest.mpd", "manifest-ondemand.mpd"),
        dash.replace("manifest.mpd", "manifest-number.mpd"),
        hls + clip,
        dash + clip,
        hls.replace(".m3u8", "-ts.m3u8") + clip,
        hls + "?tracks=a1",
        dash + "?tracks=video:none",
    ):
        report = probed(url, "--all-segments")
        assert not report["live"] and all(row["read"] > 0 for row in report["renditions"])


@pytest.fixture(scope="module")
def open_box() -> Iterator[Appliance]:
    """An appliance that hands out keys to whoever asks."""
    with Appliance("--set", "origin.clearkey=true") as appliance:
        yield appliance


SRT = "1\n00:00:00,500 --> 00:00:01,500\nOne\n\n2\n00:00:03,000 --> 00:00:05,000\nOver the cut\n"
ON_DEMAND = MANIFESTS - LIVE_ONLY - {Leaf.POSTER}
TOPS = sorted(leaf for leaf in ON_DEMAND if Name(kind=Kind.VOD, title="x", leaf=leaf).at_top)
FORMS = [("", leaf) for leaf in TOPS]
FORMS += [(f"~{method}", leaf) for method, leaves in PROTECTED.items() for leaf in TOPS if leaf in leaves]


@pytest.mark.parametrize(("film", "transported"), [("two-languages", True), ("hevc-ac3", False)])
def test_every_form_of_a_film_with_subtitles(
    open_box: Appliance, films: Films, tmp_path: Path, film: str, transported: bool
) -> None:
    """Whatever names/MANIFESTS has at the top of a title, clear and under each protection that takes it."""
    open_box.command("add", str(films(film)))
    (tmp_path / "film.de.srt").write_text(SRT)
    open_box.command("subtitles", "add", film, str(tmp_path / "film.de.srt"))
    seen = set()
    for prefix, leaf in FORMS:
        if leaf is Leaf.MULTIVARIANT_TS and not transported:
            continue
        path = Name(kind=Kind.VOD, title=film, leaf=leaf, protection=prefix.removeprefix("~")).path
        report = probed(open_box.url["edge"] + path, "--all-segments")
        assert not report["live"] and all(row["read"] > 0 for row in report["renditions"]), path
        seen |= {row["name"].rpartition("/")[2] for row in report["renditions"]}
    assert {"media.m3u8", "iframes.m3u8"} <= seen
