"""`headwater channel limits`: what a channel's stream key allows its encoder to send."""

from __future__ import annotations

import argparse
import json
from typing import Any

from node import api_client
from node.api_client import segment
from node.command import OK, home_of, print_json
from node.terminal import columns

_KBPS, _LINES, _SECONDS = "kbps", "lines", "seconds"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kbps", type=int, metavar="KBIT/S", help="all tracks together, in 10 s; 0: no limit")
    parser.add_argument("--lines", type=int, metavar="N", help="of a picture's lesser side, such as 1080; 0: no limit")
    parser.add_argument("--minutes", type=int, metavar="MIN", help="that one session may last; 0: no limit")


def run(given: argparse.Namespace) -> int:
    """Change what is given, and show what holds."""
    api = api_client.of_home(home_of(given))
    path = f"/api/v1/channels/{segment(given.channel)}/limits"
    found: dict[str, Any] = api.get(path)
    minutes = None if given.minutes is None else given.minutes * 60
    wanted = {_KBPS: given.kbps, _LINES: given.lines, _SECONDS: minutes}
    if changed := {name: value for name, value in wanted.items() if value is not None}:
        found = api.put_bytes(path, json.dumps(found | changed).encode())
    if given.json:
        print_json(found)
        return OK
    spelt = (
        ("bit rate", found[_KBPS] and f"{found[_KBPS]} kbit/s"),
        ("picture", found[_LINES] and f"{found[_LINES]} lines"),
        ("session", found[_SECONDS] and f"{found[_SECONDS] / 60:g} min"),
    )
    for line in columns([(name, str(value) if value else "no limit") for name, value in spelt]):
        print(line)
    return OK
