"""Rules of the HTTP answers that carry playlists and media."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from node.probe.rules import Finding

_PLAYLIST_TYPES = frozenset({"application/vnd.apple.mpegurl", "audio/mpegurl", "application/x-mpegurl"})
_MEDIA_TYPES = {
    "mp4": ("video/", "audio/", "application/mp4"),
    "ts": ("video/mp2t",),
    "vtt": ("text/vtt",),
    "audio": ("audio/",),
    "image": ("image/",),
}
_LARGE = 4096
_AGE = re.compile(r"(?:^|[,\s])(s-maxage|max-age)\s*=\s*\"?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One GET. `url` is where it ended, `fields` have lower-case names; times in s (monotonic) and ms (UTC)."""

    url: str
    status: int
    fields: Mapping[str, str]
    body: bytes
    began: float = 0.0
    ended: float = 0.0
    now_ms: int = 0
    redirected: bool = False

    @property
    def ok(self) -> bool:
        return self.status in (200, 206)

    @property
    def type(self) -> str:
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()


def lifetime(fields: Mapping[str, str]) -> int | None:
    """Seconds for which a shared cache may keep it (RFC 9111 4.2.1); 0 for no-store and no-cache; None: not said."""
    text = fields.get("cache-control", "").lower()
    if re.search(r"\b(no-store|no-cache|private)\b", text):
        return 0
    said = {hit[1]: int(hit[2]) for hit in _AGE.finditer(text)}
    return said.get("s-maxage", said.get("max-age"))


def playlist(answer: Answer) -> Iterator[Finding]:
    path = urlsplit(answer.url).path.lower()
    if answer.type not in _PLAYLIST_TYPES and not path.endswith((".m3u8", ".m3u")):
        yield Finding("playlist-type", answer.url, 0, answer.type or "no Content-Type", "application/vnd.apple.mpegurl")
    yield from cors(answer)
    if len(answer.body) > _LARGE and "content-encoding" not in answer.fields:
        yield Finding("gzip", answer.url, 0, f"{len(answer.body)} bytes, not compressed")


def live(answer: Answer, target: float, *, blocking: bool) -> Iterator[Finding]:
    """B.1: half a target duration for a plain reload (at least a second), six for a blocking one."""
    kept = lifetime(answer.fields)
    limit = 6 * target if blocking else max(1.0, 0.5 * target)
    if kept is None or kept > limit:
        said = "no lifetime" if kept is None else f"{kept} s"
        yield Finding("cache-playlist", answer.url, 0, f"{said}, {'blocking' if blocking else 'plain'}", f"{limit:g} s")


def cors(answer: Answer) -> Iterator[Finding]:
    if not answer.fields.get("access-control-allow-origin"):
        yield Finding("cors", answer.url, 0, "no Access-Control-Allow-Origin")


def media(answer: Answer, form: str, target: float) -> Iterator[Finding]:
    """`form`: mp4, ts, vtt, audio or image."""
    if answer.redirected:
        yield Finding("redirect-media", answer.url, 0, "redirected")
    if not answer.type.startswith(_MEDIA_TYPES[form]):
        yield Finding("media-type", answer.url, 0, answer.type or "no Content-Type", " or ".join(_MEDIA_TYPES[form]))
    kept = lifetime(answer.fields)
    if kept is not None and kept < 6 * target:
        yield Finding("cache-media", answer.url, 0, f"{kept} s", f"{6 * target:g} s")
    yield from cors(answer)
