"""The reference pages are made from the tables; a stale one fails here, and `make golden` rewrites it."""

import pytest

from node import reference
from tests.kit.golden import golden_at
from tests.kit.optional import ROOT
from tools import commands, conformance

FOLDER = ROOT / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_a_page_says_what_its_table_says(name: str) -> None:
    golden_at(FOLDER / name, reference.pages()[name])


def test_the_conformance_page_lists_every_marked_test() -> None:
    golden_at(FOLDER / "conformance.md", conformance.page(conformance.collect(ROOT / "tests")))


def test_the_commands_page_says_what_the_parsers_take() -> None:
    golden_at(FOLDER / "commands.md", commands.page())


def test_no_page_is_left_behind() -> None:
    made = {*reference.pages(), "commands.md", "conformance.md"}
    made |= {"benchmarks.md", "sessions.md"}  # by `make bench`, and of a role: tests/ingest/test_session.py
    assert {path.name for path in FOLDER.glob("*.md")} - made == set()
