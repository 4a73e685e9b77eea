"""`headwater add`, `assets`, `asset` and `channel`: the catalog of the appliance that runs in a home."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from node import api_client, cue, harvest, limits, schedule, subtitles, track_filter
from node.api_client import segment
from node.command import OK, Fault, home_of, print_json, say
from node.terminal import columns

_ASSETS, _CHANNELS = "/api/v1/assets", "/api/v1/channels"
# As the API calls what encoders need, and as it is shown.
_PUBLISH = (
    ("url", "publish"),
    ("rtmps", "RTMPS"),
    ("srt", "SRT"),
    ("whip", "WHIP"),
    ("push", "push"),
    ("key", "stream key"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, nargs="+", metavar="FILE", help="a film; or its renditions and languages, a file each"
    )
    parser.add_argument("--title", help="what people read; without it: the first file's name")
    parser.add_argument("--segment", type=_seconds, metavar="SECONDS", help="target duration of segments")
    parser.add_argument(
        "--last", choices=("short", "long", "rounded"), help="an end that is no whole segment: a short one, or joined"
    )
    parser.add_argument(
        "--bootstrap", type=_durations, metavar="SECONDS,...", help="targets of the first segments, for a fast start"
    )
    parser.add_argument(
        "--subtitles",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a text to go with it, called like film.de.srt for its language; may be given again",
    )
    parser.add_argument("--cmaf", action="store_true", help="store MP4 files as a CMAF mezzanine, as other files are")


def asset_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _one(actions, "remove", "asset", "remove an asset and its files")
    track_filter.options(_action(actions, "tracks", "show or choose which tracks of an asset viewers get"))


def channel_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = _one(actions, "create", "channel", "create a channel: a-z, 0-9 and inner hyphens")
    create.add_argument("--title")
    create.add_argument("--splices", action="store_true", help="let segments be longer where a splice needs it")
    create.add_argument("--interstitials", default="", metavar="URL", help="where players ask what to show in a break")
    source = "fetch its media from this address (udp://, rtp://, http://) instead; - reads it from standard input"
    create.add_argument("--source", default="", metavar="URL", help=source)
    change = _one(actions, "set", "channel", "change a channel")
    change.add_argument("--source", required=True, metavar="URL", help=f"{source}; '' for encoders to publish again")
    _action(actions, "list", "list the channels")
    harvest.options(_one(actions, "harvest", "channel", "make a film of what a channel sent between two times"))
    _one(actions, "key", "channel", "make a new stream key; the old one ends")
    _one(actions, "remove", "channel", "remove a channel and its recording")
    limits.options(_one(actions, "limits", "channel", "what its encoder may send: show it, or change it"))
    schedule.options(_one(actions, "schedule", "channel", "play films on a channel: a schedule, or what it is now"))
    cue.options(_one(actions, "cue", "channel", "begin or end a break of a live channel"))


def add(given: argparse.Namespace) -> int:
    files: list[Path] = given.file
    for file in [*files, *given.subtitles]:
        if not file.is_file():
            raise Fault(f"{file} is not a file" if file.exists() else f"{file} does not exist")
    api = api_client.of_home(home_of(given))
    words = {"title": given.title, "target_ms": given.segment, "last": given.last, "bootstrap": given.bootstrap}
    query = {name: word for name, word in words.items() if word} | ({"cmaf": "1"} if given.cmaf else {})
    shown = files[0].name if len(files) == 1 else f"{len(files)} files"
    try:
        found = api.upload(_ASSETS, query, files, _progress(shown))
    except OSError as fault:
        raise Fault(f"cannot read {fault.filename or shown}: {(fault.strerror or str(fault)).lower()}") from fault
    for text in given.subtitles:
        try:
            found |= subtitles.send(api, found["asset"], text)
        except Fault as fault:
            raise Fault(f"{found['asset']} was added, {text.name} was not: {fault}") from fault
    report = found.get("report") or {}
    _show(given, found, ("asset", "title"), notes=report.get("notes", ()), more=renditions(report))
    return OK


def renditions(report: dict[str, Any]) -> list[tuple[str, str]]:
    """What was found of each rendition and of sound, if anything was: `switchable: no, because ...`."""
    verdicts = {str(found["track"]): found for found in report.get("alignments", ())}
    if not verdicts and len(report.get("files", ())) < 2:
        return []
    shown = []
    for track in report.get("tracks", ()):
        what = f"{track['width']}x{track['height']}" if track["kind"] == "video" else str(track["language"])
        shown.append((str(track["track"]), f"{what}, {track['codec']}{_verdict(verdicts.pop(track['track'], None))}"))
    shown += [(name, f"{found['file'] or 'left out'}{_verdict(found)}") for name, found in verdicts.items()]
    return shown


def _verdict(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if not found["switchable"]:
        return f"; switchable: no, because {found['because']}"
    return f"; {found['because']}" if found["because"] else "; switchable: yes"


def _seconds(text: str) -> str:
    """Seconds as words of a query: ms."""
    try:
        value = round(float(text) * 1000)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"give seconds, not {text}")
    return str(value)


def _durations(text: str) -> str:
    return ",".join(_seconds(word) for word in text.split(","))


def assets(given: argparse.Namespace) -> int:
    _list(given, _ASSETS, "asset", "no assets: headwater add FILE")
    return OK


def asset(given: argparse.Namespace) -> int:
    if given.action == "tracks":
        return track_filter.run(given)
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
                _CHANNELS,
                {
                    "channel": given.channel,
                    "title": given.title or given.channel,
                    "splices": given.splices,
                    "interstitials": given.interstitials,
                    "source": _source(given.source),
                },
            )
            _show(given, made, ("channel", "title"))
        case "key":
            path = f"{_CHANNELS}/{segment(given.channel)}/keys"
            _show(given, api_client.of_home(home_of(given)).post(path, {}), ("channel",))
        case "set":
            _set_source(given, _source(given.source))
        case "cue":
            return cue.run(given)
        case "harvest":
            _show(given, harvest.run(given), ("asset", "title"))
        case "limits":
            return limits.run(given)
        case "schedule":
            return schedule.run(given)
        case "remove":
            path = f"{_CHANNELS}/{segment(given.channel)}"
            found = api_client.of_home(home_of(given)).delete(path)
            _done(given, found, {"channel": given.channel, "removed": True}, f"removed {given.channel}")
    return OK


def _source(text: str) -> str:
    """An address may hold a secret, which other users could read in a list of processes."""
    if text != "-":
        return text
    if not (found := sys.stdin.readline().strip()):
        raise Fault("standard input holds no address")
    return found


def _set_source(given: argparse.Namespace, url: str) -> None:
    api = api_client.of_home(home_of(given))
    path = f"{_CHANNELS}/{segment(given.channel)}/source"
    if url:
        api.put_bytes(path, json.dumps({"url": url}).encode())
        _done(given, {"channel": given.channel, "url": url}, {}, f"{given.channel} is fetched by this node")
    else:
        api.delete(path)
        _done(given, {"channel": given.channel, "url": ""}, {}, f"{given.channel} is for encoders to publish")


def rows(found: dict[str, Any], first: tuple[str, ...]) -> list[tuple[str, str]]:
    """What an answer of the API says, line by line: its names, how to publish, where to watch."""
    shown = [(name, str(found[name])) for name in first if found.get(name)]
    publish, manifests = found.get("publish") or {}, found.get("manifests") or {}
    shown += [(label, str(publish[name])) for name, label in _PUBLISH if name in publish]
    shown += [(name.upper(), str(url)) for name, url in manifests.items()]
    if found.get("watch"):
        shown.append(("watch", str(found["watch"])))
    return shown


def _show(
    given: argparse.Namespace, found: dict[str, Any], first: tuple[str, ...], notes: Any = (), more: Any = ()
) -> None:
    if given.json:
        print_json(found)
        return
    for line in columns([*rows(found, first), *more], indent=""):
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
    apart = "" if (entry.get("report") or {}).get("switchable", True) else "  (not switchable)"
    return f"{state}{entry.get('title', '')}{apart}  {entry.get('watch', '')}".strip()


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
