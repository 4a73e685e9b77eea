"""What the path of a pushed object says: which track it belongs to, and which header goes before it (no I/O).

In this order: the path had a header itself (one path a track); `Streams(name)`, the older keyword; the templates of an
announced MPD; what a playlist says (EXT-X-MAP); the names themselves, where just one header fits.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection
from urllib.parse import urlsplit

MAX_PATH = 512
_STREAMS = re.compile(r"(?:^|/)(Streams\([^()/]{1,128}\))", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
# What names of headers and segments have that says nothing of the track.
_PLAIN = frozenset({"init", "header", "segment", "seg", "chunk", "fragment", "frag", "media", "data", "part"})
_MANIFESTS = frozenset({"mpd", "m3u8"})
_MEDIA = frozenset(
    {"cmfv", "cmfa", "cmft", "cmfm", "mp4", "m4s", "m4v", "m4a", "m4f", "init", "header", "ismv", "isma"}
)
_BESIDE = frozenset({"key", "vtt", "webvtt", "jpg", "jpeg", "png", "json", "xml"})


def suffix(path: str) -> str:
    """The letters behind the last dot, small; empty if there is none. `Streams(v.cmfv)` has `cmfv`."""
    name = path.rpartition("/")[2].rstrip(")")
    return name.rpartition(".")[2].lower() if "." in name else ""


def sort(path: str) -> str:
    """manifest, media, ts, beside (keys, subtitles, pictures: stored by nobody), or empty: not taken."""
    ending = suffix(path)
    if ending in _MANIFESTS:
        return "manifest"
    if ending in _MEDIA or not ending:
        return "media"
    if ending == "ts":
        return "ts"
    return "beside" if ending in _BESIDE else ""


def stream(path: str) -> str:
    """What tells the tracks of a session apart: `Streams(name)` if the path has it, else the path itself."""
    found = _STREAMS.search(path)
    return found[1] if found else path


def within(manifest: str, uri: str) -> str:
    """The path of what a manifest at path `manifest` calls `uri`; empty if that lies outside of the session's path."""
    parts = urlsplit(uri)
    if parts.scheme or parts.netloc:
        return ""  # an absolute delivery path: paired by the names instead
    path = posixpath.normpath(posixpath.join(posixpath.dirname(manifest), parts.path))
    return "" if path.startswith(("..", "/")) or path == "." else path


def template(manifest: str, text: str, representation: str) -> tuple[str, re.Pattern[str]]:
    """A SegmentTemplate's @initialization or @media (ISO/IEC 23009-1 5.3.9.4.4) as a path and as a pattern of paths.

    The path is whole only if nothing but the representation is left open. The pattern never goes back over digits:
    it is the source's own, and so are the paths.
    """
    filled = text.replace("$RepresentationID$", representation)
    path = within(manifest, re.sub(r"\$(?:Number|Time|Bandwidth|SubNumber)(?:%0\d{1,2}d)?\$", "\0", filled))
    path = path.replace("$$", "$")
    return path, re.compile("[0-9]++".join(re.escape(part) for part in path.split("\0")))


def nearest(path: str, headers: Collection[str]) -> str:
    """The one header among `headers` whose name fits a segment's name; empty if none or several do.

    `chunk-stream0-00012.m4s` goes with `init-stream0.m4s`: the words that they share, without the segment's number.
    """
    folder = posixpath.dirname(path)
    beside = [header for header in headers if posixpath.dirname(header) == folder]
    if len(beside) == 1:
        return beside[0]
    words = _tokens(path)
    if words and words[-1].isdigit():
        words = words[:-1]
    fitting = [header for header in beside if _tokens(header) == words]
    return fitting[0] if len(fitting) == 1 else ""


def _tokens(path: str) -> list[str]:
    name = path.rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return [word for word in _WORDS.findall(stem.lower()) if word not in _PLAIN]
