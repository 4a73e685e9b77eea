"""Language tags."""

from __future__ import annotations

import pytest

from packager.languages import _TAGS, code, tag


@pytest.mark.rule("RFC 5646 2.2.1", "the shortest code of a language is its tag")
@pytest.mark.parametrize(
    ("code", "short"),
    [("eng", "en"), ("deu", "de"), ("ger", "de"), ("fra", "fr"), ("fre", "fr"), ("zho", "zh"), ("und", "und"),
     ("gsw", "gsw"), ("mul", "mul"), ("zxx", "zxx"), ("en", "en"), ("pt-BR", "pt-BR"), ("qaa", "qaa")],
)  # fmt: skip
def test_tags(code: str, short: str) -> None:
    assert tag(code) == short


def test_the_table_is_whole() -> None:
    """ISO 639-2 has 183 languages with a code of two letters, twenty of them with two codes of three."""
    assert len(set(_TAGS.values())) == 183 and len(_TAGS) == 203
    assert all(len(three) == 3 and len(two) == 2 for three, two in _TAGS.items())


@pytest.mark.parametrize(
    ("short", "three"),
    [("en", "eng"), ("en-GB", "eng"), ("DE", "deu"), ("fr", "fra"), ("gsw", "gsw"), ("", "und"), ("x1", "und"),
     ("qq", "und"), ("m\u00fcn", "und"), ("english", "und")],
)  # fmt: skip
def test_codes(short: str, three: str) -> None:
    assert code(short) == three
