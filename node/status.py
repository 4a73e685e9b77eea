"""`headwater status`: what runs in a home, from the node's operations endpoint."""

from __future__ import annotations

import argparse
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from node import running
from node.command import FAILED, OK, Fault, home_of, print_json, say
from node.terminal import columns

_ANSWER_S = 5.0


def run(given: argparse.Namespace) -> int:
    home = home_of(given)
    found = running.find(home)
    if found is None:
        if given.json:
            print_json({"running": False, "home": str(home.root)})
        else:
            say(f"no appliance runs in {home.root}: start it with headwater up --home {home.root}")
        return FAILED
    status = _ask(found.urls["ops"])
    well = all(role["state"] == "ready" for role in status["roles"])
    if given.json:
        print_json({"running": True, **status})
    else:
        for line in lines(status):
            print(line)
    return OK if well else FAILED


def lines(status: dict[str, Any]) -> list[str]:
    head = [("home", status["home"]), ("pid", str(status["pid"])), ("up", f"{status['uptime_s']:.0f} s")]
    doors = list(status["urls"].items())
    roles = [
        (
            role["name"],
            f"{role['state']} {role['state_s']:.0f} s, pid {role['pid'] or '-'}, restarts {role['restarts']}",
        )
        for role in status["roles"]
    ]
    return columns([*head, *doors, *roles], indent="")


def _ask(ops: str) -> dict[str, Any]:
    where = urlsplit(ops)
    link = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=_ANSWER_S)
    try:
        link.request("GET", "/status")
        answer = link.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise Fault(f"the supervisor does not answer at {ops} ({fault}): it may be starting or stopping") from fault
    finally:
        link.close()
    return found
