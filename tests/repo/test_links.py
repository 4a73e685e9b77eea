"""Links in the docs are followed: to files, and to headings within them."""

import re
from pathlib import Path

import pytest

from tests.kit.optional import ROOT
from tests.kit.repository import tracked

_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")


def pages() -> list[str]:
    return [path for path in tracked() if path.endswith(".md")]


def links(text: str) -> list[str]:
    return [one or other for one, other in _LINK.findall(_CODE.sub("", _FENCE.sub("", text)))]


def anchors(text: str) -> set[str]:
    """The ids that a heading gets: lower case, punctuation dropped, spaces to hyphens."""
    heads = re.findall(r"^#+ +(.+?) *#*$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = []
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue  # another site's page is not ours to keep alive
        target, _, anchor = link.partition("#")
        other = (page.parent / target) if target else page
        if not other.exists() or (anchor and anchor not in anchors(other.read_text(encoding="utf-8"))):
            found.append(link)
    return found


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page: str) -> None:
    assert broken(ROOT / page) == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One head\n[a](#one-head) [b](#two) [c](no.md) [d](page.md#one-head) `[e](x)`\n")
    assert broken(page) == ["#two", "no.md"]


def test_decisions_are_numbered_once_and_in_order() -> None:
    notes = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(note.name[:4]) for note in notes] == list(range(1, len(notes) + 1))
    for note in notes:
        assert note.read_text(encoding="utf-8").startswith(f"# {int(note.name[:4])}. "), note.name
