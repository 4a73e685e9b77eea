"""Refused uploads are counted by kind, and a full disk is a Problem that says what to do."""

import errno
from pathlib import Path

import pytest

from base.problems import Problem
from node.home import Home
from node.process import Context
from node.settings import Settings
from origin import refusals


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(role="origin", home=Home(tmp_path), settings=Settings({}))


def test_a_refusal_is_counted_and_goes_on(ctx: Context) -> None:
    with pytest.raises(Problem, match="no such asset"), refusals.counted(ctx, "film", "the marks"):
        raise Problem("unknown", "no such asset")
    assert ctx.metrics.value("origin_refused", kind="unknown") == 1


def test_a_full_disk_is_busy(ctx: Context) -> None:
    with pytest.raises(Problem) as raised, refusals.counted(ctx, "film", "the marks"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.kind.name == "busy"
    assert raised.value.detail == "the origin cannot store the marks: No space left on device"
    assert ctx.metrics.value("origin_refused", kind="busy") == 1


def test_what_is_stored_counts_nothing(ctx: Context) -> None:
    with refusals.counted(ctx, "film", "the marks"):
        pass
    assert ctx.metrics.value("origin_refused", kind="busy") == 0
