"""Init segments of text, box by box and as FFmpeg sees them."""

from __future__ import annotations

import pytest

from packager.boxes import child, walk
from packager.text.init import FORMATS, init
from tests.kit.fragments import read_init


@pytest.mark.rule("ISO/IEC 14496-12 12.6.3", "a subtitle track: handler subt, sthd, entry stpp with its namespace")
@pytest.mark.parametrize("form, handler, header", [("wvtt", b"text", "nmhd"), ("stpp", b"subt", "sthd")])
def test_boxes(form: str, handler: bytes, header: str) -> None:
    made = init(form, "zh-Hant")
    data = memoryview(made)
    ftyp, moov = walk(data, 0, len(data))
    assert (ftyp.type, moov.type) == ("ftyp", "moov")
    mdia = child(data, moov, "trak/mdia")
    assert [box.type for box in walk(data, mdia.body, mdia.end)] == ["mdhd", "elng", "hdlr", "minf"]
    assert bytes(data[child(data, mdia, "hdlr").body :][8:12]) == handler
    elng = child(data, mdia, "elng")
    assert bytes(data[elng.body + 4 : elng.end]) == b"zh-Hant\0"
    minf = child(data, mdia, "minf")
    assert [box.type for box in walk(data, minf.body, minf.end)] == [header, "dinf", "stbl"]
    stsd = child(data, minf, "stbl/stsd")
    (entry,) = walk(data, stsd.body + 8, stsd.end)
    assert entry.type == form
    rest = bytes(data[entry.body + 8 : entry.end])
    if form == "wvtt":
        assert rest[4:] == b"vttCWEBVTT"
    else:
        assert rest.startswith(b"http://www.w3.org/ns/ttml\0\0\0") and b"codecs=im1t\0" in rest


@pytest.mark.parametrize("form", FORMATS)
def test_the_clock(form: str) -> None:
    assert read_init(init(form, "de")).timescale == 90_000
