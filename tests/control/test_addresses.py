from pathlib import Path

import pytest

from base.names import Kind
from base.reports import AssetReport, TrackReport
from control.addresses import addresses, chosen
from node.home import Home
from node.process import Context
from node.settings import Settings, Value


def ctx(port_base: int = 0, **given: Value) -> Context:
    settings = Settings({name.replace("__", "."): value for name, value in given.items()})
    return Context(role="control", home=Home(Path("x")), settings=settings, port_base=port_base)


@pytest.mark.parametrize(
    ("host", "edge"),
    [
        ("box.lan:8081", "http://box.lan:8080"),
        ("box.lan", "http://box.lan:8080"),
        ("[2001:db8::1]:8081", "http://[2001:db8::1]:8080"),
        ("", "http://127.0.0.1:8080"),
        ("[broken", "http://127.0.0.1:8080"),
    ],
)
def test_the_edge_is_at_the_host_that_was_asked(host: str, edge: str) -> None:
    assert addresses(ctx(), "http", host).edge == edge


def test_ports_follow_the_base_and_the_listeners() -> None:
    assert addresses(ctx(9000), "http", "h:9001").edge == "http://h:9000"
    found = addresses(ctx(edge__listen="0.0.0.0:7070", ingest__rtmp_listen=":1936"), "http", "h")
    assert (found.edge, found.rtmp) == ("http://h:7070", "rtmp://h:1936/live")


def test_settings_win() -> None:
    found = addresses(
        ctx(control__edge_url="https://cdn.example/", control__rtmp_url="rtmp://in.example/live"), "https", "c.example"
    )
    assert found.rtmp == "rtmp://in.example/live"
    assert found.manifests(Kind.LIVE, "news") == {
        "hls": "https://cdn.example/live/news/multivariant.m3u8",
        "dash": "https://cdn.example/live/news/manifest.mpd",
    }
    assert found.manifests(Kind.VOD, "tour", "cbcs") == {
        "hls": "https://cdn.example/~cbcs/vod/tour/multivariant.m3u8",
        "dash": "https://cdn.example/~cbcs/vod/tour/manifest.mpd",
    }
    assert found.licence == "https://cdn.example/licence/clearkey"
    assert found.watch(Kind.VOD, "tour") == "https://c.example/watch/vod/tour"
    assert found.on_demand("tour") == "https://cdn.example/vod/tour/manifest-ondemand.mpd"


def test_where_to_publish() -> None:
    found = addresses(ctx(), "http", "h:8081").publish("news")
    assert found == {
        "url": "rtmp://h:1935/live",
        "srt": "srt://h:9000",
        "whip": "http://h:8087/whip/news",
        "push": "http://h:8085/push/news",
    }
    found = addresses(ctx(control__rtmp_url="rtmp://in.example/live", ingest__rtmps_certificate="c"), "http", "h")
    assert found.publish("news", "k3y") == {
        "url": "rtmp://in.example/live",
        "rtmps": "rtmps://in.example:1936/live",
        "srt": "srt://in.example:9000?streamid=news?key=k3y",
        "whip": "http://h:8087/whip/news",
        "push": "http://in.example:8085/push/news",
        "key": "k3y",
    }
    off = addresses(ctx(ingest__srt=False, ingest__push=False, ingest__whip=False), "http", "h")
    assert off.publish("news") == {"url": "rtmp://h:1935/live"}
    found = addresses(ctx(control__whip_url="https://in.example/whip/"), "http", "h").publish("news")
    assert found["whip"] == "https://in.example/whip/news"
    assert "whip" not in addresses(ctx(ingest__whip=False), "http", "h").publish("news")


def test_a_choice_is_handed_on() -> None:
    query = {"player": "hls", "tracks": "video:<=720", "start": "5"}
    assert chosen("https://cdn.example/x.mpd", query) == "https://cdn.example/x.mpd?start=5&tracks=video%3A%3C%3D720"
    assert chosen("https://cdn.example/x.mpd", {"player": "hls"}) == "https://cdn.example/x.mpd"


def test_a_download_is_the_first_picture_with_the_first_sound() -> None:
    def report(*tracks: str) -> AssetReport:
        rows = [TrackReport(track=t, kind={"v": "video", "a": "audio"}[t[0]], codec="x", bandwidth=1) for t in tracks]
        return AssetReport(
            asset="tour", edition="e1", duration_ms=1, segments=1, target_ms=1, bytes=1, tracks=tuple(rows)
        )

    found = addresses(ctx(control__edge_url="https://cdn.example"), "https", "h")
    start = "https://cdn.example/vod/tour/e1/download-"
    assert found.download(report("v1", "v2", "a1", "a2")) == start + "v1-a1.mp4"
    assert found.download(report("a1")) == start + "a1.mp4"
    assert found.download(report()) == ""
