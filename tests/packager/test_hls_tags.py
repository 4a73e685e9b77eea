import re

import pytest

from packager.hls_tags import Tag, attributes, quoted, seconds


@pytest.mark.rule(
    "RFC 8216bis 4.2", "attributes have no white space around = and comma, strings no quotes or line breaks inside"
)
def test_attributes() -> None:
    assert attributes(Tag.PART_INF, PART_TARGET="0.5") == "#EXT-X-PART-INF:PART-TARGET=0.5"
    assert attributes(Tag.PART, URI=quoted('a"b\r\nc'), GAP=None, N=1) == '#EXT-X-PART:URI="abc",N=1'


def test_decimals() -> None:
    assert [seconds(v) for v in (2, 2.5, 1 / 3, 0.0000004, 1e6)] == ["2", "2.5", "0.333333", "0", "1000000"]


@pytest.mark.rule("RFC 8216bis 4.1", "tags start with EXT and are upper case")
def test_spelling() -> None:
    assert all(re.fullmatch(r"#EXT(M3U|INF|-X-[A-Z-]+)", tag) for tag in Tag)
