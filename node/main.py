"""The `headwater` command. Each subcommand's module is loaded when it is asked for, so that all of them start fast."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from node.command import EXIT_CODES, FAILED, OK, Fault, print_json, say, shared_options


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One row of the table. `run` and `options` are spelt `module:function`."""

    name: str
    what: str
    run: str
    options: str = ""


COMMANDS: dict[str, Subcommand] = {
    row.name: row
    for row in (
        Subcommand("up", "run an appliance, or some roles of a fleet", "node.up:run", "node.up:options"),
        Subcommand("add", "add an MP4 file as an asset", "node.catalog:add", "node.catalog:add_options"),
        Subcommand("assets", "list the assets", "node.catalog:assets"),
        Subcommand(
            "asset", "remove an asset, or choose its tracks", "node.catalog:asset", "node.catalog:asset_options"
        ),
        Subcommand(
            "subtitles",
            "add, list, remove or extract subtitles and captions of an asset",
            "node.subtitles:run",
            "node.subtitles:options",
        ),
        Subcommand(
            "marks",
            "show, set or remove chapters, breaks and other marks of an asset",
            "node.marks:run",
            "node.marks:options",
        ),
        Subcommand(
            "channel", "create, list, rekey or remove channels", "node.catalog:channel", "node.catalog:channel_options"
        ),
        Subcommand("status", "show what runs in a home", "node.status:run"),
        Subcommand("check", "check a settings file", "node.check:run", "node.check:options"),
        Subcommand(
            "probe",
            "look at a presentation and say which rules it breaks",
            "node.probe.command:run",
            "node.probe.command:options",
        ),
        Subcommand("sign", "sign what an address chooses: start, end, tracks", "node.sign:run", "node.sign:options"),
        Subcommand("ports", "show the ports table", "node.main:ports", "node.main:ports_options"),
        Subcommand("version", "show the version", "node.main:version"),
    )
}


def main(arguments: Sequence[str] | None = None) -> None:
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The exit code. Argument errors end in SystemExit(2), as argparse does."""
    given = _parser(arguments).parse_args(arguments)
    if given.command is None:
        _parser(()).print_help()
        return OK
    try:
        code = int(_load(COMMANDS[given.command].run)(given))
        sys.stdout.flush()  # here, where a reader that has gone is no fault, not at the interpreter's end
        return code
    except Fault as fault:
        say(f"headwater: {fault}")
        return fault.code
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def ports_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port-base", type=int, default=0, metavar="N", help="the numbers that this base gives")


def ports(given: argparse.Namespace) -> int:
    from node.home import PORTS, port_number
    from node.terminal import columns

    if given.json:
        print_json({name: port_number(name, given.port_base) for name in PORTS})
        return OK
    shown = [
        (f"{row.name}", f"{port_number(row.name, given.port_base):<6} base+{row.offset}  {row.bind:<10} {row.what}")
        for row in PORTS.values()
    ]
    for line in columns(shown, indent=""):
        print(line)
    return OK


def version(given: argparse.Namespace) -> int:
    from importlib.metadata import version as installed

    found = installed("headwater")
    if given.json:
        print_json({"version": found})
    else:
        print(f"headwater {found}")
    return OK


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Options are loaded for the subcommand that is named only."""
    parser = argparse.ArgumentParser(
        prog="headwater",
        description="A media origin and CDN on your own boxes.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared_options(parser, top=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for row in COMMANDS.values():
        made = commands.add_parser(
            row.name,
            help=row.what,
            description=f"{row.what[0].upper()}{row.what[1:]}.",
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        shared_options(made)
        if row.options and row.name in arguments:
            _load(row.options)(made)
    return parser


def _load(where: str) -> Callable[..., Any]:
    module, _, function = where.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main()
