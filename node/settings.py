"""Settings: one table that carries its own documentation, read from a TOML file, checked as a whole.

`headwater check FILE`, `--help`, `docs/reference/settings.md` and the values that roles see all come from TABLE.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from base import select
from base.problems import Problem

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One entry. `type`: str, int, bool, bytes (int with k, M, G), listen, url, widths (a list) or grid (5x5)."""

    name: str
    type: str
    default: Value
    unit: str
    meaning: str
    least: int | None = None
    most: int | None = None


TABLE: dict[str, Setting] = {
    row.name: row
    for row in (
        Setting("node.name", "str", "", "", "how logs and metrics call this node; empty: the host's name"),
        Setting("log.level", "str", "info", "", "debug, info, warning or error"),
        Setting("drain.seconds", "int", 2, "s", "how long a stopping role lets open requests finish", 0, 600),
        Setting("edge.listen", "listen", "", "", "address for viewers; empty: the ports table"),
        Setting(
            "edge.upstream",
            "url",
            "",
            "",
            "where misses go: http://host:port or unix:/path; empty: this box's origin",
        ),
        Setting("edge.workers", "int", 0, "", "worker processes; 0: one per core", 0, 256),
        Setting(
            "edge.query_keys",
            "str",
            "",
            "",
            "file of keys that start, end and tracks in an address must be signed with; empty: anybody may choose",
        ),
        Setting(
            "edge.names_only",
            "bool",
            False,
            "",
            "edge.upstream is a Headwater origin and nothing else: refuse what is no name of one",
        ),
        Setting("edge.host", "str", "", "", "Host towards edge.upstream; empty: as viewers say, and part of the key"),
        Setting("edge.negative", "int", 0, "s", "how long 404 and the like are kept that say nothing of it", 0, 86400),
        Setting(
            "edge.stale",
            "int",
            0,
            "s",
            "how long what an origin of any kind said may be given past its time while upstream fails or is away, "
            "where the answer says nothing of it",
            0,
            31_536_000,
        ),
        Setting(
            "edge.request_directives",
            "bool",
            True,
            "",
            "heed Cache-Control of viewers of any origin (no-cache, max-age ...); of names it is never heeded",
        ),
        Setting(
            "edge.trust_forwarded",
            "bool",
            False,
            "",
            "keep what viewers say in Forwarded and X-Forwarded-*: a proxy of yours stands in front",
        ),
        Setting("edge.memory", "bytes", "256M", "bytes", "cached bytes, per worker"),
        Setting("edge.public_url", "url", "", "", "how viewers reach the edge; empty: from the request's host"),
        Setting("origin.listen", "listen", "", "", "a TCP address besides the box's socket; empty: none"),
        Setting("origin.workers", "int", 1, "", "worker processes, which share origin.listen; 0: one per core", 0, 256),
        Setting("origin.segment_target", "int", 4000, "ms", "target duration of on-demand segments", 1000, 20000),
        Setting(
            "origin.segment_last",
            "str",
            "",
            "",
            "an end that is no whole segment: short, long or rounded; empty: as keyframes fall",
        ),
        Setting(
            "origin.segment_bootstrap", "str", "", "ms", "targets of the first segments, such as 1000,2000; empty: none"
        ),
        Setting(
            "origin.clear",
            "bool",
            True,
            "",
            "serve films in the clear as well; false: under a protection such as /~cbcs only",
        ),
        Setting(
            "origin.tracks",
            "str",
            "",
            "",
            "tracks that viewers get of films that say nothing else, as in ?tracks=: video:<=1080,audio:de; empty: all",
        ),
        Setting("origin.key_server", "url", "", "", "where content keys come from, by SPEKE v2; empty: made here"),
        Setting("origin.key_server_headers", "str", "", "", "file of `Name: value` lines to send along: credentials"),
        Setting(
            "origin.key_server_systems",
            "str",
            "widevine,playready,fairplay",
            "",
            "DRM systems that the key server is to speak for",
        ),
        Setting("origin.key_server_timeout", "int", 5, "s", "how long one answer of the key server may take", 1, 60),
        Setting(
            "origin.key_server_certificate", "str", "", "", "PEM file: the server ciphers keys for it; empty: plain"
        ),
        Setting("origin.key_server_private_key", "str", "", "", "PEM file: the RSA key of that certificate"),
        Setting("origin.key_period", "int", 0, "s", "how long a content key is used of a film; 0: all of it", 0, 86400),
        Setting("origin.clear_lead", "int", 0, "s", "how much of a protected film's beginning is clear", 0, 600),
        Setting(
            "origin.clearkey",
            "bool",
            False,
            "",
            "hand out content keys to whoever asks (ClearKey, key files of HLS): for tests, never for content of value",
        ),
        Setting(
            "origin.dash_text",
            "str",
            "wvtt",
            "",
            "subtitles that DASH manifests list: wvtt (WebVTT), stpp (IMSC) or both",
        ),
        Setting("origin.limit_depth", "int", 16, "boxes", "a film with boxes deeper in one another is refused", 8, 64),
        Setting("origin.limit_boxes", "int", 1 << 20, "boxes", "a film with more in a row is refused", 1000, 1 << 26),
        Setting(
            "origin.limit_samples",
            "int",
            1 << 23,
            "samples",
            "a film with more in one track is refused; reading takes some 150 bytes of memory for each",
            1000,
            1 << 28,
        ),
        Setting("origin.limit_moov", "bytes", "512M", "bytes", "a film with a larger index (moov) is refused"),
        Setting("origin.limit_tracks", "int", 64, "tracks", "a film with more is refused", 1, 1000),
        Setting(
            "origin.cue_tags", "bool", False, "", "breaks of channels also as EXT-X-CUE-OUT and -IN, of no standard"
        ),
        Setting("pictures.on", "bool", True, "", "decode pictures for thumbnails and posters, and sound for waveforms"),
        Setting("pictures.workers", "int", 0, "", "threads that decode; 0: one per core", 0, 256),
        Setting("pictures.cache", "bytes", "256M", "bytes", "pictures kept on the origin's disk; the oldest go"),
        Setting(
            "pictures.widths", "widths", "160 320 640 1280", "pixels", "widths that may be asked for; first: thumbnails"
        ),
        Setting("pictures.tiles", "grid", "5x5", "", "columns and rows of a sheet of thumbnails; live: one row of it"),
        Setting("pictures.interval", "int", 10, "s", "from one thumbnail to the next; short films have more", 1, 600),
        Setting(
            "pictures.protected",
            "bool",
            False,
            "",
            "show pictures, which are clear, of films that are served protected",
        ),
        Setting(
            "ingest.origin",
            "url",
            "",
            "",
            "where media is PUT: http://host:port or unix:/path; empty: this box's origin",
        ),
        Setting("ingest.rtmp_listen", "listen", "", "", "address for RTMP encoders; empty: the ports table"),
        Setting(
            "ingest.rtmps_certificate",
            "str",
            "",
            "",
            "PEM file: opens RTMP over TLS; read again when it changes",
        ),
        Setting("ingest.rtmps_key", "str", "", "", "PEM file: that certificate's key; empty: in the same file"),
        Setting("ingest.rtmps_listen", "listen", "", "", "address for RTMP over TLS; empty: the ports table"),
        Setting("ingest.push", "bool", True, "", "take CMAF, DASH and HLS that encoders push over HTTP"),
        Setting("ingest.push_listen", "listen", "", "", "address for pushing encoders; empty: the ports table"),
        Setting(
            "ingest.whip", "bool", True, "", "take publishers over WebRTC (WHIP): browsers, OBS, FFmpeg, GStreamer"
        ),
        Setting("ingest.whip_listen", "listen", "", "", "address for WHIP offers (HTTP); empty: the ports table"),
        Setting("ingest.whip_media", "listen", "", "", "UDP address for the media of WHIP; empty: the ports table"),
        Setting(
            "ingest.whip_public",
            "str",
            "",
            "",
            "where publishers reach ingest.whip_media, such as 203.0.113.7; empty: the address that the offer came to",
        ),
        Setting("ingest.whip_aac", "bool", True, "", "make AAC beside the Opus of WHIP, for players without Opus"),
        Setting("ingest.whip_bitrate", "int", 8000, "kbit/s", "what a WHIP publisher may send at most", 100, 100_000),
        Setting("ingest.srt", "bool", True, "", "take SRT, where the library libsrt is installed (libsrt1.5-gnutls)"),
        Setting("ingest.srt_listen", "listen", "", "", "address for SRT encoders, UDP; empty: the ports table"),
        Setting(
            "ingest.srt_latency",
            "int",
            200,
            "ms",
            "time for lost SRT packets to be sent again, at least; an encoder may ask for more",
            20,
            8000,
        ),
        Setting(
            "ingest.srt_passphrases",
            "str",
            "",
            "",
            "file of `CHANNEL: PASSPHRASE` lines, `*` for all other channels: SRT there must be encrypted with it",
        ),
        Setting("ingest.control", "url", "", "", "where channels are learnt; empty: this box's control"),
        Setting("remux.on", "bool", True, "", "take films that are no MP4, and make CMAF tracks of them"),
        Setting("remux.jobs", "int", 1, "", "films that are remuxed at the same time; more wait", 1, 64),
        Setting("control.listen", "listen", "", "", "address of pages and admin API; empty: the ports table"),
        Setting("control.origin", "url", "", "", "where assets are PUT; empty: this box's origin"),
        Setting("control.edge_url", "url", "", "", "how viewers reach the edge; empty: this host, the edge's port"),
        Setting(
            "control.demo", "bool", False, "", "make the channels that the demo publishes to (`up --demo` sets it)"
        ),
        Setting("control.rtmp_url", "url", "", "", "how encoders reach ingest; empty: this host, the RTMP port"),
        Setting(
            "control.whip_url",
            "url",
            "",
            "",
            "how WHIP publishers reach ingest, such as https://HOST/whip; empty: this host, the WHIP port",
        ),
    )
}

