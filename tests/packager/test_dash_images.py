"""Thumbnail tiles in manifests: valid by the schema, and by what DASH-IF says of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from lxml import etree

from base.pictures import Layout, Tiles
from packager import describe, thumbnails
from packager.dash import live_manifest
from packager.dash_images import adaptation_set
from packager.dash_static import static_manifest
from packager.thumbnails import Wish
from tests.packager.live_windows import FIRST, window
from tests.packager.manifests import NS, valid
from tests.packager.packed import Packed

WISH = Wish(interval_ms=10_000, columns=5, rows=4, width=160)


def images(mpd: etree._Element) -> list[etree._Element]:
    return [group for group in mpd.iter(f"{NS}AdaptationSet") if group.get("contentType") == "image"]


@pytest.mark.rule("DASH-IF IOP 4.3 6.2.6", "tiles: image/jpeg, the sheet's size, the grid, $Number$ and @duration")
def test_an_asset_names_its_tiles(packed: Callable[..., Packed]) -> None:
    asset = packed("plain")
    sheets = thumbnails.of_asset("v1", asset.track("v1").track.format, asset.plan.duration, WISH)
    text = static_manifest(
        "film", asset.plan, asset.reports, asset.generations, None, [adaptation_set(sheets, asset.plan.edition)]
    )
    (group,) = images(valid(text))
    representation = group.find(f"{NS}Representation")
    assert group.get("mimeType") == "image/jpeg"
    assert (representation.get("width"), representation.get("height")) == ("800", "360")
    (grid,) = representation.findall(f"{NS}EssentialProperty")
    assert (grid.get("schemeIdUri"), grid.get("value")) == ("http://dashif.org/guidelines/thumbnail_tile", "5x4")
    template = representation.find(f"{NS}SegmentTemplate")
    assert Fraction(template.get("duration")) / int(template.get("timescale")) == 20  # 20 cells of a second
    assert template.get("media") == f"{asset.plan.edition}/v1/tiles-1000-5x4-160-$Number$.jpg"


@pytest.mark.rule("ISO/IEC 23009-1 5.3.1.2", "no sheet of a live manifest lasts longer than maxSegmentDuration")
def test_each_run_of_a_channel_has_tiles_that_count_from_its_beginning() -> None:
    now = window(last=14, gaps=(7, 8))
    reports = [describe.report(t.name, t.format, 100_000, 90_000, "25") for t in now.tracks.values()]
    sheets = thumbnails.singles("v1", now.tracks["v1"].format, now.grid_ms, WISH)
    mpd = valid(live_manifest(now, reports, sheets))
    assert mpd.get("maxSegmentDuration") == "PT2.5S"
    found = [
        (period.get("start"), template.get("media"), template.get("startNumber"))
        for period in mpd.iter(f"{NS}Period")
        for group in images(period)
        for template in group.iter(f"{NS}SegmentTemplate")
    ]
    edition, layout = now.edition, Layout(2000, 1, 1, 160)
    starts = {run: Fraction(ticks, 90_000) for (run, name), ticks in now.run_starts.items() if name == "v1"}
    assert [(start, media) for start, media, _ in found] == [
        (f"PT{starts[run]}S", f"{edition}/v1/" + Tiles(layout, 0, run).file.replace("-0.jpg", "-$Number$.jpg"))
        for run in (FIRST, FIRST + 9)
    ]
    assert {number for _, _, number in found} == {"0"}
    templates = [template for group in images(mpd) for template in group.iter(f"{NS}SegmentTemplate")]
    assert {(template.get("duration"), template.get("timescale")) for template in templates} == {("2000", "1000")}
