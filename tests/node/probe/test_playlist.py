"""Reading playlists as far as they can be read."""

import pytest

from node.probe.playlist import Range, date, media, pairs, read
from tests.node.probe.pairs import URL, live, master, playlist, vod


def test_a_live_playlist_is_read_whole() -> None:
    found = playlist(live())
    assert [s.number for s in found.segments] == list(range(10, 18)) and found.open and found.open.number == 18
    assert found.last == (18, 1) and found.next == (18, 2) and found.hint == "18.2.m4s"
    assert (found.target, found.part_target, found.skip_until) == (2, 0.5, 12) and found.blocking
    assert found.seconds == 17 and found.end_date == date("2026-01-01T00:00:37Z")
    assert found.segments[0].map and found.segments[0].map.uri == "i.mp4"


@pytest.mark.parametrize(
    ("number", "part", "there"),
    [(17, -1, True), (18, -1, False), (18, 1, True), (18, 2, False), (19, 0, False), (17, 9, True)],
)
def test_what_a_blocking_reload_has_waited_for(number: int, part: int, there: bool) -> None:
    """RFC 8216bis 6.2.5.2."""
    assert playlist(live()).has(number, part) is there


def test_discontinuities_are_counted() -> None:
    found = playlist(live(breaks=3, edit=("#EXTINF:2.0,\n12.m4s", "#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\n12.m4s")))
    assert [s.discontinuity_number for s in found.listed] == [3, 3] + [4] * 7


def test_dates_are_counted_on_until_a_discontinuity() -> None:
    rows = ("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00+00:00", "#EXTINF:4,", "a", "#EXTINF:4,", "b")
    found = playlist(vod(*rows, "#EXT-X-DISCONTINUITY", "#EXTINF:4,", "c"))
    start = date("2026-01-01T00:00:00Z")
    assert start is not None
    assert [s.date for s in found.segments] == [start, start + 4, None]


def test_ranges_go_on_in_the_same_resource() -> None:
    rows = ("#EXTINF:4,", "#EXT-X-BYTERANGE:5@7", "a", "#EXTINF:4,", "#EXT-X-BYTERANGE:6", "a")
    assert [s.range for s in playlist(vod(*rows)).segments] == [Range(5, 7), Range(6, 12)]


def test_ranges_of_parts_go_on_too() -> None:
    parts = "".join(f'#EXT-X-PART:DURATION=1,URI="a",BYTERANGE="{n}"\n' for n in ("5@7", "6", "2"))
    found = playlist(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{parts}")
    assert found.open and [p.range for p in found.open.parts] == [Range(5, 7), Range(6, 12), Range(2, 18)]


def test_variables_are_put_in() -> None:
    """RFC 8216bis 4.3: names, imports and the query of the playlist's own URL."""
    text = (
        '#EXTM3U\n#EXT-X-DEFINE:NAME="h",VALUE="x"\n#EXT-X-DEFINE:IMPORT="i"\n#EXT-X-DEFINE:QUERYPARAM="q"\n'
        '#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="{$h}/{$i}.mp4"\n#EXTINF:4,\n{$q}/0.m4s\n'
    )
    found = media(read(text, URL + "?q=deep", {"i": "init"}))
    segment = found.segments[0]
    assert segment.map and (segment.map.uri, segment.uri) == ("x/init.mp4", "deep/0.m4s")


def test_keys_hold_until_none() -> None:
    rows = ('#EXT-X-KEY:METHOD=AES-128,URI="k"', "#EXTINF:4,", "a", "#EXT-X-KEY:METHOD=NONE", "#EXTINF:4,", "b")
    assert [len(s.keys) for s in playlist(vod(*rows)).segments] == [1, 0]


def test_a_multivariant_playlist_leads_to_each_media_playlist_once() -> None:
    found = master(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",URI="a.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nv.m3u8\n'
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"\n'
    )
    assert [url.rpartition("/")[2] for url in found.playlists] == ["v.m3u8", "a.m3u8", "i.m3u8"]


def test_an_attribute_list_is_read_up_to_what_cannot_be() -> None:
    assert pairs('A=1,B="x,y",C=') == ((("A", "1"), ("B", '"x,y"'), ("C", "")), "")
    assert pairs("A=1,oops") == ((("A", "1"),), "oops")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_date(text: str) -> None:
    assert date(text) is None


@pytest.mark.parametrize(
    "text", ["", "#EXTM3U", "a\nb\n#EXTINF:x,\nc", "#EXT-X-PART:\n#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=1e3"]
)
def test_nonsense_is_read_without_a_fault(text: str) -> None:
    assert playlist(text).document.text == text
