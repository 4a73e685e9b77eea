"""`headwater subtitles`: subtitles and captions of an asset of the appliance that runs in a home."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from node import api_client
from node.api_client import Api, segment
from node.command import OK, Fault, home_of, print_json, say, shared_options
from node.terminal import columns

# `film.de.srt`, `film.en-GB.vtt`: what people call such files
_LANGUAGE_IN_NAME = re.compile(r".*\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*)\.[A-Za-z0-9]{1,5}")


def options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = _action(actions, "add", "add a WebVTT, SubRip or TTML file to an asset")
    adding.add_argument("file", type=Path, metavar="FILE", help="the text, in any of the three formats")
    adding.add_argument(
        "--language",
        metavar="TAG",
        help="such as de, en-GB or zh-Hant; without it: from FILE.de.srt, or the text's own",
    )
    adding.add_argument("--label", help="what people choose it by; without it: the language")
    adding.add_argument(
        "--captions", action="store_true", help="for who does not hear: sounds and speakers are told too"
    )
    adding.add_argument("--forced", action="store_true", help="only what all must read: signs, other languages")
    adding.add_argument("--default", action="store_true", help="shown unless a viewer chooses otherwise")
    _action(actions, "list", "list the texts of an asset")
    extracting = _action(actions, "extract", "make subtitles of the CEA-608 captions that the picture carries")
    extracting.add_argument("--language", metavar="TAG", help="their language; without it: that of the sound")
    removing = _action(actions, "remove", "remove a text")
    removing.add_argument("track", metavar="TRACK", help="such as s1: see list")


def run(given: argparse.Namespace) -> int:
    api = api_client.of_home(home_of(given))
    match given.action:
        case "add":
            offer = {
                "language": given.language,
                "label": given.label,
                "kind": "captions" if given.captions else "",
                "forced": "1" if given.forced else "",
                "default": "1" if given.default else "",
            }
            found = send(api, given.asset, given.file, **{name: word for name, word in offer.items() if word})
            _show(given, found, [track for track in texts(found) if track["track"] == found["track"]])
            for note in notes(found, str(found["track"])):
                say(f"note: {note}")
        case "list":
            found = api.get(f"/api/v1/assets/{segment(given.asset)}")
            _show(given, {"subtitles": texts(found)}, texts(found))
            if not texts(found):
                say(f"no subtitles: headwater subtitles add {given.asset} FILE")
        case "extract":
            query = f"?language={quote(given.language)}" if given.language else ""
            found = api.post_bytes(f"/api/v1/assets/{segment(given.asset)}/captions{query}", b"")
            _show(given, {"subtitles": texts(found)}, texts(found))
        case "remove":
            api.delete(f"/api/v1/assets/{segment(given.asset)}/subtitles/{segment(given.track)}")
            if given.json:
                print_json({"asset": given.asset, "track": given.track, "removed": True})
            else:
                print(f"removed {given.track} of {given.asset}")
    return OK


def send(api: Api, asset: str, file: Path, **offer: str) -> dict[str, Any]:
    """Add a file; what the API says of the asset, and `track`. Without a language that of its name. Raises Fault."""
    try:
        body = file.read_bytes()
    except OSError as fault:
        raise Fault(f"cannot read {file}: {(fault.strerror or str(fault)).lower()}") from fault
    language = language_of(file.name)
    query = urlencode(({"language": language} if language else {}) | offer)
    found: dict[str, Any] = api.post_bytes(
        f"/api/v1/assets/{segment(asset)}/subtitles" + f"?{query}" * bool(query), body
    )
    return found


def language_of(name: str) -> str:
    """`de` of `film.de.srt`; empty where a name says none."""
    found = _LANGUAGE_IN_NAME.fullmatch(name)
    return found[1] if found else ""


def texts(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The text tracks in an answer about an asset."""
    report = found.get("report") or {}
    return [track for track in report.get("tracks", ()) if track["kind"] == "text"]


def notes(found: dict[str, Any], track: str) -> list[str]:
    """What was said of one text."""
    said = (found.get("report") or {}).get("notes", ())
    return [note for note in said if note.startswith(f"{track}: ")]


def _show(given: argparse.Namespace, value: dict[str, Any], tracks: list[dict[str, Any]]) -> None:
    if given.json:
        print_json(value)
        return
    for line in columns([(str(track["track"]), _line(track)) for track in tracks], indent=""):
        print(line)


def _line(track: dict[str, Any]) -> str:
    flags = [name for name in ("forced", "default") if track.get(name)]
    return "  ".join(filter(None, (track["language"], track["role"], *flags, track.get("label", ""))))


def _action(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(name, help=what, description=what)
    shared_options(made)
    made.add_argument("asset", metavar="ASSET", help="the asset's name: see headwater assets")
    return made
