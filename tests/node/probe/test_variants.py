"""Variants and renditions as the probe reads them."""

from node.probe.playlist import read
from node.probe.variants import multivariant

TEXT = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",URI="a1/media.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="b",NAME="en",URI="a2/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2000,AUDIO="a"
v1/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3000,AUDIO="a"
v1/media.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,URI="v1/iframes.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1000
"""


def test_what_is_listed_is_found_once_and_in_order() -> None:
    found = multivariant(read(TEXT, "http://origin.example/vod/tour/multivariant.m3u8"))
    assert [(one.uri, one.iframes) for one in found.variants] == [
        ("v1/media.m3u8", False),
        ("v1/media.m3u8", False),
        ("v1/iframes.m3u8", True),
        ("", False),
    ]
    below = "http://origin.example/vod/tour/"
    assert found.playlists == [
        below + uri for uri in ("v1/media.m3u8", "a1/media.m3u8", "a2/media.m3u8", "v1/iframes.m3u8")
    ]
    assert [tag.get("URI") for tag in found.members("AUDIO", "b")] == ["a2/media.m3u8"]
