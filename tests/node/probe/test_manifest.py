"""A manifest as it stands."""

import pytest

from node.probe import manifest
from node.probe.mpd import parse
from node.probe.rules import Finding
from tests.node.probe.manifests import DYNAMIC, NOW, STATIC, URL, made
from tests.node.probe.pairs import Cases, pair, rules, shows


def film(*edits: str) -> list[Finding]:
    return list(manifest.check(made(STATIC, *edits), NOW))


def live(*edits: str) -> list[Finding]:
    return list(manifest.check(made(DYNAMIC, *edits), NOW))


def protected(value: str, kid: str) -> list[Finding]:
    tag = (
        f'<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="{value}" cenc:default_KID="{kid}"/>'
    )
    return film("<Role", tag + "<Role")


KID = "00112233-4455-6677-8899-aabbccddeeff"
SECOND = '<Period id="1" start="{}"/></MPD>'
TWICE = '<Representation id="{}" bandwidth="1"/></AdaptationSet>'
AVAILABLE = 'timescale="1000" availabilityTimeOffset="1"'
SIBLING = (
    '<Representation id="v2" bandwidth="1"><SegmentTemplate {} media="$Number$.m4s" duration="2000"/></Representation>'
    "</AdaptationSet>"
)
CASES: Cases = {
    "mpd-order": pair(film(), film("<Role", '<Label>a</Label><Role value="a" schemeIdUri="b"/><Label>b</Label><Role')),
    "mpd-attribute": pair(film(), film(' minBufferTime="PT2S"', "")),
    "mpd-static": pair(film(), film(' mediaPresentationDuration="PT6S"', "")),
    "mpd-dynamic": pair(live(), live("utc:http-xsdate:2014", "utc:sundial:2014", "urn:mpeg:dash:utc", "urn:x")),
    "mpd-publish": pair(live(), live(' publishTime="2026-01-01T00:01:00Z"', "")),
    "mpd-ids": pair(live(), live('<AdaptationSet id="0"', "<AdaptationSet")),
    "representation-id": pair(
        film("</AdaptationSet>", TWICE.format("v2")), film("</AdaptationSet>", TWICE.format("v1"))
    ),
    "period-start": pair(film("</MPD>", SECOND.format("PT6S"), "PT6S", "PT9S"), film("</MPD>", SECOND.format("PT0S"))),
    "addressing": pair(film(), film(' timescale="1000"', "")),
    "availability-place": pair(
        film('timescale="1000"', AVAILABLE, "</AdaptationSet>", SIBLING.format(AVAILABLE)),
        film('timescale="1000"', AVAILABLE, "</AdaptationSet>", SIBLING.format('timescale="1000"')),
    ),
    "template": pair(film(), film("$Number$", "$Nummer$")),
    "timeline": pair(film(), film('<S d="2000"/>', '<S r="2"/>')),
    "timeline-gap": pair(film(), film('<S d="2000"/>', '<S t="4040" d="2000"/>')),
    "timeline-cover": pair(film(), film('<S d="2000"/>', "")),
    "max-segment": pair(film(), film('<S d="2000"/>', '<S d="2040"/>')),
    "protection-kid": pair(protected("cenc", KID), protected("cenc", KID.replace("-", ""))),
    "delay": pair(live(), live('Delay="PT6S"', 'Delay="PT20S"')),
    "mpd-xml": pair(manifest.root(parse(STATIC.encode()), URL), manifest.root(parse(b"<MPD/>"), URL)),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_sound_manifests_break_nothing() -> None:
    assert film() == [] and live() == [] and protected("cbcs", KID) == []


@pytest.mark.parametrize(
    ("edits", "rule"),
    [
        (("PT6S", "6"), "mpd-attribute"),
        (('bandwidth="1000"', ""), "mpd-attribute"),
        (('mimeType="video/mp4"', ""), "mpd-attribute"),
        (('id="v1"', 'id="v 1"'), "mpd-attribute"),
        (('<Period id="0" start="PT0S"', '<Period id="0" start="PT1S"'), "mpd-static"),
        (("<SegmentTimeline>", "<X>", "</SegmentTimeline>", "</X>"), "addressing"),
        (("$Number$", "$Number$-$Time$"), "template"),
        (("$Number$", "$Number"), "template"),
        (('d="2000" r="1"', 'd="2000" r="-2"'), "timeline"),
        (('t="0" d="2000" r="1"', 't="1000" d="2000" r="1"'), "timeline-cover"),
    ],
)
def test_more_ways_to_break_it(edits: tuple[str, ...], rule: str) -> None:
    assert rule in rules(film(*edits))


def test_a_live_window_may_have_lost_its_beginning() -> None:
    assert "timeline-cover" not in rules(live())
