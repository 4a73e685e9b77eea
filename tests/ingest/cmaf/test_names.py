"""What paths of pushed objects say."""

from __future__ import annotations

import pytest

from ingest.cmaf import names


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("v.cmfv", "media"), ("a/b/Streams(video.cmfv)", "media"), ("Streams(a)", "media"), ("x.init", "media"),
        ("live.mpd", "manifest"), ("hd/out.M3U8", "manifest"), ("seg1.ts", "ts"), ("k.key", "beside"),
        ("readme.txt", ""), ("seg-7.m4s", "media"), ("p.exe", ""),
    ],
)  # fmt: skip
def test_sorts(path: str, sort: str) -> None:
    assert names.sort(path) == sort


@pytest.mark.rule("DASH-IF ingest 6.2 9", "Streams(name) tells tracks apart, whatever stands around it")
@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("Streams(v1.cmfv)", "Streams(v1.cmfv)"),
        ("Switching(hd)/Streams(v1.cmfv)", "Streams(v1.cmfv)"),
        ("x/Streams(v1.cmfv)/12.cmfv", "Streams(v1.cmfv)"),
        ("v1.cmfv", "v1.cmfv"),
    ],
)
def test_streams(path: str, stream: str) -> None:
    assert names.stream(path) == stream


@pytest.mark.parametrize(
    ("manifest", "uri", "path"),
    [
        ("live.mpd", "v/1.m4s", "v/1.m4s"), ("a/live.mpd", "1.m4s?x=1", "a/1.m4s"),
        ("a/b.m3u8", "../c/1.m4s", "c/1.m4s"),
        ("b.m3u8", "../../secret", ""), ("b.m3u8", "/etc/passwd", ""), ("b.m3u8", "https://cdn.example/1.m4s", ""),
    ],
)  # fmt: skip
def test_what_a_manifest_calls(manifest: str, uri: str, path: str) -> None:
    assert names.within(manifest, uri) == path


@pytest.mark.rule("ISO/IEC 23009-1 5.3.9.4.4", "identifiers of a template stand for numbers, with leading zeros")
def test_templates() -> None:
    header, _ = names.template("x/live.mpd", "init-$RepresentationID$.m4s", "0")
    assert header == "x/init-0.m4s"
    _, media = names.template("x/live.mpd", "c.$RepresentationID$-$Number%05d$.m4s", "a+b")
    assert media.fullmatch("x/c.a+b-00017.m4s") and not media.fullmatch("x/c.a+b-x.m4s")
    assert not media.fullmatch("x/cXa+b-00017.m4s")
    _, by_time = names.template("live.mpd", "$RepresentationID$/$Time$.cmfv", "v1")
    assert by_time.fullmatch("v1/4500000.cmfv") and not by_time.fullmatch("v2/4500000.cmfv")


def test_a_template_of_many_numbers_is_matched_at_once() -> None:
    """With a way back over digits this would take longer than the universe has."""
    _, media = names.template("live.mpd", "$Number$1" * 40 + "x", "0")
    assert not media.fullmatch("1" * 400)


@pytest.mark.parametrize(
    ("path", "headers", "found"),
    [
        ("chunk-stream0-00012.m4s", ("init-stream0.m4s", "init-stream1.m4s"), "init-stream0.m4s"),
        ("hd/seg_7.m4s", ("hd/init.mp4", "sd/init.mp4"), "hd/init.mp4"),
        ("out12.m4s", ("init.mp4",), "init.mp4"),
        ("video-3.m4s", ("init-a.mp4", "init-b.mp4"), ""),
        ("sd/7.m4s", ("hd/init.mp4",), ""),
        ("1080p_12.m4s", ("1080p_init.mp4", "720p_init.mp4"), "1080p_init.mp4"),
    ],
)
def test_a_header_by_its_name(path: str, headers: tuple[str, ...], found: str) -> None:
    assert names.nearest(path, headers) == found
