"""What holds for the whole suite: in CI a skipped test is a failed one, unless its reason is excused."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

from tests.kit.media import Films
from tests.kit.optional import IN_CI, excused
from tests.kit.sources import Sources

# The same examples everywhere, and no deadline: a busy machine is no fault of the code. To look for new examples, give
# pytest --hypothesis-profile=default.
settings.load_profile("ci")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    report = yield
    if IN_CI:
        fail_if_not_excused(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    report = yield
    if IN_CI:
        fail_if_not_excused(report)
    return report


def fail_if_not_excused(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip without an excuse into a failure; an expected failure (xfail) is no skip."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not excused(reason):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped in CI: {reason}"


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    """`films("bframes")`: the path of a synthetic film (tests/kit/media.py lists them)."""
    return Films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """`sources("h264-aac")`: the path of a film that is no MP4 (tests/kit/sources.py lists them)."""
    return Sources(tmp_path_factory.mktemp("sources"))