_SIZE = re.compile(r"(\d{1,15})([kMGT]?)")
_SPELT = {"1": True, "true": True, "0": False, "false": False}
_SCALE = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_MILLISECONDS = re.compile(r"[0-9]{3,5}(,[0-9]{3,5}){0,7}")
_LISTEN = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]*):\d{1,5}|unix:/.+")
_URL = re.compile(r"(?:https?|rtmps?)://[^\s/]+(?:/\S*)?|unix:/.+")


class SettingsFault(Exception):
    """A settings file that cannot be used; `faults` are one-line sentences with file and line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force. `given` holds what the file set; everything else is the table's default."""

    given: dict[str, Value] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return str(self._value(name))

    def number(self, name: str) -> int:
        value = self._value(name)
        return size(value) if TABLE[name].type == "bytes" else int(value)

    def flag(self, name: str) -> bool:
        return bool(self._value(name))

    def _value(self, name: str) -> Value:
        return self.given.get(name, TABLE[name].default)

    def merged(self, more: dict[str, Value]) -> Settings:
        return Settings(self.given | more)


def size(value: Value) -> int:
    """`256M` -> 268435456."""
    found = _SIZE.fullmatch(str(value))
    if found is None:
        raise ValueError("give a number of bytes such as 256M")
    return int(found[1]) * _SCALE[found[2]]


