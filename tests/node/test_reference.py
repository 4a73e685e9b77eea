"""The reference pages."""

import pytest

from base.problems import KINDS
from node import lifecycle, reference
from node.home import PORTS
from node.metrics import TABLE as METRICS
from node.probe.rules import RULES
from node.settings import TABLE as SETTINGS

COUNTS = {
    "settings.md": len(SETTINGS),
    "ports.md": len(PORTS),
    "metrics.md": len(METRICS),
    "problems.md": len(KINDS),
    "lifecycle.md": len(lifecycle.TRANSITIONS),
    "probe.md": len(RULES),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_page_has_one_line_for_each_entry(name: str) -> None:
    rows = [line for line in reference.pages()[name].splitlines() if line.startswith("| ")]
    assert len(rows) == COUNTS[name] + 2
    cells = {line.replace("\\|", "").count("|") for line in rows}
    assert len(cells) == 1, "every row has as many cells as the head"


def test_there_is_a_count_for_every_page() -> None:
    assert set(reference.pages()) == set(COUNTS)


def test_a_page_is_printed_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["ports"]) == 0
    assert capsys.readouterr().out == reference.pages()["ports.md"]
    assert reference.main(["nothing"]) == 2
    assert "settings, ports, metrics" in capsys.readouterr().err


def test_a_counter_is_named_as_it_is_scraped() -> None:
    assert "`headwater_node_restarts_total` | counter | `role`" in reference.metrics_page()
