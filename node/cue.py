"""`headwater channel cue`: begin or end a break of a live channel of the appliance that runs in a home."""

from __future__ import annotations

import argparse
from typing import Any

from node import api_client
from node.api_client import segment
from node.command import OK, home_of, print_json, say
from node.terminal import columns


def options(parser: argparse.ArgumentParser) -> None:
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--out", type=_seconds, nargs="?", const=0.0, metavar="SECONDS", help="a break begins; it ends after SECONDS"
    )
    chosen.add_argument("--in", dest="back", action="store_true", help="the break that is on ends")
    chosen.add_argument("--section", metavar="BASE64", help="what this splice_info_section of SCTE 35 says")
    chosen.add_argument("--cancel", type=int, metavar="EVENT", help="a splice that has not begun does not come")
    parser.add_argument("--at", default="now", metavar="TIME", help="such as 2026-12-31T18:00:00Z; without it: now")
    parser.add_argument("--event", type=int, metavar="NUMBER", help="of the break; the same again is the same splice")


def run(given: argparse.Namespace) -> int:
    api = api_client.of_home(home_of(given))
    path = f"/api/v1/channels/{segment(given.channel)}/cues"
    if given.cancel is not None:
        api.delete(f"{path}/{given.cancel}")
        if given.json:
            print_json({"event": given.cancel, "cancelled": True})
        else:
            print(f"cancelled {given.cancel}")
        return OK
    if given.out is None and not given.back and given.section is None:
        return _list(given, api.get(path)["cues"])
    if given.section is not None:
        wanted: dict[str, Any] = {"section": given.section}
    else:
        wanted = {"action": "in" if given.back else "out"} | ({"duration": given.out} if given.out else {})
    if given.event is not None:
        wanted["event"] = given.event
    made = api.post(path, wanted | {"at": given.at})
    if given.json:
        print_json(made)
    else:
        print(_line(made))
    return OK


def _list(given: argparse.Namespace, found: list[dict[str, Any]]) -> int:
    if given.json:
        print_json(found)
        return OK
    for line in columns([(cue["at"], _line(cue)) for cue in found], indent=""):
        print(line)
    if not found:
        say(f"no splices: headwater channel cue {given.channel} --out 30")
    return OK


def _line(cue: dict[str, Any]) -> str:
    lasts = "" if cue["duration"] is None else f" for {cue['duration']:g} s"
    return f"{cue['action']} {cue['event']} at {cue['at']}{lasts}"


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 86_400:
        raise argparse.ArgumentTypeError("give seconds, above 0 and at most a day")
    return found
