"""The page of the `headwater` command's subcommands and options, from the parsers themselves.

Not from `--help`: argparse words and wraps that differently from one Python to the next.
"""

from __future__ import annotations

import argparse
import pkgutil

from node.command import EXIT_CODES, shared_options
from node.main import COMMANDS, Subcommand


def page() -> str:
    lines = [
        "# Commands",
        "",
        "<!-- Made by `make golden`; edit the parsers in the code instead. -->",
        "",
        "`.venv/bin/headwater COMMAND`. Options of all commands stand before or after its name:",
        "",
        *_options(_parser(None)),
    ]
    for row in COMMANDS.values():
        lines += ["", f"## headwater {row.name}", "", f"{row.what[0].upper()}{row.what[1:]}."]
        if row.options:
            lines += ["", *_options(_parser(row))]
    return "\n".join([*lines, "", "## Exit codes", "", "```", *EXIT_CODES.splitlines()[1:], "```", ""])


def _parser(row: Subcommand | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    if row is None:
        shared_options(parser, top=True)
    else:
        pkgutil.resolve_name(row.options)(parser)
    return parser


def _options(parser: argparse.ArgumentParser) -> list[str]:
    rows: list[str] = []
    for action in parser._actions:  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            rows += [_row(_words(name, made), helps.get(name)) for name, made in action.choices.items()]
        elif action.help != argparse.SUPPRESS:
            rows.append(_row(_spelling(action), action.help))
    return ["| option | meaning |", "|---|---|", *rows]


def _words(name: str, made: argparse.ArgumentParser) -> str:
    """`create NAME [--title TITLE]`: a subcommand with what is its own."""
    known = {action.dest for action in _parser(None)._actions} | {"help"}
    own = [action for action in made._actions if action.dest not in known]
    return " ".join([name, *[_spelling(action) if action.required else f"[{_spelling(action)}]" for action in own]])


def _spelling(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else None
    if action.choices and not value:
        value = "|".join(str(choice) for choice in action.choices)
    if not action.option_strings:
        return value or action.dest
    return action.option_strings[-1] + ("" if action.nargs == 0 else f" {value or action.dest.upper()}")


def _row(spelling: str, meaning: str | None) -> str:
    words = spelling.replace("|", "\\|")
    return f"| `{words}` | {meaning or ''} |"
