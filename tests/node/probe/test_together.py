"""Renditions beside one another."""

import pytest

from node.probe import together
from node.probe.playlist import Media
from node.probe.rules import Finding
from tests.node.probe.pairs import CONTROL, Cases, live, pair, playlist, shows, vod

A, B = "http://origin.example/live/a/media.m3u8", "http://origin.example/live/b/media.m3u8"
ON_B = '#EXT-X-RENDITION-REPORT:URI="../b/media.m3u8",LAST-MSN=18,LAST-PART=1'
ON_A = '#EXT-X-RENDITION-REPORT:URI="../a/media.m3u8",LAST-MSN=18,LAST-PART=1'
UNDATED = "\n".join(line for line in live(tail=ON_A).split("\n") if "DATE-TIME" not in line)
BROKEN = ("#EXTINF:2.0,\n12.m4s", "#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\n12.m4s")


def a(text: str = "") -> Media:
    return playlist(text or live(tail=ON_B), A)


def both(one: Media, other: str) -> list[Finding]:
    return list(together.check([one, playlist(other, B)]))


GOOD = both(a(), live(tail=ON_A))
OFFSETS = {A: [(0, 1.0), (1, 8.0)], B: [(0, 1.05), (1, 8.0)]}
CASES: Cases = {
    "together-target": pair(GOOD, both(a(), live(tail=ON_A, target=3))),
    "together-type": pair(
        both(playlist(vod(), A), vod()), both(playlist(vod(), A), vod(head="#EXT-X-PLAYLIST-TYPE:VOD"))
    ),
    "together-control": pair(GOOD, both(a(), live(tail=ON_A, control=CONTROL + ",HOLD-BACK=6"))),
    "together-date": pair(GOOD, both(a(), UNDATED)),
    "together-discontinuity": pair(
        both(a(live(edit=BROKEN, tail=ON_B)), live(edit=BROKEN, tail=ON_A)),
        both(a(), live(edit=BROKEN, tail=ON_A)),
    ),
    "together-time": pair(together.times(OFFSETS), together.times(OFFSETS | {B: [(0, 1.0), (1, 8.2)]})),
    "report-missing": pair(GOOD, both(a(), live())),
    "report-ahead": pair(
        together.reports(a(), {B: playlist(live(), B)}), together.reports(a(), {B: playlist(live(10, 8, 1), B)})
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_sound_renditions_break_nothing() -> None:
    assert GOOD == [] and list(together.check([a()])) == []


def test_on_demand_subtitles_and_pictures_have_their_own_target() -> None:
    """RFC 8216bis 6.2.4."""
    film, other = playlist(vod(), A), playlist(vod(target=5), B)
    assert list(together.check([film, other], frozenset({B}))) == []
    assert {f.rule for f in together.check([film, other])} == {"together-target"}


def test_attributes_that_a_report_leaves_out_are_ours() -> None:
    """RFC 8216bis 4.4.5.4."""
    short = a(live(tail='#EXT-X-RENDITION-REPORT:URI="../b/media.m3u8"'))
    assert list(together.reports(short, {B: playlist(live(), B)})) == []
    assert {f.rule for f in together.reports(short, {B: playlist(live(10, 7), B)})} == {"report-ahead"}
