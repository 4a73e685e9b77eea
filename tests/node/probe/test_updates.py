"""A manifest over time."""

import pytest

from node.probe import updates
from node.probe.rules import Finding
from tests.node.probe.manifests import DYNAMIC, NOW, made
from tests.node.probe.pairs import Cases, pair, shows

LATER = ('publishTime="2026-01-01T00:01:00Z"', 'publishTime="2026-01-01T00:01:02Z"')
MOVED = (*LATER, 'startNumber="20"', 'startNumber="21"', 't="40000"', 't="42000"')


def update(*edits: str, changed: bool = True) -> list[Finding]:
    return list(updates.check(made(DYNAMIC), made(DYNAMIC, *edits), changed=changed, now=NOW))


CASES: Cases = {
    "update-identity": pair(update(*MOVED), update(*MOVED, 'start="PT0S"', 'start="PT1S"')),
    "update-publish": pair(update(*MOVED), update(*MOVED[2:])),
    "update-segment": pair(update(*MOVED), update(*LATER, 't="40000"', 't="40040"')),
    "update-late": pair(updates.late(5.9, 2.0, made(DYNAMIC)), updates.late(6.1, 2.0, made(DYNAMIC))),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_the_same_manifest_again_breaks_nothing() -> None:
    assert update(changed=False) == [] and update(*MOVED) == []


def test_publish_time_never_falls() -> None:
    found = update(LATER[0], LATER[0].replace("01:00Z", "00:59Z"), changed=False)
    assert [finding.rule for finding in found] == ["update-publish"]


@pytest.mark.parametrize(
    "edits",
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        ('<AdaptationSet id="0"', '<AdaptationSet id="1"'),
        ('Representation id="v1"', 'Representation id="v2"'),
        ('timescale="1000"', 'timescale="1000" presentationTimeOffset="5"'),
        ("<Period", '<Period id="px" start="PT0S"/><Period'),
    ],
)
def test_more_that_stays(edits: tuple[str, str]) -> None:
    assert "update-identity" in {finding.rule for finding in update(*LATER, *edits)}


def test_periods_leave_in_front_and_come_at_the_end() -> None:
    assert update(*LATER, "</Period>", '</Period><Period id="p1" start="PT60S"/>') == []
    first = '<Period id="old" start="PT0S"/><Period id="p0" start="PT10S"'
    before = made(DYNAMIC, '<Period id="p0" start="PT0S"', first)
    after = made(DYNAMIC, *LATER, 'start="PT0S"', 'start="PT10S"')
    assert list(updates.check(before, after, changed=True, now=NOW)) == []
    again = made(DYNAMIC, *LATER, '<Period id="p0" start="PT0S"', first)
    assert {f.rule for f in updates.check(after, again, changed=True, now=NOW)} == {"update-identity", "update-publish"}
