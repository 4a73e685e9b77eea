"""`headwater channel schedule`: what a linear channel of the appliance that runs in a home plays."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from node import api_client
from node.api_client import segment
from node.command import OK, Fault, home_of, print_json, say
from node.terminal import columns

_ASSETS = "/api/v1/assets"
_FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".ts", ".webm", ".flv"})


def options(parser: argparse.ArgumentParser) -> None:
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--loop", nargs="+", metavar="ASSET", help="play these assets over and over")
    chosen.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="play the films of a folder over and over, by name; new ones are added",
    )
    chosen.add_argument("--file", metavar="FILE", help="a schedule as JSON; - reads standard input")
    chosen.add_argument("--none", action="store_true", help="play nothing: encoders publish again")
    parser.add_argument(
        "--slate", metavar="ASSET", help="with --loop or --folder: what is shown where an asset cannot be played"
    )


def run(given: argparse.Namespace) -> int:
    api = api_client.of_home(home_of(given))
    path = f"/api/v1/channels/{segment(given.channel)}/schedule"
    if given.none:
        api.delete(path)
        if given.json:
            print_json({"items": []})
        else:
            print(f"{given.channel} plays nothing")
        return OK
    if given.loop or given.folder:
        assets = given.loop or _of_folder(api, given.folder)
        wanted = {"items": [{"asset": asset} for asset in assets], "loop": True}
        found = api.put_bytes(path, json.dumps(wanted | ({"slate": given.slate} if given.slate else {})).encode())
    elif given.file:
        found = api.put_bytes(path, _read(given.file))
    else:
        found = api.get(path)
    _show(given, found)
    return OK


def _of_folder(api: api_client.Api, folder: Path) -> list[str]:
    """The assets of a folder's films, in the order of their names. A film is known again by its name as title."""
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in _FILMS)
    except OSError as fault:
        raise Fault(f"{folder} cannot be read: {fault.strerror}") from fault
    if not files:
        raise Fault(f"{folder} has no film ({' '.join(sorted(_FILMS))})")
    there = _titles(api)
    assets = []
    for file in files:
        if file.name not in there:
            say(f"adding {file.name}")
            there[file.name] = str(api.upload(_ASSETS, {"title": file.name}, [file], lambda sent, total: None)["asset"])
        assets.append(there[file.name])
    return assets


def _titles(api: api_client.Api) -> dict[str, str]:
    """Assets that can be played, by title."""
    found: dict[str, str] = {}
    following: str | None = ""
    while following is not None:
        page = api.get(f"{_ASSETS}?{urlencode({'cursor': following})}" if following else _ASSETS)
        found |= {row["title"]: row["asset"] for row in page["assets"] if row["state"] == "ready"}
        following = page.get("next")
    return found


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as fault:
        raise Fault(f"{name} cannot be read: {fault.strerror}") from fault


def _show(given: argparse.Namespace, found: dict[str, Any]) -> None:
    if given.json:
        print_json(found)
        return
    for line in columns([(item.get("at", "then"), item["asset"]) for item in found["items"]], indent=""):
        print(line)
    if found.get("loop"):
        print("over and over")
    if not found["items"]:
        say(f"no schedule: headwater channel schedule {given.channel} --loop ASSET ...")
