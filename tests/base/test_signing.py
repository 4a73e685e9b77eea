"""Signatures of queries: of a title, by a key that can be changed, and never shown."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from base import signing
from base.names import Name, parse

SECRET = "00112233445566778899aabbccddeeff"


def name(path: str) -> Name:
    found = parse(path)
    assert found is not None
    return found


TOP, PLAYLIST = name("/vod/film/multivariant.m3u8"), name("/~cbcs/vod/film/p1/v1/media.m3u8")


def test_what_is_signed_is_the_title_and_the_query() -> None:
    keys = signing.read(f"# of May\nk2 {SECRET}\n\nk1 {'ab' * 32}\n")
    signature = keys.sign(TOP, "start=5&tracks=v1")
    message = b"headwater query 1\n/vod/film\nstart=5&tracks=v1"
    assert signature == "k2." + hmac.new(bytes.fromhex(SECRET), message, hashlib.sha256).hexdigest()
    assert keys.good(TOP, "start=5&tracks=v1", signature)
    assert keys.good(PLAYLIST, "start=5&tracks=v1", signature)  # the same title
    assert not keys.good(name("/vod/other/multivariant.m3u8"), "start=5&tracks=v1", signature)
    assert not keys.good(name("/live/film/multivariant.m3u8"), "start=5&tracks=v1", signature)
    assert not keys.good(TOP, "start=6&tracks=v1", signature)


@pytest.mark.parametrize("wrong", ["", "k2", "k2.", ".", "k9.00", "k2." + "0" * 64, "k1." + "ä"])
def test_anything_else_is_none(wrong: str) -> None:
    assert not signing.read(f"k2 {SECRET}").good(TOP, "start=5", wrong)


def test_keys_are_changed_one_after_the_other() -> None:
    old, both, new = (
        signing.read(text) for text in (f"k1 {SECRET}", f"k2 {'cd' * 16}\nk1 {SECRET}", f"k2 {'cd' * 16}")
    )
    before, after = old.sign(TOP, "end=5"), both.sign(TOP, "end=5")
    assert both.good(TOP, "end=5", before) and both.good(TOP, "end=5", after)
    assert new.good(TOP, "end=5", after) and not new.good(TOP, "end=5", before)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "k1",
        f"k1 {SECRET[:-2]}",
        f"k1 {SECRET}0",
        "k1 geheim",
        f"k1 {SECRET}\nk1 {SECRET}",
        f"k 1 {SECRET}",
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_its_words(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        signing.read(text)
    assert SECRET[:10] not in str(refused.value) and "geheim" not in str(refused.value)


def test_a_secret_is_in_no_representation() -> None:
    assert SECRET[:8] not in repr(signing.Key("k", bytes.fromhex(SECRET))) and "\\x11" not in repr(
        signing.Key("k", bytes.fromhex(SECRET))
    )
