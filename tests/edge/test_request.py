"""What a request wants."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from base import names, signing
from base.problems import Problem
from edge import request
from edge.freshness import Use
from edge.request import Action

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("path", "query", "key", "use", "held"),
    [
        ("/live/a/multivariant.m3u8", "CMCD=x", "/live/a/multivariant.m3u8", Use.MANIFEST, False),
        ("/vod/a/manifest.mpd", "_HLS_msn=1", "/vod/a/manifest.mpd", Use.MANIFEST, False),
        ("/live/a/e/v1/media.m3u8", "", "/live/a/e/v1/media.m3u8", Use.MANIFEST, False),
        (
            "/live/a/e/v1/media.m3u8",
            "_HLS_part=1&x=y&_HLS_msn=2",
            "/live/a/e/v1/media.m3u8?_HLS_msn=2&_HLS_part=1",
            Use.MANIFEST,
            True,
        ),
        ("/live/a/e/v1/media.m3u8", "_HLS_skip=YES", "/live/a/e/v1/media.m3u8?_HLS_skip=YES", Use.MANIFEST, False),
        ("/live/a/e/v1/init-00112233.mp4", "a=b", "/live/a/e/v1/init-00112233.mp4", Use.IMMUTABLE, False),
        ("/live/a/e/v1/7.m4s", "", "/live/a/e/v1/7.m4s", Use.IMMUTABLE, True),
        ("/vod/a/e/v1/7.m4s", "", "/vod/a/e/v1/7.m4s", Use.IMMUTABLE, False),
        ("/vod/a/e/v1/track.mp4", "x=y", "/vod/a/e/v1/track.mp4", Use.LARGE, False),
        ("/vod/a/e/download-v1-a1.mp4", "", "/vod/a/e/download-v1-a1.mp4", Use.LARGE, False),
    ],
)
def test_what_is_wanted(path: str, query: str, key: str, use: Use, held: bool) -> None:
    assert request.wanted(path, query) == (key, use, held)


@pytest.mark.parametrize(
    ("method", "path", "query", "kind"),
    [
        ("POST", "/live/a/manifest.mpd", "", "method"),
        ("PURGE", "/live/a/manifest.mpd", "", "method"),
        ("POST", "/~cbcs/vod/a/manifest.mpd", "", "method"),
        ("POST", "/licence/clearkey/x", "", "method"),
        ("POST", "/licence", "", "method"),
        ("GET", "/licence/clearkey", "", "method"),
        ("PUT", "/licence/clearkey", "", "method"),
        ("GET", "/~cbcs/vod/a/mezzanine.mp4", "", "unknown"),
        ("GET", "/~aaaa/vod/a/manifest.mpd", "", "unknown"),
        ("GET", "/vod/a/00112233445566778899aabbccddeeff.key", "", "unknown"),
        ("GET", "/~cbcs/vod/a/00112233445566778899aabbccddeeff.key", "", "unknown"),
        ("POST", "/~aes-128/vod/a/00112233445566778899aabbccddeeff.key", "", "method"),
        ("GET", "/", "", "unknown"),
        ("GET", "/live/a/e/session.json", "", "unknown"),
        ("GET", "/live/a/status.json", "", "unknown"),
        ("GET", "/live/a/../b/manifest.mpd", "", "unknown"),
        ("GET", "/live/a/e/v1/media.m3u8", "_HLS_part=1", "malformed"),
        ("GET", "/live/a/e/v1/media.m3u8", "_HLS_msn=-1", "malformed"),
    ],
)
def test_what_is_refused_without_asking_upstream(method: str, path: str, query: str, kind: str) -> None:
    with pytest.raises(Problem) as refused:
        request.plan(method, path, query, CIMultiDict())
    assert refused.value.kind.name == kind


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("/vod/a/manifest.mpd", "tracks=v1,a2&x=y&start=05.50", "/vod/a/manifest.mpd?start=5.5&tracks=a2,v1"),
        ("/vod/a/manifest.mpd", "sig=k.00", "/vod/a/manifest.mpd"),
        ("/vod/a/manifest-ondemand.mpd", "start=5&tracks=a1", "/vod/a/manifest-ondemand.mpd?tracks=a1"),
        ("/vod/a/e/v1/media.m3u8", "start=5&tracks=v1&_HLS_skip=YES", "/vod/a/e/v1/media.m3u8?_HLS_skip=YES&start=5"),
        ("/vod/a/e/v1/iframes.m3u8", "end=9&start=0", "/vod/a/e/v1/iframes.m3u8?end=9"),
        ("/vod/a/e/v1/7.m4s", "start=5", "/vod/a/e/v1/7.m4s"),
        ("/live/a/manifest.mpd", "tracks=v1&start=-600", "/live/a/manifest.mpd?start=-600"),
        ("/live/a/e/v1/media.m3u8", "start=9&_HLS_msn=5", "/live/a/e/v1/media.m3u8?_HLS_msn=5&start=9"),
        ("/live/a/e/v1/7.0.m4s", "start=9", "/live/a/e/v1/7.0.m4s"),
    ],
)
def test_what_a_query_chooses_is_part_of_the_key_in_one_spelling(path: str, query: str, key: str) -> None:
    assert request.wanted(path, query)[0] == key


def test_a_choice_that_cannot_be_never_reaches_upstream() -> None:
    with pytest.raises(Problem, match="time in seconds"):
        request.wanted("/vod/a/manifest.mpd", "start=soon")
    with pytest.raises(Problem, match="start is a time such as 2026"):
        request.wanted("/live/a/manifest.mpd", "start=soon")


def test_with_keys_a_choice_is_signed_or_refused() -> None:
    keys = signing.read("k1 " + "ab" * 16)
    top = "/vod/a/multivariant.m3u8"
    name = names.parse(top)
    assert name is not None
    signed = f"start=5&tracks=a1&sig={keys.sign(name, 'start=5&tracks=a1')}"
    assert request.wanted(top, signed, keys)[0] == f"{top}?{signed}"
    # its media playlists are asked with the same query, however it is spelt
    assert request.wanted("/vod/a/e/a1/media.m3u8", signed, keys)[0] == f"/vod/a/e/a1/media.m3u8?{signed}"
    assert request.wanted(top, signed.replace("start=5&", "") + "&start=5.0", keys)[0] == f"{top}?{signed}"
    assert request.wanted(top, "x=y&sig=k1.00", keys)[0] == top  # nothing is chosen
    marked = "/vod/a/e/a1/media.m3u8?marks=0123456789abcdef"
    assert request.wanted(*marked.split("?"), keys)[0] == request.wanted(*marked.split("?"))[0] == marked
    assert request.wanted("/vod/a/e/a1/0.m4s", "start=5", keys)[0] == "/vod/a/e/a1/0.m4s"
    channel = names.parse("/live/a/manifest.mpd")
    assert channel is not None
    signed_live = f"start=1763733900&sig={keys.sign(channel, 'start=1763733900')}"
    assert request.wanted(channel.path, signed_live, keys)[0] == f"{channel.path}?{signed_live}"
    with pytest.raises(Problem, match="do not depend on now"):
        request.wanted(channel.path, f"start=-600&sig={keys.sign(channel, 'start=-600')}", keys)
    for query in (
        "start=5",
        "start=5&sig=k1.00",
        signed.replace("start=5", "start=6"),
        signed.replace("&tracks=a1", ""),
    ):
        with pytest.raises(Problem, match="valid sig") as refused:
            request.wanted(top, query, keys)
        assert refused.value.kind.status == 403
    with pytest.raises(Problem, match="valid sig"):
        request.wanted("/vod/b/multivariant.m3u8", signed, keys)


def test_what_is_as_long_as_a_film_is_handed_through() -> None:
    plan = request.plan("GET", "/vod/a/e/download-v1.mp4", "", CIMultiDict(Range="bytes=0-"))
    assert (plan.action, plan.key) == (Action.LARGE, "/vod/a/e/download-v1.mp4")


def test_what_the_edge_answers_itself() -> None:
    assert request.plan("OPTIONS", "/x", "", CIMultiDict()).action is Action.PREFLIGHT
    assert request.plan("HEAD", "/time", "", CIMultiDict()).action is Action.TIME
    assert request.time_body(NOW + 7) == b"2023-11-14T22:13:20.007Z"


def test_protected_names_are_objects_of_their_own() -> None:
    for path in ("/~cenc/vod/a/manifest.mpd", "/~cbcs/vod/a/p1/v1/0.m4s"):
        plan = request.plan("GET", path, "CMCD=q", CIMultiDict())
        assert (plan.action, plan.key) == (Action.OBJECT, path)


def test_a_licence_request_is_handed_on_and_nothing_else_is() -> None:
    plan = request.plan("POST", "/licence/clearkey", "x=1", CIMultiDict())
    assert (plan.action, plan.key) == (Action.LICENCE, "/licence/clearkey")
    assert dict(request.preflight("/licence/clearkey"))["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "POST" not in dict(request.preflight("/vod/a/manifest.mpd"))["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_content_key_is_handed_on_as_a_licence_is(method: str) -> None:
    path = "/~aes-128/vod/a/00112233445566778899aabbccddeeff.key"
    plan = request.plan(method, path, "CMCD=q", CIMultiDict())
    assert (plan.action, plan.key, plan.cmcd) == (Action.LICENCE, path, b"")
    with pytest.raises(Problem):
        request.wanted(path, "")


def test_cmcd_fields_come_before_the_query() -> None:
    """CTA-5004-B 6"""
    assert request.cmcd("a=b&CMCD=bl%3D1", CIMultiDict()) == b"bl%3D1"
    assert request.cmcd("CMCD=q", CIMultiDict({"cmcd-request": "bl=2"})) == b"bl=2"
    assert request.cmcd("XCMCD=q", CIMultiDict()) == b""
