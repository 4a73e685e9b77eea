"""Encoding, attribute lists and versions of playlists."""

import pytest

from node.probe import text
from tests.node.probe.pairs import URL, Cases, document, live, pair, rules, shows, vod

MASTER = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.42c01e"\na.m3u8\n'


def of(source: str) -> list[text.Finding]:
    return list(text.check(document(source)))


def edited(old: str, new: str) -> list[text.Finding]:
    source = live()
    assert old in source
    return of(source.replace(old, new, 1))


GOOD = of(live())
CASES: Cases = {
    "text-encoding": pair(text.encoding(vod().encode(), URL), text.encoding(b"\xef\xbb\xbf" + vod().encode(), URL)),
    "text-space": pair(GOOD, edited("#EXT-X-VERSION:6", " #EXT-X-VERSION:6")),
    "first-line": pair(GOOD, edited("#EXTM3U\n", "\n")),
    "playlist-kind": pair(GOOD, edited("#EXT-X-VERSION:6", "#EXT-X-VERSION:6\n" + MASTER.split("\n")[1])),
    "tag-once": pair(GOOD, edited("#EXT-X-VERSION:6", "#EXT-X-VERSION:6\n#EXT-X-VERSION:6")),
    "attribute-syntax": pair(GOOD, edited("DURATION=0.5,", "DURATION=0.5, ")),
    "attribute-once": pair(GOOD, edited("DURATION=0.5,", "DURATION=0.5,DURATION=0.5,")),
    "attribute-type": pair(GOOD, edited("DURATION=0.5,", 'DURATION="0.5",')),
    "attribute-missing": pair(GOOD, edited("#EXT-X-PART:DURATION=0.5,", "#EXT-X-PART:")),
    "version-needed": pair(GOOD, edited("#EXT-X-VERSION:6", "#EXT-X-VERSION:3")),
    "version-high": pair(GOOD, edited("#EXT-X-VERSION:6", "#EXT-X-VERSION:9")),
    "define": pair(
        of(vod(head='#EXT-X-DEFINE:NAME="a",VALUE=""', version=8)),
        of(vod(head='#EXT-X-DEFINE:NAME="a"', version=8)),
    ),
    "skip-unasked": pair(GOOD, edited("#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3")),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


@pytest.mark.parametrize("source", [live(), vod(), MASTER, vod().replace("\n", "\r\n")])
def test_a_sound_playlist_breaks_nothing(source: str) -> None:
    assert of(source) == [] and list(text.encoding(source.encode(), URL)) == []


@pytest.mark.parametrize("body", [b"#EXTM3U\n\xff\n", "#EXTM3U\n#e\u0301\n".encode(), b"#EXTM3U\n#\x07\n"])
def test_what_is_no_clean_text_is_named(body: bytes) -> None:
    assert rules(text.encoding(body, URL)) == {"text-encoding"}


@pytest.mark.parametrize(
    ("head", "rows", "version"),
    [
        ("", ("#EXTINF:4,", "0.m4s"), 6),  # MAP
        ("#EXT-X-I-FRAMES-ONLY", ("#EXTINF:4.0,", "0.m4s"), 5),
        ('#EXT-X-DEFINE:QUERYPARAM="a"', ("#EXTINF:4,", "0.m4s"), 11),
        ("#EXT-X-SKIP:SKIPPED-SEGMENTS=1", ("#EXTINF:4,", "0.m4s"), 9),
        ('#EXT-X-SKIP:SKIPPED-SEGMENTS=1,RECENTLY-REMOVED-DATERANGES=""', ("#EXTINF:4,", "0.m4s"), 10),
    ],
)
def test_the_version_that_tags_ask_for(head: str, rows: tuple[str, ...], version: int) -> None:
    """RFC 8216bis section 8."""
    assert text.needed_version(document(vod(*rows, head=head)))[0] == version


def test_a_delta_may_have_a_skip() -> None:
    source = (
        live()
        .replace("#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3")
        .replace("VERSION:6", "VERSION:9")
    )
    assert list(text.check(document(source), delta=True)) == []


def test_a_client_attribute_may_be_a_string_hex_or_number() -> None:
    head = '#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:00Z",X-A="b",X-C=0xAB,X-D=-1.5'
    assert of(vod(head=head)) == []
    assert rules(of(vod(head=head + ",X-E=plain"))) == {"attribute-type"}
