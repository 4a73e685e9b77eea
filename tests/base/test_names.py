"""The path grammar: every name reads back as itself, and nothing else reads as a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import names
from base.names import IMMUTABLE, MANIFESTS, PUBLIC, Kind, Leaf, Name, is_title, parse
from base.pictures import Layout, Picture, Tiles, waveform_file

TITLES = st.from_regex(names.TITLE_PATTERN, fullmatch=True)
EDITIONS = st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True)
TRACKS = st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True)
GENERATIONS = st.from_regex(r"[0-9a-f]{8,64}", fullmatch=True)
KIDS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
NUMBERS = st.integers(0, 10**15 - 1)
NUMBERED = (Leaf.SEGMENT, Leaf.IFRAME_SEGMENT, Leaf.TS_SEGMENT, Leaf.TEXT_SEGMENT, Leaf.PART)


def made(leaf: Leaf, kind: Kind) -> st.SearchStrategy[str]:
    """Files of pictures, of tiles and of waveforms; tiles of a live channel name a run."""
    if leaf is Leaf.TILES:
        runs = NUMBERS if kind is Kind.LIVE else st.just(-1)
        layouts = st.builds(Layout, st.integers(100, 10**6), st.integers(1, 9), st.integers(1, 9), st.integers(10, 999))
        return st.builds(Tiles, layouts, NUMBERS, runs).map(lambda tiles: tiles.file)
    if leaf is Leaf.PICTURE:
        pictures = st.builds(Picture, NUMBERS, st.integers(10, 9999), st.sampled_from(["jpg", "webp"]))
        return pictures.map(lambda picture: picture.file)
    return st.builds(waveform_file, NUMBERS, st.sampled_from(["json", "dat"])) if leaf is Leaf.WAVEFORM else st.just("")


@st.composite
def any_name(draw: st.DrawFn) -> Name:
    leaf = draw(st.sampled_from(Leaf))
    kinds = [Kind.LIVE] if leaf in names.LIVE_ONLY else [Kind.VOD] if leaf in names.VOD_ONLY else list(Kind)
    kind = draw(st.sampled_from(kinds))
    title = draw(TITLES)
    under = [name for name, leaves in names.PROTECTED.items() if leaf in leaves]
    if leaf is Leaf.KEY:
        return Name(kind=kind, title=title, leaf=leaf, protection=draw(st.sampled_from(under)), kid=draw(KIDS))
    protection = draw(st.sampled_from(("", *under)))
    if Name(kind=kind, title=title, leaf=leaf).at_top:
        return Name(kind=kind, title=title, leaf=leaf, protection=protection)
    if leaf is Leaf.SIDECAR:
        return Name(kind=kind, title=title, leaf=leaf, track=draw(TRACKS))
    if leaf in (Leaf.UPLOAD, Leaf.UPLOAD_FILE):
        number = draw(st.integers(1, 9999)) if leaf is Leaf.UPLOAD_FILE else -1
        upload = draw(st.from_regex(r"[0-9a-f]{8,32}", fullmatch=True))
        return Name(kind=kind, title=title, leaf=leaf, upload=upload, number=number)
    edition = draw(EDITIONS)
    if leaf in (Leaf.SESSION, Leaf.CUES):
        return Name(kind=kind, title=title, leaf=leaf, edition=edition)
    if leaf is Leaf.DOWNLOAD:
        tracks = tuple(draw(st.lists(TRACKS, min_size=1, max_size=names.MOST_TRACKS)))
        return Name(kind=kind, title=title, leaf=leaf, edition=edition, tracks=tracks)
    track = draw(TRACKS)
    return Name(
        kind=kind,
        title=title,
        leaf=leaf,
        edition=edition,
        track=track,
        generation=draw(GENERATIONS) if leaf is Leaf.INIT else "",
        number=draw(NUMBERS) if leaf in NUMBERED else -1,
        made=draw(made(leaf, kind)),
        part=draw(st.integers(0, 999_999)) if leaf is Leaf.PART else -1,
        protection=protection,
    )


@given(any_name())
def test_a_name_reads_back_as_itself(name: Name) -> None:
    assert parse(name.path) == name


@given(any_name())
def test_a_relative_spelling_is_the_path_below_the_title(name: Name) -> None:
    if name.edition:
        assert name.path.endswith(f"/{name.kind}/{name.title}/{name.relative}")
    assert name.path.endswith("/" + name.file)


@given(st.text(alphabet="/livevod.mp4s3u8-09az_A%", max_size=60))
def test_what_reads_as_a_name_is_spelt_in_one_way_only(path: str) -> None:
    """A cache key must not have two spellings."""
    found = parse(path)
    assert found is None or found.path == path


@pytest.mark.parametrize(
    "path",
    [
        "/live/studio/e1/v1/007.m4s",
        "/live/studio/e1/v1/1.01.m4s",
        "/vod/film/e1/v1/1.0.m4s",  # parts are live only
        "/live/studio/mezzanine.mp4",
        "/live/studio/multivariant-ts.m3u8",
        "/live/studio/e1/v1/1.ts",
        "/vod/film/e1/v1/01.ts",
        "/vod/film/e1/session.json",
        "/vod/film/e1/cues.json",
        "/vod/film/e1/v1/01.i.m4s",
        "/vod/film/e1/v1/1.i.i.m4s",
        "/live/studio/e1/v1/1.i.m4s",
        "/vod/film/e1/download-.mp4",
        "/vod/film/e1/download-v1-.mp4",
        "/vod/film/e1/download-a1-a2-a3-a4-a5-a6-a7-a8-a9.mp4",
        "/live/studio/e1/download-v1.mp4",
        "/live/studio/e1/v1/track.mp4",
        "/~cbcs/vod/film/e1/v1/track.mp4",
        "/~cbcs/vod/film/mezzanine.mp4",
        "/~cbcs/vod/film/status.json",
        "/~cbcs/vod/film/e1/v1/1.ts",
        "/~aes-128/vod/film/manifest.mpd",
        "/~sample-aes/vod/film/manifest.mpd",
        "/~cbcs/vod/film/00112233445566778899aabbccddeeff.key",
        "/~aes-128/vod/film/00112233445566778899AABBCCDDEEFF.key",
        "/~aes-128/vod/film/0011223344556677.key",
        "/~aes-128/live/studio/00112233445566778899aabbccddeeff.key",
        "/vod/film/00112233445566778899aabbccddeeff.key",
        "/vod/film/e1/v1/picture-007-320.jpg",
        "/vod/film/e1/v1/picture-7-320.png",
        "/vod/film/e1/v1/tiles-10000-5x5-160-7-0.jpg",  # runs are live only
        "/live/studio/e1/v1/tiles-10000-5x5-160-0.jpg",
        "/live/studio/e1/v1/images.m3u8",
        "/~aes-128/vod/film/poster.jpg",
        "/~cens/vod/film/manifest.mpd",
        "/~/vod/film/manifest.mpd",
        "/~cenc/~cbcs/vod/film/manifest.mpd",
        "/live/Studio/multivariant.m3u8",
        "/live/-studio/multivariant.m3u8",
        "/live/studio-/multivariant.m3u8",
        "/live/studio/../x/multivariant.m3u8",
        "/live/studio//e1/v1/media.m3u8",
        "/live/studio/multivariant.m3u8\n",
        "/live/studio/e1/v1/init-XYZ12345.mp4",
        "/live/studio/e1/1v/media.m3u8",
        "/vod/" + "a" * 65 + "/manifest.mpd",
        "live/studio/multivariant.m3u8",
        "/live/studio/e1/v1/1٣.m4s",
        "",
        "/",
    ],
)
def test_this_is_no_name(path: str) -> None:
    assert parse(path) is None


def test_the_longest_name_is_short_enough_to_be_read() -> None:
    longest = Name(
        kind=Kind.LIVE,
        title="t" * 64,
        leaf=Leaf.INIT,
        edition="e" * 16,
        track="t" * 16,
        generation="f" * 64,
        protection="sample-aes",
    )
    assert parse(longest.path) == longest
    assert parse("/vod/film/" + "x" * 300) is None


def test_protection_is_a_prefix_of_the_same_name() -> None:
    clear, protected = (
        Name(kind=Kind.VOD, title="film", leaf=Leaf.SEGMENT, edition="e1", track="v1", number=7, protection=scheme)
        for scheme in ("", "cbcs")
    )
    assert protected.path == "/~cbcs" + clear.path == "/~cbcs/vod/film/e1/v1/7.m4s"
    assert protected.relative == clear.relative


def test_what_changes_is_not_immutable() -> None:
    assert not IMMUTABLE & MANIFESTS
    assert PUBLIC == IMMUTABLE | MANIFESTS | names.SECRET
    assert not names.SECRET & (IMMUTABLE | MANIFESTS)
    assert not Name(kind=Kind.VOD, title="film", leaf=Leaf.MEZZANINE).public


@pytest.mark.parametrize("text", ["studio", "a", "a-b", "a--b", "0", "a" * 64])
def test_a_title_is_lower_case_with_inner_hyphens(text: str) -> None:
    assert is_title(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a b", "ä", "a" * 65, "a/b", "a\n"])
def test_this_is_no_title(text: str) -> None:
    assert not is_title(text)


def test_text_has_names_under_every_protection() -> None:
    name = Name(kind=Kind.VOD, title="film", leaf=Leaf.TEXT_SEGMENT, edition="t1", track="s1", number=7)
    assert name.path == "/vod/film/t1/s1/7.vtt" and name.public and name.leaf in IMMUTABLE
    for protection in names.PROTECTIONS:
        assert parse(f"/~{protection}{name.path}") is not None
    sidecar = Name(kind=Kind.VOD, title="film", leaf=Leaf.SIDECAR, track="s1")
    assert sidecar.path == "/vod/film/text/s1" and parse(sidecar.path) == sidecar and not sidecar.public
    assert parse("/live/film/text/s1") is None and parse("/~cbcs/vod/film/text/s1") is None
