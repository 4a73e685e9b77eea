"""`headwater check FILE`: every fault of a settings file with its line, or what it changes."""

from __future__ import annotations

import argparse
from pathlib import Path

from node.command import FAILED, OK, Fault, print_json, say
from node.settings import TABLE, SettingsFault, read
from node.terminal import columns


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a TOML settings file")


def run(given: argparse.Namespace) -> int:
    try:
        found = read(given.file)
    except OSError as fault:
        raise Fault(f"cannot read {given.file}: {(fault.strerror or str(fault)).lower()}") from fault
    except SettingsFault as fault:
        if given.json:
            print_json({"ok": False, "faults": fault.faults})
        else:
            for sentence in fault.faults:
                say(sentence)
        return FAILED
    changed = {name: value for name, value in found.given.items() if value != TABLE[name].default}
    if given.json:
        print_json({"ok": True, "settings": len(found.given), "changed": changed})
        return OK
    count = len(found.given)
    print(f"ok: {count} setting{'' if count == 1 else 's'}")
    for line in columns(
        [(name, f"{_spelt(value)}  (default {_spelt(TABLE[name].default)})") for name, value in changed.items()]
    ):
        print(line)
    return OK


def _spelt(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else "empty"
