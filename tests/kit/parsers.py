"""Playlists and manifests as parsers of others read them: hls-parser and mpd-parser, in one process for all texts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.kit.optional import ROOT, lacks, program

SCRIPT = ROOT / "tests" / "browser" / "parse.mjs"


def parsed(texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By name what tests/browser/parse.mjs makes of each text: `kind`, `uris`, `duration` and more, or a `fault`."""
    node = program("node")
    if not (SCRIPT.parent / "node_modules" / "hls-parser").is_dir():
        lacks("program", "hls-parser is not installed; `make test` does it")
    ran = subprocess.run(
        [node, str(SCRIPT)], input=json.dumps(dict(texts)), capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return found
