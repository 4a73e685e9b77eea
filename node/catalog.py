"""`headwater add`, `assets`, `asset` and `channel`: the catalog of the appliance that runs in a home."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from node import api_client
from node.api_client import segment
from node.command import OK, Fault, home_of, print_json, say
from node.terminal import columns

_ASSETS, _CHANNELS = "/api/v1/assets", "/api/v1/channels"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="an MP4 file")
    parser.add_argument("--title", help="what people read; without it: the file's name")


def asset_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _one(actions, "remove", "asset", "remove an asset and its files")


def channel_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _one(actions, "create", "channel", "create a channel: a-z, 0-9 and inner hyphens").add_argument("--title")
    _action(actions, "list", "list the channels")
    _one(actions, "key", "channel", "make a new stream key; the old one ends")
    _one(actions, "remove", "channel", "remove a channel and its recording")


def add(given: argparse.Namespace) -> int:
    file: Path = given.file
    if not file.is_file():
        raise Fault(f"{file} is not a file" if file.exists() else f"{file} does not exist")
    api = api_client.of_home(home_of(given))
    query = {"filename": file.name} | ({"title": given.title} if given.title else {})
    try:
        found = api.upload(_ASSETS, query, file, _progress(file.name))
    except OSError as fault:
        raise Fault(f"cannot read {file}: {(fault.strerror or str(fault)).lower()}") from fault
    _show(given, found, ("asset", "title"), notes=(found.get("report") or {}).get("notes", ()))
    return OK


def assets(given: argparse.Namespace) -> int:
    _list(given, _ASSETS, "asset", "no assets: headwater add FILE")
    return OK


def asset(given: argparse.Namespace) -> int:
    found = api_client.of_home(home_of(given)).delete(f"{_ASSETS}/{segment(given.asset)}")
    _done(given, found, {"asset": given.asset, "removed": True}, f"removed {given.asset}")
    return OK


def channel(given: argparse.Namespace) -> int:
    match given.action:
        case "list":
            _list(given, _CHANNELS, "channel", "no channels: headwater channel create NAME")
            return OK
        case "create":
            made = api_client.of_home(home_of(given)).post(
                _CHANNELS, {"channel": given.channel, "title": given.title or given.channel}
            )
            _show(given, made, ("channel", "title"))
        case "key":
            path = f"{_CHANNELS}/{segment(given.channel)}/keys"
            _show(given, api_client.of_home(home_of(given)).post(path, {}), ("channel",))
        case "remove":
            path = f"{_CHANNELS}/{segment(given.channel)}"
            found = api_client.of_home(home_of(given)).delete(path)
            _done(given, found, {"channel": given.channel, "removed": True}, f"removed {given.channel}")
    return OK


def rows(found: dict[str, Any], first: tuple[str, ...]) -> list[tuple[str, str]]:
    """What an answer of the API says, line by line: its names, how to publish, where to watch."""
    shown = [(name, str(found[name])) for name in first if found.get(name)]
    publish, manifests = found.get("publish") or {}, found.get("manifests") or {}
    shown += [
        (label, str(publish[name])) for name, label in (("url", "publish"), ("key", "stream key")) if name in publish
    ]
    shown += [(name.upper(), str(url)) for name, url in manifests.items()]
    if found.get("watch"):
        shown.append(("watch", str(found["watch"])))
    return shown


def _show(given: argparse.Namespace, found: dict[str, Any], first: tuple[str, ...], notes: Any = ()) -> None:
    if given.json:
        print_json(found)
        return
    for line in columns(rows(found, first), indent=""):
        print(line)
    for note in notes:
        say(f"note: {note}")


def _done(given: argparse.Namespace, found: Any, otherwise: dict[str, Any], sentence: str) -> None:
    if given.json:
        print_json(found or otherwise)
    else:
        print(sentence)


def _list(given: argparse.Namespace, path: str, what: str, none: str) -> None:
    api = api_client.of_home(home_of(given))
    entries: list[dict[str, Any]] = []
    following: str | None = ""
    while following is not None:  # an answer holds one page, and says where the next one begins
        found = api.get(f"{path}?{urlencode({'cursor': following})}" if following else path)
        entries += found[f"{what}s"]
        following = found.get("next")
    if given.json:
        print_json({f"{what}s": entries})
        return
    for line in columns([(str(entry[what]), _line(entry)) for entry in entries], indent=""):
        print(line)
    if not entries:
        say(none)


def _line(entry: dict[str, Any]) -> str:
    state = f"[{entry['state']}] " if entry.get("state") else ""
    return f"{state}{entry.get('title', '')}  {entry.get('watch', '')}".strip()


def _progress(name: str) -> api_client.Progress:
    """One line on a terminal that counts up; silent elsewhere."""
    if not sys.stderr.isatty():
        return lambda sent, total: None
    shown = -1

    def show(sent: int, total: int) -> None:
        nonlocal shown
        percent = 100 * sent // total if total else 100
        if percent != shown:
            shown = percent
            end = "\n" if sent >= total else ""
            print(f"\r\x1b[Ksending {name}: {percent} %", end=end, file=sys.stderr, flush=True)

    return show


def _action(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    from node.command import shared_options

    made: argparse.ArgumentParser = actions.add_parser(name, help=what, description=what)
    shared_options(made)
    return made


def _one(actions: Any, name: str, what: str, sentence: str) -> argparse.ArgumentParser:
    made = _action(actions, name, sentence)
    made.add_argument(what, metavar="NAME")
    return made
