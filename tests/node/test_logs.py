"""Logs: one JSON object a line, no secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from node import logs


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("edge", 1, "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_who_when_and_what(out: io.StringIO) -> None:
    structlog.get_logger("x").info("fill.stored", path="/vod/film/manifest.mpd")
    (line,) = lines(out)
    assert line.pop("time").endswith("Z")
    assert line == {
        "role": "edge",
        "worker": 1,
        "event": "fill.stored",
        "path": "/vod/film/manifest.mpd",
        "level": "info",
    }


@pytest.mark.parametrize(
    "name", ["key", "stream_key", "token", "Authorization", "client_secret", "PASSWORD", "passphrase"]
)
def test_secrets_are_dropped_by_name(out: io.StringIO, name: str) -> None:
    structlog.get_logger("x").warning("refused", **{name: "hunter2", "key_id": "k1"})
    assert "hunter2" not in out.getvalue()
    assert lines(out)[0]["key_id"] == "k1"


def test_a_fault_is_one_line_with_its_traceback(out: io.StringIO) -> None:
    key = "5f2b0c6f9a2d4e11"
    try:
        raise ValueError(f"no such luck with {len(key)}")
    except ValueError:
        structlog.get_logger("x").exception("request.fault")
    (line,) = lines(out)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert key not in out.getvalue(), "a variable's value"


def test_what_libraries_log_has_the_same_form(out: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("Unhandled %s", "thing")
    logging.getLogger("aiohttp.access").info("too chatty")
    (line,) = lines(out)
    assert (line["role"], line["event"], line["logger"]) == ("edge", "Unhandled thing", "aiohttp.server")


def test_a_viewer_who_leaves_is_no_fault(out: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=ConnectionResetError("gone"))
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=ValueError("a bug"))
    (line,) = lines(out)
    assert line["exception"][0]["exc_type"] == "ValueError"


def test_what_is_below_the_level_is_left_out(out: io.StringIO) -> None:
    structlog.get_logger("x").debug("detail")
    assert out.getvalue() == ""


def test_a_reader_that_is_gone_stops_no_role(out: io.StringIO) -> None:
    """The supervisor was killed: standard error is a broken pipe, just while the role drains."""
    import os

    read, write = os.pipe()
    os.close(read)
    logs.set_up("edge", 1, "info", os.fdopen(write, "w", buffering=1))
    structlog.get_logger("y").info("drained")
    logging.getLogger("z").error("drained")
