"""Rules of a playlist's text: encoding, attribute lists, versions (RFC 8216bis 4.1, 4.2, 4.4, 8)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from node.probe.playlist import Document, Tag, pairs
from node.probe.rules import Finding
from node.probe.tags import SHAPES, TYPES

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NAME = re.compile(r"[A-Z0-9-]+")
_FREE = ("str", "empty", "hex", "sdec")  # X-<client attribute> of EXT-X-DATERANGE (4.4.5.1)


def encoding(body: bytes, url: str) -> Iterator[Finding]:
    """Of the bytes as they came, before they are read."""
    if body.startswith(b"\xef\xbb\xbf"):
        yield Finding("text-encoding", url, 1, "a byte order mark")
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        yield Finding(
            "text-encoding", url, body.count(b"\n", 0, fault.start) + 1, f"byte {fault.object[fault.start]:#x}"
        )
        return
    if hit := _CONTROL.search(text):
        line = text.count("\n", 0, hit.start()) + 1
        yield Finding("text-encoding", url, line, f"the control character {ord(hit[0]):#04x}")
    if not unicodedata.is_normalized("NFC", text):
        yield Finding("text-encoding", url, 0, "text that is not in normalization form C")


def check(document: Document, *, delta: bool = False) -> Iterator[Finding]:
    """`delta`: EXT-X-SKIP was asked for."""
    url, tags = document.url, document.tags
    lines = document.text.removeprefix("\ufeff").split("\n")
    if lines[0].rstrip("\r") != "#EXTM3U":
        yield Finding("first-line", url, 1, lines[0][:60] or "an empty line", "#EXTM3U")
    for at, raw in enumerate(lines, 1):
        line = raw.removesuffix("\r")
        if line != line.strip() and line.strip() and (line.lstrip()[0] != "#" or line.lstrip().startswith("#EXT")):
            yield Finding("text-space", url, at, repr(line[:60]))
    kinds = {SHAPES[tag.name].place: tag for tag in tags if tag.name in SHAPES and SHAPES[tag.name].place != "any"}
    if len(kinds) > 1:
        yield Finding(
            "playlist-kind",
            url,
            max(tag.line for tag in kinds.values()),
            " and ".join(f"#{tag.name}" for tag in kinds.values()),
        )
    seen: set[str] = set()
    for tag in tags:
        shape = SHAPES.get(tag.name)
        if shape is None:
            continue
        if shape.once and tag.name in seen:
            yield Finding("tag-once", url, tag.line, f"#{tag.name} again")
        seen.add(tag.name)
        if shape.attributes:
            yield from _attributes(tag, url)
    yield from _defines(document)
    yield from _version(document)
    if not delta and (skip := document.first("EXT-X-SKIP")):
        yield Finding("skip-unasked", url, skip.line, f"#EXT-X-SKIP:{skip.value}", "a full playlist")


def _attributes(tag: Tag, url: str) -> Iterator[Finding]:
    rest = pairs(tag.value)[1]
    if rest:
        yield Finding("attribute-syntax", url, tag.line, f"{rest[:60]!r} in #{tag.name}")
    names = [name for name, _ in tag.pairs]
    for name in dict.fromkeys(names):
        if not _NAME.fullmatch(name):
            yield Finding("attribute-syntax", url, tag.line, f"the name {name!r} in #{tag.name}", "A to Z, 0 to 9, -")
        if names.count(name) > 1:
            yield Finding("attribute-once", url, tag.line, f"{name} {names.count(name)} times in #{tag.name}")
    asked = SHAPES[tag.name].attributes
    for name, value in tag.pairs:
        kind = asked.get(name, "").removesuffix("!")
        if value != value.strip():
            yield Finding("attribute-syntax", url, tag.line, f"white space at {name} in #{tag.name}")
        elif kind and not _fits(kind, value):
            yield Finding("attribute-type", url, tag.line, f"{name}={value[:60]}", TYPES[kind].pattern)
        elif not kind and name.startswith("X-") and not any(_fits(free, value) for free in _FREE):
            yield Finding("attribute-type", url, tag.line, f"{name}={value[:60]}", "a string, hex or number")
    for name, kind in asked.items():
        if kind.endswith("!") and name not in names:
            yield Finding("attribute-missing", url, tag.line, f"#{tag.name} without {name}")


def _fits(kind: str, value: str) -> bool:
    if TYPES[kind].fullmatch(value) is None:
        return False
    return kind != "int" or int(value) < 1 << 64


def _defines(document: Document) -> Iterator[Finding]:
    names: set[str] = set()
    for tag in document.all("EXT-X-DEFINE"):
        given = [name for name, _ in tag.pairs if name in ("NAME", "IMPORT", "QUERYPARAM")]
        name = tag.get(given[0]) if given else ""
        if len(given) != 1 or ("VALUE" in dict(tag.pairs)) != (given == ["NAME"]):
            yield Finding("define", document.url, tag.line, tag.value, "NAME with VALUE, or IMPORT, or QUERYPARAM")
        elif name in names:
            yield Finding("define", document.url, tag.line, f"{name} again")
        elif given == ["IMPORT"] and document.is_multivariant:
            yield Finding("define", document.url, tag.line, "IMPORT in a multivariant playlist")
        names.add(name)


def needed_version(document: Document) -> tuple[int, Tag | None]:
    """The version that the playlist's tags ask for, and the tag that asks for it (section 8)."""
    found: tuple[int, Tag | None] = (1, None)
    iframes = document.first("EXT-X-I-FRAMES-ONLY") is not None
    for tag in document.tags:
        asks = 1
        match tag.name:
            case "EXTINF":
                asks = 3 if "." in tag.value.partition(",")[0] else 1
            case "EXT-X-BYTERANGE" | "EXT-X-I-FRAMES-ONLY":
                asks = 4
            case "EXT-X-MAP":
                asks = 5 if iframes else 6
            case "EXT-X-KEY" | "EXT-X-SESSION-KEY":
                if tag.get("KEYFORMAT") or tag.get("KEYFORMATVERSIONS") or tag.get("METHOD").startswith("SAMPLE-AES"):
                    asks = 5
                elif tag.get("IV"):
                    asks = 2
            case "EXT-X-MEDIA":
                asks = 7 if tag.get("INSTREAM-ID").startswith("SERVICE") else 1
            case "EXT-X-DEFINE":
                asks = 11 if tag.get("QUERYPARAM") else 8
            case "EXT-X-SKIP":
                asks = 10 if "RECENTLY-REMOVED-DATERANGES" in dict(tag.pairs) else 9
        if any(name.startswith("REQ-") for name, _ in tag.pairs):
            asks = 12
        if asks > found[0]:
            found = (asks, tag)
    return found


def _version(document: Document) -> Iterator[Finding]:
    asked, why = needed_version(document)
    tag = document.first("EXT-X-VERSION")
    given = int(tag.value) if tag and tag.value.isdecimal() else 1
    line = tag.line if tag else 0
    if given < asked and why is not None:
        yield Finding(
            "version-needed", document.url, line, f"version {given}, #{why.name} in line {why.line}", f"{asked}"
        )
    elif given > max(asked, 1) and tag and not _multivariant_of(document, given):
        yield Finding("version-high", document.url, line, f"version {given}", f"{asked}")


def _multivariant_of(document: Document, given: int) -> bool:
    """A multivariant playlist often carries its media playlists' version: harmless, and not said."""
    return document.is_multivariant and given <= 7
