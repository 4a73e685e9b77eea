from pathlib import Path

import pytest

from tools.conformance import MarkFault, collect, page

SOURCE = """
import pytest

@pytest.mark.rule("RFC 1 4.10", "later")
@pytest.mark.rule("RFC 1 4.9", "a | b")
async def test_two() -> None: ...

class TestGroup:
    @pytest.mark.rule("ISO/IEC 14496-12 8.8.7", "joined "
        "words")
    def test_in_a_class(self) -> None: ...
"""


def rules_of(folder: Path, source: str) -> str:
    tests = folder / "tests"
    tests.mkdir()
    (tests / "test_x.py").write_text(source)
    return page(collect(tests))


def test_marks_are_sorted_by_standard_and_section(tmp_path: Path) -> None:
    made = rules_of(tmp_path, SOURCE)
    rows = [line for line in made.splitlines() if line.startswith(("##", "| 4", "| 8"))]
    assert rows == [
        "## ISO/IEC 14496-12",
        "| 8.8.7 | joined words | [test_in_a_class](../../tests/test_x.py) |",
        "## RFC 1",
        "| 4.9 | a \\| b | [test_two](../../tests/test_x.py) |",
        "| 4.10 | later | [test_two](../../tests/test_x.py) |",
    ]


@pytest.mark.parametrize(
    "mark",
    ['("RFC 1 4.1")', '(NAME, "rule")', '("RFC", "rule")', '("RFC 1 4.1", "rule", more="x")', '("RFC 1 four!", "x")'],
)
def test_a_mark_that_cannot_be_read_is_named_by_its_line(tmp_path: Path, mark: str) -> None:
    with pytest.raises(MarkFault, match=r"tests/test_x\.py:2"):
        rules_of(tmp_path, f"import pytest\n@pytest.mark.rule{mark}\ndef test_x(): ...\n")
