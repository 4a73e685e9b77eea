"""`headwater asset tracks`: which tracks of an asset viewers get, in the appliance that runs in a home."""

from __future__ import annotations

import argparse
import json
from typing import Any

from node import api_client
from node.api_client import segment
from node.command import OK, home_of, print_json, say
from node.terminal import columns


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("asset", metavar="NAME")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "tracks", nargs="?", metavar="TERM,TERM", help="leave these, such as audio:de,video:<=720: see docs/urls.md"
    )
    chosen.add_argument("--all", action="store_true", help="leave all, whatever the node's default (origin.tracks)")
    chosen.add_argument("--default", action="store_true", help="leave what the node's default leaves")


def run(given: argparse.Namespace) -> int:
    api = api_client.of_home(home_of(given))
    path = f"/api/v1/assets/{segment(given.asset)}/tracks"
    if given.default:
        api.delete(path)
    elif given.all or given.tracks:
        api.put_bytes(path, json.dumps({"tracks": given.tracks or ""}).encode())
    found = api.get(path)
    if given.json:
        print_json(found)
        return OK
    say(_rule(found))
    for line in columns(
        [(name, "") for name in found["kept"]] + [(n, "left out") for n in found["left_out"]], indent=""
    ):
        print(line.rstrip())
    return OK


def _rule(found: dict[str, Any]) -> str:
    whose = "its own" if found["own"] else "this node's (origin.tracks)"
    return f"filter: {found['tracks'] or 'all'}, {whose}"
