"""`headwater marks`: chapters, breaks and other marks of an asset of the appliance that runs in a home."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from node import api_client
from node.api_client import segment
from node.command import OK, Fault, home_of, print_json, say
from node.terminal import columns


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("asset", metavar="ASSET", help="the asset's name: see headwater assets")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "file", type=Path, nargs="?", metavar="FILE.json", help="set these marks instead of what is there"
    )
    chosen.add_argument("--remove", action="store_true", help="remove all marks")


def run(given: argparse.Namespace) -> int:
    api = api_client.of_home(home_of(given))
    path = f"/api/v1/assets/{segment(given.asset)}/marks"
    if given.remove:
        api.delete(path)
        if given.json:
            print_json([])
        else:
            print(f"removed the marks of {given.asset}")
        return OK
    if given.file is not None:
        try:
            body = given.file.read_bytes()
        except OSError as fault:
            raise Fault(f"cannot read {given.file}: {(fault.strerror or str(fault)).lower()}") from fault
        found = api.put_bytes(path, body)
    else:
        found = api.get(path)
    if given.json:
        print_json(found)
        return OK
    for line in columns([(clock(mark["start"]), _line(mark)) for mark in found], indent=""):
        print(line)
    if not found:
        say(f"no marks: headwater marks {given.asset} FILE.json")
    return OK


def clock(seconds: float) -> str:
    """`1:02:03.250`."""
    minutes, ms = divmod(round(seconds * 1000), 60_000)
    rest = f"{ms // 1000:02d}" + (f".{ms % 1000:03d}" if ms % 1000 else "")
    return f"{minutes // 60}:{minutes % 60:02d}:{rest}"


def _line(mark: dict[str, Any]) -> str:
    lasts = f"{mark['duration']:g} s" if mark.get("duration") is not None else ""
    return "  ".join(filter(None, (mark["id"], mark["kind"], lasts, mark.get("title", ""))))
