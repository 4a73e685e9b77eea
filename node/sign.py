"""`headwater sign URL`: sign what an address chooses (start, end, tracks), with the first key of a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from base import names, select, signing
from base.problems import Problem
from node.command import OK, Fault, print_json
from node.settings import SettingsFault, read

USUAL = "edge.query_keys"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="an address with start, end or tracks, such as .../x.mpd?start=90")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--keys", type=Path, metavar="FILE", help="the file of keys")
    where.add_argument("--config", type=Path, metavar="FILE", help=f"settings whose {USUAL} names it")


def run(given: argparse.Namespace) -> int:
    signed = sign(given.url, _keys(given))
    if given.json:
        print_json({"url": signed})
    else:
        print(signed)
    return OK


def sign(url: str, keys: signing.Keys) -> str:
    """The address with `sig`, its query in the one spelling that counts. Raises Fault."""
    parts = urlsplit(url)
    name = names.parse(parts.path)
    if name is None or not name.public:
        raise Fault(f"{parts.path or url} is no address of a film: take it from the watch page")
    try:
        chosen = select.parse(name.leaf, parts.query, live=name.kind is names.Kind.LIVE)
    except Problem as problem:
        raise Fault(problem.detail) from None
    if chosen.relative:
        raise Fault("give start and end as times, not as seconds before now: what is signed must stay what it means")
    if not chosen:
        raise Fault("there is nothing to sign: add start, end or tracks to the address")
    query = f"{chosen.canonical}&{select.SIGNATURE}={keys.sign(name, chosen.canonical)}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _keys(given: argparse.Namespace) -> signing.Keys:
    path: Path | None = given.keys
    try:
        if path is None:
            named = read(given.config).text(USUAL)
            if not named:
                raise Fault(f"{given.config} does not set {USUAL}")
            path = Path(named)
        return signing.read(path.read_text("ascii"))
    except SettingsFault as fault:
        raise Fault(str(fault)) from None
    except OSError as fault:
        raise Fault(f"cannot read {fault.filename}: {(fault.strerror or str(fault)).lower()}") from None
    except ValueError as fault:  # UnicodeDecodeError is one, and would show what it could not read
        why = "it is not ASCII" if isinstance(fault, UnicodeDecodeError) else fault
        raise Fault(f"{path}: {why}") from None
