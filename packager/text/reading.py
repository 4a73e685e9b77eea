"""Octets of a sidecar file to cues: which format, which letters, and what had to be guessed."""

from __future__ import annotations

import codecs
import re

import msgspec

from base.problems import Problem
from packager.text import subrip, ttml, webvtt
from packager.text.cues import Text

LARGEST = 8 << 20  # octets: the subtitles of a film have 0.2 MB

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_XML = re.compile(r"\s*<(?:[?!]|(?:\w{1,32}:)?tt[\s>])")
# what other text formats begin with, so that a refusal can name them
_OTHERS = (
    (re.compile(r"\s*\[Script Info\]", re.I), "Advanced SubStation (.ass)"),
    (re.compile(r"Scenarist_SCC"), "SCC"),
)


def read(data: bytes) -> Text:
    """WebVTT, SubRip or TTML, whatever the file's name. Raises Problem: too-large; unplayable with the line."""
    if len(data) > LARGEST:
        raise Problem(
            "too-large", f"a file of subtitles has at most {LARGEST >> 20} MB, this has {len(data) / 1e6:.1f}"
        )
    if not data.strip(b"\0 \t\r\n"):
        raise Problem("unplayable", "the file is empty")
    text, note = decode(data)
    if _XML.match(text[:4096]):
        # XML says by itself how it is encoded; with a mark or as UTF-16 it was decoded here
        plain = data.startswith(tuple(mark for mark, _ in _BOMS)) or "\0" in data[:64].decode("latin-1")
        return ttml.read(_declared_utf8(text) if plain else data)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    for pattern, name in _OTHERS:
        if pattern.match(text):
            raise Problem("unplayable", f"{name} is not read: convert it to WebVTT, SubRip or TTML")
    found = webvtt.read(text) if text.startswith("WEBVTT") else subrip.read(text)
    return msgspec.structs.replace(found, notes=(note, *found.notes)) if note else found


def decode(data: bytes) -> tuple[str, str]:
    """The letters, and a note if their encoding was guessed: Windows-1252 is what old SubRip files mostly have."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), ""
    if guessed := _utf16(data):
        return data.decode(guessed, "replace"), f"read as {guessed.upper()}: the file does not say its encoding"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        note = f"read as Windows-1252, since line {line} is not UTF-8: save it as UTF-8 if letters are wrong"
        return data.decode("cp1252", "replace"), note


def _utf16(data: bytes) -> str:
    """UTF-16 without a mark shows as zeros in every second octet of the digits and blanks that all formats have."""
    head = data[:512]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and max(even, odd) > len(head) // 4 and min(even, odd) * 8 < max(even, odd):
        return "utf-16-be" if even > odd else "utf-16-le"
    return ""


def _declared_utf8(text: str) -> bytes:
    """A document as UTF-8 whose declaration spoke of another encoding."""
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).lstrip("\ufeff \t\r\n").encode()
