"""HTTP fields of playlists and media."""

import pytest

from node.probe import answers
from node.probe.answers import Answer
from tests.node.probe.pairs import URL, Cases, pair, shows


def answer(body: bytes = b"", url: str = URL, *, redirected: bool = False, **fields: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in fields.items()}
    return Answer(url=url, status=200, fields=given, body=body, redirected=redirected)


HLS = answer(content_type="application/vnd.apple.mpegurl", access_control_allow_origin="*")
LONG = b"#EXTM3U\n" + b"#\n" * 3000
SOUND = answer(content_type="video/iso.segment", access_control_allow_origin="*", cache_control="max-age=31536000")
ELSEWHERE = "http://origin.example/a"
CASES: Cases = {
    "playlist-type": pair(answers.playlist(HLS), answers.playlist(answer(url=ELSEWHERE, content_type="text/plain"))),
    "media-type": pair(answers.media(SOUND, "mp4", 2), answers.media(answer(content_type="text/plain"), "mp4", 2)),
    "cors": pair(answers.cors(HLS), answers.cors(answer())),
    "cache-media": pair(
        answers.media(SOUND, "mp4", 2),
        answers.media(answer(content_type="video/mp4", cache_control="max-age=5"), "mp4", 2),
    ),
    "cache-playlist": pair(
        answers.live(answer(cache_control="max-age=1"), 2, blocking=False),
        answers.live(answer(cache_control="max-age=3"), 2, blocking=False),
    ),
    "redirect-media": pair(
        answers.media(SOUND, "mp4", 2),
        answers.media(answer(redirected=True, content_type="video/mp4"), "mp4", 2),
    ),
    "gzip": pair(answers.playlist(answer(LONG, content_encoding="gzip")), answers.playlist(answer(LONG))),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_a_sound_answer_breaks_nothing() -> None:
    assert list(answers.playlist(HLS)) == [] and list(answers.media(SOUND, "mp4", 2)) == []


def test_a_file_name_makes_a_playlist_as_well() -> None:
    """RFC 8216bis 4."""
    assert "playlist-type" not in {f.rule for f in answers.playlist(answer(content_type="text/plain"))}


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("max-age=5", 5),
        ("public, max-age=5, s-maxage=9", 9),
        ("no-store", 0),
        ("private, max-age=5", 0),
        ("MAX-AGE=5", 5),
        ("", None),
    ],
)
def test_lifetimes(field: str, seconds: int | None) -> None:
    """RFC 9111 5.2.2."""
    assert answers.lifetime({"cache-control": field}) == seconds


def test_a_blocking_answer_may_be_kept_longer() -> None:
    assert list(answers.live(answer(cache_control="max-age=12"), 2, blocking=True)) == []