def read(path: Path) -> Settings:
    """Raises SettingsFault with every fault in the file, not just the first; OSError if it cannot be read."""
    try:
        text = path.read_bytes().decode()
        tree = tomllib.loads(text)
    except UnicodeDecodeError as fault:
        line = path.read_bytes()[: fault.start].count(b"\n") + 1
        raise SettingsFault([f"{path}:{line}: not UTF-8: save the file as UTF-8 text"]) from fault
    except tomllib.TOMLDecodeError as fault:
        at = re.search(r" \(at line (\d+), column \d+\)", str(fault))
        line = int(at[1]) if at else text.count("\n") + 1
        said = str(fault).partition(" (at ")[0]
        raise SettingsFault([f"{path}:{line}: not TOML: {said}"]) from fault
    given: dict[str, Value] = {}
    faults: list[tuple[int, str]] = []
    for name, value in _flat(tree):
        line = _line_of(text, name)
        if wrong := unknown(name) or fault_of(TABLE[name], value):
            faults.append((line, f"{path}:{line}: {name}: {wrong}"))
        else:
            given[name] = value
    for name, wrong in _clashes(given):
        line = _line_of(text, name)
        faults.append((line, f"{path}:{line}: {name}: {wrong}"))
    if faults:
        raise SettingsFault([sentence for _, sentence in sorted(faults)])
    return Settings(given)


def override(assignment: str) -> dict[str, Value]:
    """`edge.workers=2` as given on a command line -> the setting and its value. Raises SettingsFault."""
    name, equals, text = assignment.partition("=")
    where = f"--set {assignment}"
    if not equals:
        raise SettingsFault([f"{where}: give NAME=VALUE"])
    if wrong := unknown(name):
        raise SettingsFault([f"{where}: {wrong}"])
    value: Value = text
    match TABLE[name].type:
        case "int" if re.fullmatch(r"-?[0-9]{1,18}", text):
            value = int(text)
        case "bool" if text in _SPELT:
            value = _SPELT[text]
    if wrong := fault_of(TABLE[name], value):
        raise SettingsFault([f"{where}: {wrong}"])
    return {name: value}


def unknown(name: str) -> str | None:
    """What is wrong with a setting's name: None if the table has it."""
    if name in TABLE:
        return None
    near = difflib.get_close_matches(name, TABLE, n=1)
    return "no such setting" + (f"; did you mean {near[0]}?" if near else "")


def _clashes(given: dict[str, Value]) -> list[tuple[str, str]]:
    """Listeners that were given one and the same address: the later one is at fault."""
    found: list[tuple[str, str]] = []
    seen: dict[tuple[str, int] | str, str] = {}
    for name, value in given.items():
        if TABLE[name].type != "listen" or not value:
            continue
        address = listen_address(str(value))
        if not isinstance(address, str) and address[1] == 0:
            continue
        if address in seen:
            found.append((name, f"{value} is the address of {seen[address]} too: give each listener its own"))
        seen.setdefault(address, name)
    return found


