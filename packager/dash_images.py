"""Thumbnail tiles in DASH (DASH-IF IOP 4.3 part 6.2.6, IOP 5 part 7): an adaptation set of sheets, one a segment.

SegmentTemplate with $Number$ and @duration, live too: numbers count from the Period's start, so a live sheet belongs
to an unbroken run of the channel, which is a Period. @width and @height are the whole sheet's.

A player works out by @duration when a live sheet is there: the origin waits for its last segment if need be.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from base.pictures import tiles_template
from packager.thumbnails import Sheets

# Behind the sets of media, however many come and go while a channel goes on.
_SET_ID = "1000"
TILES = "http://dashif.org/guidelines/thumbnail_tile"


def adaptation_set(sheets: Sheets, edition: str, run: int = -1) -> ET.Element:
    """`run`: of the live Period that it belongs to, -1 on demand."""
    layout = sheets.layout
    adaptation = ET.Element("AdaptationSet", id=_SET_ID, contentType="image", mimeType="image/jpeg")
    representation = ET.SubElement(
        adaptation,
        "Representation",
        id=f"{sheets.track}-tiles",
        bandwidth=str(sheets.bandwidth),
        width=str(sheets.width * layout.columns),
        height=str(sheets.height * layout.rows),
    )
    ET.SubElement(representation, "EssentialProperty", schemeIdUri=TILES, value=f"{layout.columns}x{layout.rows}")
    ET.SubElement(
        representation,
        "SegmentTemplate",
        media=f"{edition}/{sheets.track}/{tiles_template(layout, run)}",
        timescale="1000",
        duration=str(layout.span_ms),
        startNumber="0",
    )
    return adaptation
