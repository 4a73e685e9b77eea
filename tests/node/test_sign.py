"""The command that signs addresses."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from base import names, select, signing
from node import main
from node.command import Fault
from node.sign import sign

SECRET = "00112233445566778899aabbccddeeff"
KEYS = signing.read(f"may {SECRET}")


def test_a_signed_address_is_what_edges_let_through() -> None:
    url = urlsplit(sign("https://cdn.example/~cbcs/vod/film/manifest.mpd?tracks=v1&CMCD=x&start=12.50#t=1", KEYS))
    assert url.query.startswith("start=12.5&tracks=v1&sig=may.") and not url.fragment
    name = names.parse(url.path)
    assert name is not None
    found = select.parse(name.leaf, url.query, signed=True)
    assert KEYS.good(name, found.canonical, found.signature)
    assert sign(url.geturl(), KEYS) == url.geturl()  # to sign again changes nothing


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://cdn.example/vod/film/manifest.mpd", "nothing to sign"),
        ("https://cdn.example/vod/film/manifest.mpd?start=x", "time in seconds"),
        ("https://cdn.example/vod/film/mezzanine.mp4?start=1", "no address"),
        ("https://cdn.example/live/news/manifest.mpd?start=-600", "as times"),
        ("film", "no address"),
        ("", "no address"),
    ],
)
def test_what_cannot_be_signed(url: str, says: str) -> None:
    with pytest.raises(Fault, match=says):
        sign(url, KEYS)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, config = tmp_path / "keys", tmp_path / "edge.toml"
    keys.write_text(f"may {SECRET}\n")
    config.write_text(f'[edge]\nquery_keys = "{keys}"\n')
    for where in (["--keys", str(keys)], ["--config", str(config)]):
        assert main.run(["sign", "http://h/vod/film/multivariant.m3u8?end=9", *where]) == 0
        assert capsys.readouterr().out.startswith("http://h/vod/film/multivariant.m3u8?end=9&sig=may.")


@pytest.mark.parametrize("text", ["", "may geheim", "mäy " + SECRET])
def test_a_key_file_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    keys = tmp_path / "keys"
    keys.write_text(text)
    assert main.run(["sign", "http://h/vod/film/multivariant.m3u8?end=9", "--keys", str(keys)]) != 0
    said = capsys.readouterr().err
    assert str(keys) in said and "geheim" not in said and SECRET not in said
    assert main.run(["sign", "http://h/vod/film/multivariant.m3u8?end=9", "--keys", str(tmp_path / "none")]) != 0
    assert "no such file" in capsys.readouterr().err
