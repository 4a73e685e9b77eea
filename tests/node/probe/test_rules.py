"""The table of rules, and that each of them can be broken."""

import importlib
import re
from pathlib import Path

import pytest

from node.probe.rules import RULES, Finding, Level, count

HERE = Path(__file__).parent


def cases() -> dict[str, str]:
    """rule -> the test file that breaks it: in its CASES, or in QUIRKS of an origin on a real port."""
    found: dict[str, str] = {}
    for path in sorted(HERE.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for name in ("CASES", "QUIRKS"):
            if f"\n{name}: " in text:
                module = importlib.import_module(f"tests.node.probe.{path.stem}")
                found |= dict.fromkeys(getattr(module, name), path.name)
    return found


def test_every_rule_is_broken_by_a_test() -> None:
    assert set(RULES) - set(cases()) == set()


def test_every_case_is_of_a_rule() -> None:
    assert set(cases()) - set(RULES) == set()


@pytest.mark.parametrize("name", RULES)
def test_a_row_says_where_it_comes_from(name: str) -> None:
    rule = RULES[name]
    standards = r"(RFC 8216bis|RFC 6381|ISO/IEC 23009-1|DASH-IF timing|DASH-IF Security|Apple HLS Authoring|Fetch)"
    assert re.fullmatch(standards + r" [A-Z0-9][0-9.]*", rule.section), rule.section
    assert rule.sentence and not rule.sentence.endswith(".")
    assert rule.level is Level.SHOULD or not rule.section.startswith("Apple")


def test_ids_are_not_used_twice() -> None:
    source = (Path(importlib.import_module("node.probe.rules").__file__ or "")).read_text(encoding="utf-8")
    names = re.findall(r"Rule\(\s*\"([a-z0-9-]+)\"", source)
    assert len(names) == len(set(names)) == len(RULES)


def test_findings_are_counted_by_level() -> None:
    found = [Finding("first-line", "u", 1, "x"), Finding("gzip", "u", 0, "y"), Finding("cors", "u", 0, "z")]
    assert (count(found, Level.MUST), count(found, Level.SHOULD)) == (1, 2)
