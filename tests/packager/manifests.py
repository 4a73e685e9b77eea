"""Manifests as a test reads them: checked against the schema, their timelines written out."""

from __future__ import annotations

from functools import cache

from lxml import etree

from tests.kit.optional import shared_media

NS = "{urn:mpeg:dash:schema:mpd:2011}"
XLINK = b"""<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
<attribute name="type"/><attribute name="href"/><attribute name="show"/><attribute name="actuate"/></schema>"""


class Local(etree.Resolver):
    """The schema's imports without the network."""

    def resolve(self, url: str, public_id: str, context: object) -> object:
        return self.resolve_string(XLINK, context) if "xlink" in url else None


@cache
def schema() -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(shared_media("schema/DASH-MPD.xsd")), parser))


def valid(text: str) -> etree._Element:
    mpd = etree.fromstring(text.encode())
    schema().assertValid(mpd)
    return mpd


def timeline(template: etree._Element) -> list[tuple[int, int, int]]:
    """(number, start, duration) of every segment."""
    found, number, at = [], int(template.get("startNumber")), 0
    for s in template.iter(f"{NS}S"):
        at, number = int(s.get("t", at)), int(s.get("n", number))
        for _ in range(1 + int(s.get("r", "0"))):
            found.append((number, at, int(s.get("d"))))
            at, number = at + int(s.get("d")), number + 1
    return found


def templates(mpd: etree._Element) -> dict[str, etree._Element]:
    return {r.get("id"): r.find(f"{NS}SegmentTemplate") for r in mpd.iter(f"{NS}Representation")}
