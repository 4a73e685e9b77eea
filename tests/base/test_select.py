"""Queries that choose: one spelling for each choice, and clear words for what cannot be."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.names import Leaf
from base.problems import Problem
from base.select import ALL, CODECS, Selection, parse

TOP, PLAYLIST = Leaf.MULTIVARIANT, Leaf.MEDIA_PLAYLIST


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("start=0", ""),
        ("start=12.480&end=90.0", "start=12.48&end=90"),
        ("end=90&x=y&start=12", "start=12&end=90"),
        ("CMCD=bl%3D1&start=007.5", "start=7.5"),
        ("tracks=a2,v1,a2", "tracks=a2,v1"),
        ("tracks=V1,audio:DE", "tracks=audio:de,v1"),
        ("tracks=video:<=720:avc1", "tracks=video:%3C=720:avc1"),
        ("tracks=video:avc1:%3C%3D720", "tracks=video:%3C=720:avc1"),
        ("start=3&tracks=text:none&end=9", "start=3&end=9&tracks=text:none"),
        ("sig=k.00", ""),
    ],
)
def test_each_choice_has_one_spelling(query: str, canonical: str) -> None:
    found = parse(TOP, query)
    assert found.query == canonical
    assert parse(TOP, found.query) == found


@given(st.text(alphabet="start=end&racks1v:a,<>0.9%3C-", max_size=40))
def test_what_is_read_is_spelt_so_that_it_reads_the_same(query: str) -> None:
    try:
        found = parse(TOP, query)
    except Problem as problem:
        assert problem.kind.name == "malformed"
        return
    assert parse(TOP, found.query) == found and parse(TOP, found.query).query == found.query


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("start=-1", "time in seconds"),
        ("start=1e3", "time in seconds"),
        ("start=", "time in seconds"),
        ("start=PT10S", "time in seconds"),
        ("start=1.2345", "time in seconds"),
        ("end=0", "after start"),
        ("start=5&end=5", "after start"),
        ("start=1&start=2", "once"),
        ("tracks=", "tracks takes"),
        ("tracks=v1,,a1", "tracks takes"),
        ("tracks=audio", "tracks takes"),
        ("tracks=image:720", "tracks takes"),
        ("tracks=audio:<=3", "no condition of audio"),
        ("tracks=audio:5", "no condition of audio"),
        ("tracks=" + "v1," * 20 + "v1", "at most 16 terms"),
        ("tracks=audio:" + "x" * 99, "64 letters"),
    ],
)
def test_what_cannot_be_is_refused_with_words(query: str, says: str) -> None:
    with pytest.raises(Problem, match=says) as refused:
        parse(TOP, query)
    assert refused.value.kind.status == 400


def test_a_parameter_counts_where_it_means_something() -> None:
    query = "start=5&tracks=v1"
    assert parse(PLAYLIST, query).query == "start=5"
    assert parse(Leaf.MANIFEST_ON_DEMAND, query).query == "tracks=v1"
    for leaf in (Leaf.SEGMENT, Leaf.INIT, Leaf.DOWNLOAD, Leaf.THUMBNAILS):
        assert parse(leaf, query) is ALL
    assert parse(leaf, "start=rubbish") is ALL


def test_with_a_signature_all_of_it_counts() -> None:
    """Else a media playlist could not be asked with the query that was signed for its multivariant playlist."""
    query = "start=5&tracks=v1&sig=k1.00ff"
    found = parse(PLAYLIST, query, signed=True)
    assert found.canonical == "start=5&tracks=v1" and found.query == query
    assert parse(PLAYLIST, query).query == "start=5"
    with pytest.raises(Problem, match="sig is"):
        parse(PLAYLIST, "start=5&sig=%0a", signed=True)


@pytest.mark.parametrize(
    ("terms", "kept"),
    [
        ("v1", {"v1", "a1", "a2", "s1"}),
        ("a2", {"v1", "v2", "a2", "s1"}),
        ("audio:de", {"v1", "v2", "a2", "s1"}),
        ("audio:fr", {"v1", "v2", "s1"}),
        ("audio:de,audio:en", {"v1", "v2", "a1", "a2", "s1"}),
        ("video:<=720", {"v2", "a1", "a2", "s1"}),
        ("video:1080", {"v1", "a1", "a2", "s1"}),
        ("video:>=720:hevc", {"v2", "a1", "a2", "s1"}),
        ("video:h264,text:none", {"v1", "a1", "a2"}),
        ("video:none", {"a1", "a2", "s1"}),
        ("audio:aac,text:pt", {"v1", "v2", "a1", "s1"}),
        ("audio:ac3:de", {"v1", "v2", "a2", "s1"}),
    ],
)
def test_what_terms_take(terms: str, kept: set[str]) -> None:
    tracks = [
        ("video", "v1", "avc1.64001f", "und", 1080),
        ("video", "v2", "hvc1.1.6.L93.B0", "und", 720),
        ("audio", "a1", "mp4a.40.2", "en", 0),
        ("audio", "a2", "ac-3", "de-AT", 0),
        ("text", "s1", "wvtt", "pt-BR", 0),
    ]
    chosen = parse(TOP, f"tracks={quote(terms)}")
    assert {
        name
        for kind, name, codec, language, height in tracks
        if chosen.keeps(kind, name=name, codec=codec, language=language, height=height)
    } == kept


def test_a_selection_is_true_if_it_chooses_something() -> None:
    assert not ALL and not Selection(signature="k.0")
    assert parse(TOP, "end=5") and parse(TOP, "end=5").clips and not parse(TOP, "tracks=v1").clips


def test_the_edition_of_marks_is_handed_on_and_chooses_nothing() -> None:
    edition = "0123456789abcdef"
    found = parse(PLAYLIST, f"marks={edition}&start=5")
    assert (found.query, found.canonical) == (f"start=5&marks={edition}", "start=5")
    assert not parse(PLAYLIST, f"marks={edition}") and parse(PLAYLIST, f"marks={edition}").query == f"marks={edition}"
    for leaf in (Leaf.MULTIVARIANT, Leaf.MANIFEST, Leaf.SEGMENT):
        assert parse(leaf, f"marks={edition}").query == ""
    assert parse(Leaf.MANIFEST, f"marks={edition}&sig=k1.00", signed=True).marks == ""
    with pytest.raises(Problem, match="multivariant"):
        parse(PLAYLIST, "marks=../x")


def test_codec_words_are_no_languages_of_two_letters() -> None:
    assert all(len(word) > 2 for word in CODECS)


# Channels


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("start=1763733900", "start=1763733900"),
        ("start=2025-11-21T14:05:00Z&end=2025-11-21T14:05:00.250Z", "start=1763733900&end=1763733900.25"),
        ("start=2025-11-21t15%3A05%3A00%2B01:00", "start=1763733900"),
        ("start=2025-11-21T15:05:00+01:00", "start=1763733900"),  # a plus that nobody escaped
        ("end=-60&start=-600.50", "start=-600.5&end=-60"),
        ("start=1763733900&end=-60", "start=1763733900&end=-60"),
        ("start=0", "start=0"),
        ("tracks=v1&start=-600&marks=0123456789abcdef", "start=-600"),
    ],
)
def test_times_of_a_channel_have_one_spelling(query: str, canonical: str) -> None:
    for leaf in (Leaf.MULTIVARIANT, Leaf.MANIFEST, Leaf.MEDIA_PLAYLIST):
        found = parse(leaf, query, live=True)
        assert found.query == canonical and parse(leaf, found.query, live=True) == found
        assert found.relative == ("-6" in canonical)
    assert parse(Leaf.SEGMENT, query, live=True) == ALL


@pytest.mark.parametrize(
    "query",
    [
        "start=soon",
        "start=2025-11-21",
        "start=2025-11-21T14:05:00",  # of which zone?
        "start=2025-13-21T14:05:00Z",
        "start=1969-01-01T00:00:00Z",
        "start=--5",
        "start=+5",
        "start=5&end=5",
        "start=-60&end=-600",
        "start=-1e3",
    ],
)
def test_times_that_cannot_be(query: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(Leaf.MANIFEST, query, live=True)
    assert refused.value.kind.name == "malformed"
