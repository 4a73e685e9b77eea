"""The table of tags."""

import re

import pytest

from node.probe.tags import SHAPES, TYPES


@pytest.mark.parametrize("name", SHAPES)
def test_a_row_is_well_formed(name: str) -> None:
    shape = SHAPES[name]
    assert re.fullmatch(r"4\.4\.\d\.\d", shape.section) and shape.place in ("any", "media", "multivariant")
    assert {kind.removesuffix("!") for kind in shape.attributes.values()} <= set(TYPES)


def test_sections_are_used_once() -> None:
    assert len({shape.section for shape in SHAPES.values()}) == len(SHAPES)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", "12", "-1"),
        ("hex", "0xAB", "0xab"),
        ("dec", "1.5", "1e3"),
        ("sdec", "-1.5", "+1"),
        ("str", '"a"', '""'),
        ("empty", '""', "a"),
        ("enum", "YES", '"YES"'),
        ("size", "1x2", "1X2"),
        ("range", '"1@2"', "1@2"),
        ("from", '"1@2"', '"1"'),
        ("yes", "YES", "NO"),
        ("bool", "NO", "no"),
        ("stable", '"a/b"', '"a b"'),
        ("pathway", '"a-b"', '"a/b"'),
        ("captions", "NONE", "none"),
    ],
)
def test_types(kind: str, good: str, bad: str) -> None:
    """RFC 8216bis 4.2."""
    assert TYPES[kind].fullmatch(good) and not TYPES[kind].fullmatch(bad)
