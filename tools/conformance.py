"""The conformance page: which rule of which standard is shown by which test.

Tests carry `@pytest.mark.rule("RFC 8216bis 4.4.3.1", "every EXTINF ...")`. The marks are read from the source with
`ast`, so that the page can be made without importing, let alone running, a test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One mark. `standard` and `section` are the two halves of its first word group; `test` is `path::name`."""

    standard: str
    section: str
    rule: str
    path: str
    test: str


class MarkFault(Exception):
    """A mark that cannot be read without running the test."""


def collect(tests: Path) -> list[Rule]:
    """All marks below a folder, sorted by standard, section (numerically) and test. Raises MarkFault."""
    found = [
        rule
        for path in sorted(tests.rglob("test_*.py"))
        for rule in _marks(path.read_text(encoding="utf-8"), path.relative_to(tests.parent).as_posix())
    ]
    return sorted(found, key=lambda rule: (rule.standard, _order(rule.section), rule.path, rule.test, rule.rule))


def page(rules: list[Rule]) -> str:
    """The page in Markdown; it stands in docs/reference/."""
    lines = [
        "# Conformance",
        "",
        "Which rule of which standard is shown by which test. Made from the tests' `rule` marks by `make golden`.",
    ]
    standard = ""
    for rule in rules:
        if rule.standard != standard:
            standard = rule.standard
            lines += ["", f"## {standard}", "", "| section | rule | test |", "|---|---|---|"]
        words = rule.rule.replace("|", "\\|")
        lines.append(f"| {rule.section} | {words} | [{rule.test}](../../{rule.path}) |")
    return "\n".join(lines) + "\n"


def _marks(source: str, path: str) -> Iterator[Rule]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
                    yield _rule(mark, path, node.name)


def _rule(mark: ast.Call, path: str, test: str) -> Rule:
    where = f"{path}:{mark.lineno}"
    texts = [arg.value for arg in mark.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if len(texts) != 2 or len(mark.args) != 2 or mark.keywords:
        raise MarkFault(f"{where}: give two literal texts, the standard with its section and the rule")
    standard, _, section = texts[0].rpartition(" ")
    if not standard or not re.fullmatch(r"[0-9A-Z][0-9A-Za-z.-]*", section):
        raise MarkFault(f"{where}: {texts[0]!r} must end with a section, as in 'RFC 9111 4.2.4'")
    return Rule(standard=standard, section=section, rule=texts[1], path=path, test=test)


def _order(section: str) -> tuple[tuple[int, str], ...]:
    """4.4.10 comes after 4.4.9; letters (appendices) after numbers."""
    return tuple((int(word), "") if word.isdecimal() else (1 << 30, word) for word in section.split("."))
