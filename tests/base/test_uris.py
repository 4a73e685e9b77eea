"""URIs of playlists and manifests lead to names."""

from urllib.parse import urljoin

import pytest

from base.names import Kind, Leaf, Name, parse
from base.uris import iframe_template, init_file, key_uri, media_template, part_file, segment_file, text_file, ts_file

PLAYLIST = Name(kind=Kind.VOD, title="film", leaf=Leaf.MEDIA_PLAYLIST, edition="e1", track="v1", protection="aes-128")


def test_a_key_is_found_from_the_media_playlist() -> None:
    kid = bytes(range(16))
    found = parse(urljoin(PLAYLIST.path, key_uri(kid)))
    assert found == Name(kind=Kind.VOD, title="film", leaf=Leaf.KEY, protection="aes-128", kid=kid.hex())


@pytest.mark.parametrize(
    ("file", "leaf", "kind"),
    [
        (init_file("0123abcd"), Leaf.INIT, Kind.VOD),
        (segment_file(7), Leaf.SEGMENT, Kind.VOD),
        (ts_file(7), Leaf.TS_SEGMENT, Kind.VOD),
        (text_file(7), Leaf.TEXT_SEGMENT, Kind.VOD),
        (part_file(7, 2), Leaf.PART, Kind.LIVE),
    ],
)
def test_files_are_found_beside_their_playlist(file: str, leaf: Leaf, kind: Kind) -> None:
    found = parse(f"/{kind}/film/e1/v1/{file}")
    assert found is not None and (found.leaf, found.file) == (leaf, file)


@pytest.mark.parametrize(
    ("template", "leaf"),
    [(media_template("e1", "v1"), Leaf.SEGMENT), (iframe_template("e1", "v1"), Leaf.IFRAME_SEGMENT)],
)
def test_templates_spell_what_names_do(template: str, leaf: Leaf) -> None:
    found = parse("/vod/film/" + template.replace("$Number$", "12"))
    assert found is not None and (found.leaf, found.number) == (leaf, 12)