def fault_of(row: Setting, value: Any) -> str | None:
    """What is wrong with a value, as a sentence that says what to give instead; None if nothing is."""
    match row.type:
        case "int":
            if type(value) is not int:
                return f"give a whole number ({row.unit or 'count'}), not {value!r}"
            if (row.least is not None and value < row.least) or (row.most is not None and value > row.most):
                return f"give a number from {row.least} to {row.most}, not {value}"
        case "bool":
            if type(value) is not bool:
                return f"give true or false, not {value!r}"
        case "bytes":
            if type(value) not in (int, str) or not _SIZE.fullmatch(str(value)):
                return f"give a number of bytes such as 256M, not {value!r}"
        case "listen":
            if not isinstance(value, str) or (value and not _is_listen(value)):
                return f"give an address such as 0.0.0.0:8080 or unix:/run/x.sock, not {value!r}"
        case "widths":
            if not isinstance(value, str) or not widths(value):
                return f"give 1 to 8 rising widths of 16 to 4096 pixels such as 160 320, not {value!r}"
        case "grid":
            if not isinstance(value, str) or not grid(value):
                return f"give columns and rows of 1 to 20 such as 5x5, not {value!r}"
        case "url":
            if not isinstance(value, str) or (value and not _URL.fullmatch(value)):
                return f"give a URL such as http://host:8080 or unix:/path, not {value!r}"
        case _:
            if not isinstance(value, str):
                return f"give a text in quotes, not {value!r}"
            if row.name == "origin.segment_last" and value not in ("", "short", "long", "rounded"):
                return f"give short, long or rounded, not {value!r}"
            if row.name == "origin.segment_bootstrap" and value and not _MILLISECONDS.fullmatch(value):
                return f"give milliseconds with commas, such as 1000,2000, not {value!r}"
            if row.name == "origin.tracks" and value:
                return _terms(value)
            if row.name == "origin.dash_text" and value not in ("wvtt", "stpp", "both"):
                return f"give wvtt, stpp or both, not {value!r}"
            if row.name == "log.level" and value not in ("debug", "info", "warning", "error"):
                return f"give debug, info, warning or error, not {value!r}"
    return None


def _terms(text: str) -> str | None:
    try:
        select.terms(text)
    except Problem as problem:
        return problem.detail
    return None


def _is_listen(text: str) -> bool:
    if not _LISTEN.fullmatch(text):
        return False
    return text.startswith("unix:") or int(text.rpartition(":")[2]) <= 65535


def listen_address(text: str) -> tuple[str, int] | str:
    """`host:port` -> (host, port); `unix:/path` -> "/path"."""
    if text.startswith("unix:"):
        return text[5:]
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "0.0.0.0", int(port)


def widths(text: str) -> tuple[int, ...]:
    """`160 320` -> (160, 320); empty if the text is no such list."""
    found = tuple(int(word) for word in text.split() if re.fullmatch(r"[1-9][0-9]{1,3}", word))
    fits = len(found) == len(text.split()) <= 8 and all(16 <= width <= 4096 for width in found)
    return found if fits and list(found) == sorted(set(found)) else ()


def grid(text: str) -> tuple[int, int] | None:
    """`5x4` -> (5, 4): columns and rows."""
    found = re.fullmatch(r"([1-9]|1[0-9]|20)x([1-9]|1[0-9]|20)", text)
    return (int(found[1]), int(found[2])) if found else None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def workers(settings: Settings, name: str) -> int:
    """How many processes a setting of workers stands for."""
    return settings.number(name) or cores()


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted names and their values. An empty table counts as a value unless settings could stand in it."""
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        table = f"{prefix}{key}."
        if not isinstance(value, dict):
            found.append((prefix + key, value))
        elif value or not any(name.startswith(table) for name in TABLE):
            found += _flat(value, table) or [(prefix + key, value)]
    return found


def _line_of(text: str, name: str) -> int:
    """The line at which `name` is set: its key under its table's header, a dotted key, or else the key or header of
    the table that holds it (an inline table). 1 if none is found."""
    current, holder = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if bare.startswith("[") and bare.endswith("]"):
            here = current = _plain(bare.strip("[]"))
        elif "=" in bare:
            here = f"{current}.{_plain(bare.partition('=')[0])}".strip(".")
        else:
            continue
        if here == name:
            return number
        if name.startswith(f"{here}."):
            holder = number
    return holder


def _plain(key: str) -> str:
    """`edge . "listen"` -> `edge.listen`."""
    return ".".join(element.strip().strip("\"'") for element in key.split("."))
