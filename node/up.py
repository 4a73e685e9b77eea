"""`headwater up`: run an appliance, or some roles of a larger fleet, until told to stop."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from node import plan as plans
from node import settings, welcome
from node.command import UNUSABLE, Fault, home_of
from node.home import Home
from node.terminal import Screen


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--role",
        action="append",
        choices=plans.BY_NAME,
        help="run only this role (may be given several times); without it: all",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML settings file (see headwater check)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="override one setting (several times)"
    )
    parser.add_argument("--listen", metavar="ADDR", help="with one --role: where it listens, HOST:PORT")
    parser.add_argument("--upstream", metavar="URL", help="with one --role: where it asks or PUTs, http://HOST:PORT")
    parser.add_argument("--workers", metavar="N", help="with --role edge or origin: worker processes")
    parser.add_argument(
        "--port-base", type=int, default=0, metavar="N", help="listen on N, N+1, ... (see headwater ports)"
    )
    parser.add_argument("--demo", action="store_true", help="publish a test channel")
    parser.add_argument("--verbose", action="store_true", help="show the roles' logs here too")


def run(given: argparse.Namespace) -> int:
    import asyncio

    from node.supervisor import Refused, Supervisor

    home = home_of(given)
    try:
        plan = make_plan(given, home)
    except (settings.SettingsFault, OSError) as fault:
        raise Fault(str(fault), UNUSABLE) from fault
    screen = Screen(sys.stderr if given.json else sys.stdout, verbose=given.verbose)
    supervisor = Supervisor(plan, screen, on_ready=lambda: _announce(plan, screen, as_json=given.json))
    screen.line(f"starting {', '.join(plan.roles)} in {home.root}")
    try:
        return asyncio.run(supervisor.run())
    except (Refused, OSError) as fault:
        raise Fault(str(fault), UNUSABLE) from fault


def make_plan(given: argparse.Namespace, home: Home) -> plans.Plan:
    """Raises SettingsFault with everything that is wrong with the command line and the file, OSError without a file."""
    names = list(dict.fromkeys(given.role or plans.FULL))
    overrides = [*given.set]
    overrides += plans.shorthand(names, {"listen": given.listen, "upstream": given.upstream, "workers": given.workers})
    if given.demo:
        names.append("demo")
        overrides.append("control.demo=1")
    chosen = settings.read(given.config) if given.config else settings.Settings()
    for override in overrides:
        chosen = chosen.merged(settings.override(override))
    return plans.make(home, names, chosen, port_base=given.port_base, config=given.config, overrides=overrides)


def _announce(plan: plans.Plan, screen: Screen, *, as_json: bool) -> None:
    if as_json:
        token = _read(plan.home.admin_token_file) if "control" in plan.roles else None
        print(welcome.ready_line(plan, admin_token=token, pid=os.getpid()), flush=True)
        return
    from node.listeners import lan_address

    screen.line()
    for line in welcome.table(plan, stream_keys(plan.home), lan=lan_address()):
        screen.line(line)


def stream_keys(home: Home) -> dict[str, str]:
    """Channel -> stream key, as control keeps them for the operator of this box; empty if it keeps none here."""
    text = _read(home.secrets / "stream-keys.json")
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(channel): str(key) for channel, key in found.items()} if isinstance(found, dict) else {}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
