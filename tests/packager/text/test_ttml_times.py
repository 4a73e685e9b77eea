from fractions import Fraction

import pytest

from base.problems import Problem
from packager.text.ttml_times import Times, of_document
from packager.text.ttml_tree import Node


@pytest.mark.rule(
    "TTML2 12.3.1", "time expressions are clock times, with a fraction or frames, or offsets with a metric"
)
@pytest.mark.parametrize(
    "text, ms",
    [
        ("00:00:01", 1000), ("01:00:00.5", 3_600_500), ("00:00:01:12", 1480), ("00:00:01:12.1", 1500),
        ("1.5h", 5_400_000), ("2m", 120_000), ("62.345s", 62_345), ("7ms", 7), ("50f", 2000), ("10t", 1000),
    ],
)  # fmt: skip
def test_times(text: str, ms: int) -> None:
    assert Times(Fraction(25), 2, Fraction(10)).ms(text, 1) == ms


@pytest.mark.parametrize("text", ["", "1", "1:00:00", "00:60:00", "00:00:01,5", "-1s", "1 s", "٣s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Problem, match="line 7"):
        Times().ms(text, 7)


def test_rates_of_a_document() -> None:
    said = {"ttp:frameRate": "30", "ttp:frameRateMultiplier": "1000 1001"}
    times = of_document(Node("tt", 1, said))
    assert times == Times(Fraction(30000, 1001), 1, Fraction(30000, 1001))
    assert of_document(Node("tt", 1, {})) == Times(Fraction(30), 1, Fraction(1))
    assert of_document(Node("tt", 1, {"ttp:tickRate": "10000000"})).ms("25000000t", 1) == 2500


@pytest.mark.parametrize("said", [{"ttp:frameRate": "0"}, {"ttp:frameRate": "x"}, {"ttp:frameRateMultiplier": "1"}])
def test_rates_that_are_none(said: dict[str, str]) -> None:
    with pytest.raises(Problem, match="line 4: ttp:frameRate"):
        of_document(Node("tt", 4, said))
