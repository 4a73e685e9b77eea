"""What all subcommands share: the options that stand before or after any of them, the home folder, exit codes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from node.home import Home

OK, FAILED, UNUSABLE = 0, 1, 2
EXIT_CODES = """exit codes:
  0  done, or stopped as asked
  1  it did not work: the sentence on standard error says why and what to do
  2  the command line, a settings file or an address cannot be used
"""


class Fault(Exception):
    """Ends a command with a sentence on standard error."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def shared_options(parser: argparse.ArgumentParser, *, top: bool = False) -> None:
    """--home and --json. Only the top parser sets defaults, so that a subcommand does not undo what stood before it."""
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        default=None if top else argparse.SUPPRESS,
        help="all state of one appliance ($HEADWATER_HOME, else ./headwater-home)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=False if top else argparse.SUPPRESS,
        help="print JSON on standard output, nothing else",
    )


def home_of(given: argparse.Namespace) -> Home:
    chosen = given.home or Path(os.environ.get("HEADWATER_HOME") or "headwater-home")
    return Home(chosen.absolute())


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


def say(text: str) -> None:
    """To people, on standard error: standard output is for results."""
    print(text, file=sys.stderr, flush=True)
