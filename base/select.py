"""What a query chooses of a title: a clip of it, and some of its tracks. Each choice has one spelling, for caches.

    ?start=SECONDS &end=SECONDS      playlists and manifests: from the segment that holds `start` to that before `end`
    ?tracks=TERM,TERM                multivariant playlists and manifests: only these
    ?marks=EDITION                   media playlists: with marks; which ones, so that caches keep them apart

SECONDS is decimal, with at most three places. Of a live channel it is a time of day: seconds since 1970, a date of
RFC 3339 (`2026-11-21T14:05:00Z`), or, with a minus, seconds before the newest media. A TERM is a track's name (`v1`,
`a2`, `s1`), or a kind with conditions that all hold: `audio:de`, `video:<=720`, `video:>=360:avc1`, `text:none`.
Conditions are `none`, a height (`720`, `<=`, `>=`), a codec of CODECS, or a language (RFC 4647 3.3.1: `de` takes
`de-AT` too). Of a kind that no term speaks of, all is kept; of a kind with terms, what one of them takes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qsl, quote

from base.names import Leaf
from base.problems import Problem

CLIPS, FILTERS, MARKS = ("start", "end"), ("tracks",), ("marks",)
SIGNATURE = "sig"
KINDS = {"v": "video", "a": "audio", "s": "text"}
# What codecs are called here, and how RFC 6381 strings of them begin.
CODECS = {
    "h264": ("avc1", "avc3"),
    "hevc": ("hvc1", "hev1"),
    "av1": ("av01",),
    "aac": ("mp4a.40", "mp4a.66", "mp4a.67", "mp4a.68"),
    "mp3": ("mp4a.69", "mp4a.6B"),
    "ac3": ("ac-3",),
    "eac3": ("ec-3",),
    "opus": ("opus",),
    "flac": ("fLaC",),
    "avc1": ("avc1",),
    "avc3": ("avc3",),
    "hvc1": ("hvc1",),
    "hev1": ("hev1",),
    "av01": ("av01",),
    "mp4a": ("mp4a",),
    "ac-3": ("ac-3",),
    "ec-3": ("ec-3",),
}
_MOST_TERMS, _LONGEST_TERM = 16, 64
_SECONDS = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,3}))?")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:[Zz]|[ +-]\d\d:\d\d)", re.ASCII
)  # RFC 3339 5.6; a plus that nobody escaped has become a blank
_NAME = re.compile(r"[vas][1-9][0-9]{0,2}")
_HEIGHT = re.compile(r"(<=|>=|)([1-9][0-9]{0,4})")
_LANGUAGE = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8}){0,6}")
_MARKS = re.compile(r"[0-9a-f]{16}")
_SIGNED = re.compile(r"[A-Za-z0-9._-]{1,100}")

# Which parameters mean something for which name; `sig` goes with any of them.
_TAKES = {
    Leaf.MULTIVARIANT: CLIPS + FILTERS,
    Leaf.MULTIVARIANT_TS: CLIPS + FILTERS,
    Leaf.MANIFEST: CLIPS + FILTERS,
    Leaf.MANIFEST_NUMBER: FILTERS,
    Leaf.MANIFEST_ON_DEMAND: FILTERS,
    Leaf.MEDIA_PLAYLIST: CLIPS + MARKS,
    Leaf.MEDIA_PLAYLIST_TS: CLIPS + MARKS,
    Leaf.IFRAME_PLAYLIST: CLIPS + MARKS,
}
_LIVE_TAKES = {Leaf.MULTIVARIANT: CLIPS, Leaf.MANIFEST: CLIPS, Leaf.MEDIA_PLAYLIST: CLIPS}


@dataclass(frozen=True, slots=True)
class Term:
    """`name` of a track, or `kind` with its `conditions`."""

    kind: str
    name: str = ""
    conditions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name or ":".join((self.kind, *self.conditions))

    def takes(self, *, name: str, codec: str, language: str, height: int) -> bool:
        """Is a track of this kind one that is meant?"""
        if self.name:
            return self.name == name
        return all(_holds(condition, codec, language.lower(), height) for condition in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`start_ms`, `end_ms`: -1 = not asked; of a channel ms since 1970, unless `start_back_ms`, `end_back_ms` say how
    long before its newest media. `signature`: as it came, whatever it is worth.

    `marks`: their edition, which playlists hand on. It is nobody's choice, so it needs no signature.
    """

    start_ms: int = -1
    end_ms: int = -1
    start_back_ms: int = -1
    end_back_ms: int = -1
    tracks: tuple[Term, ...] = ()
    signature: str = ""
    marks: str = ""

    def __bool__(self) -> bool:
        return self.clips or bool(self.tracks)

    @property
    def clips(self) -> bool:
        return self.start_ms >= 0 or self.end_ms >= 0 or self.relative

    @property
    def relative(self) -> bool:
        """Does what is meant depend on when it is asked for?"""
        return self.start_back_ms >= 0 or self.end_back_ms >= 0

    @property
    def canonical(self) -> str:
        """The query without the signature: what is signed."""
        found = []
        for name, ms, back_ms in (
            (CLIPS[0], self.start_ms, self.start_back_ms),
            (CLIPS[1], self.end_ms, self.end_back_ms),
        ):
            if ms >= 0:
                found.append(f"{name}={_seconds(ms)}")
            elif back_ms >= 0:
                found.append(f"{name}=-{_seconds(back_ms)}")
        if self.tracks:
            found.append("tracks=" + quote(",".join(map(str, self.tracks)), safe=",:=-"))
        return "&".join(found)

    @property
    def query(self) -> str:
        """The one spelling by which caches know this choice; playlists hand it on to those that they name."""
        parts = [self.canonical]
        if self.marks:
            parts.append(f"{MARKS[0]}={self.marks}")
        if self.signature:
            parts.append(f"{SIGNATURE}={self.signature}")
        return "&".join(filter(None, parts))

    def keeps(self, kind: str, *, name: str, codec: str = "", language: str = "und", height: int = 0) -> bool:
        """Is a track among those that are chosen?"""
        terms = [term for term in self.tracks if term.kind == kind]
        return not terms or any(term.takes(name=name, codec=codec, language=language, height=height) for term in terms)


ALL = Selection()


def parse(leaf: Leaf, query: str, *, signed: bool = False, live: bool = False) -> Selection:
    """What a query chooses of the object at a name; other parameters, and those of other objects, do not count.

    `signed`: the signature counts too, and with it all that it speaks of (a media playlist then keeps `tracks`).
    `live`: it is a channel's. Raises Problem malformed for a value that cannot be.
    """
    takes: Collection[str] = (_LIVE_TAKES if live else _TAKES).get(leaf, ())
    if not takes or "=" not in query:
        return ALL
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=64):
        if name in (*CLIPS, *FILTERS, *MARKS, SIGNATURE):
            if name in found:
                raise Problem("malformed", f"give {name} once")
            found[name] = value
    if not signed:
        found.pop(SIGNATURE, None)
    if SIGNATURE not in found:
        found = {name: value for name, value in found.items() if name in takes}
    elif MARKS[0] not in takes:
        found.pop(MARKS[0], None)
    if live:
        return _of_channel({name: value for name, value in found.items() if name in (*takes, SIGNATURE)})
    return _selection(found)


def _of_channel(found: dict[str, str]) -> Selection:
    times = {name: _moment(name, found.pop(name)) for name in CLIPS if name in found}
    (start, start_back), (end, end_back) = (times.get(name, (-1, -1)) for name in CLIPS)
    if 0 <= end <= start or 0 <= start_back <= end_back:
        raise Problem("malformed", "end must be after start")
    chosen = _selection(found)
    return replace(chosen, start_ms=start, start_back_ms=start_back, end_ms=end, end_back_ms=end_back)


def _moment(name: str, value: str) -> tuple[int, int]:
    """(ms since 1970, ms before the newest media): -1 for the one that is not meant."""
    if value.startswith("-") and _SECONDS.fullmatch(value[1:]):
        return -1, _ms(name, value[1:])
    if _SECONDS.fullmatch(value):
        return _ms(name, value), -1
    try:
        if _DATE.fullmatch(value):
            ms = round(datetime.fromisoformat(value.upper().replace(" ", "+")).timestamp() * 1000)
            if ms >= 0:
                return ms, -1
    except ValueError:
        pass
    raise Problem(
        "malformed",
        f"{name} is a time such as 2026-11-21T14:05:00Z, seconds since 1970, or -600 (ten minutes ago), "
        f"not {value[:40]!r}",
    )


def _selection(found: dict[str, str]) -> Selection:
    start, end = (_ms(name, found[name]) if name in found else -1 for name in CLIPS)
    if start == 0:
        start = -1  # from the beginning: as if it were not said
    if 0 <= end <= max(0, start):
        raise Problem("malformed", "end must be after start")
    signature = found.get(SIGNATURE, "")
    if signature and not _SIGNED.fullmatch(signature):
        raise Problem("malformed", "sig is KEYID.HEX, as `headwater sign` makes it")
    tracks = terms(found["tracks"]) if "tracks" in found else ()
    marks = found.get(MARKS[0], "")
    if marks and not _MARKS.fullmatch(marks):
        raise Problem("malformed", "marks is 16 hex digits: take it from the multivariant playlist")
    return Selection(start_ms=start, end_ms=end, tracks=tracks, signature=signature, marks=marks)


def _ms(name: str, value: str) -> int:
    digits = _SECONDS.fullmatch(value)
    if digits is None:
        raise Problem("malformed", f"{name} is a time in seconds such as 90 or 12.48, not {value[:40]!r}")
    return int(digits[1]) * 1000 + int((digits[2] or "").ljust(3, "0"))


def _seconds(ms: int) -> str:
    whole, rest = divmod(ms, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


def terms(value: str) -> tuple[Term, ...]:
    """The terms of `tracks=`, sorted, each once: their order means nothing. Raises Problem malformed."""
    words = value.split(",")
    if len(words) > _MOST_TERMS or max(map(len, words)) > _LONGEST_TERM:
        raise Problem("malformed", f"tracks takes at most {_MOST_TERMS} terms of {_LONGEST_TERM} letters")
    return tuple(sorted({_term(word.lower()) for word in words}, key=str))


def _term(word: str) -> Term:
    if _NAME.fullmatch(word):
        return Term(KINDS[word[0]], name=word)
    kind, *conditions = word.split(":")
    if kind not in KINDS.values() or not conditions:
        raise Problem(
            "malformed", f"tracks takes names (v1, a2, s1) and kinds (video:<=720, audio:de, text:none), not {word!r}"
        )
    for condition in conditions:
        known = condition == "none" or condition in CODECS or _LANGUAGE.fullmatch(condition)
        if not known and not (kind == "video" and _HEIGHT.fullmatch(condition)):
            raise Problem("malformed", f"{condition!r} is no condition of {kind}: give a height, a codec or a language")
    return Term(kind, conditions=tuple(sorted(set(conditions))))


def _holds(condition: str, codec: str, language: str, height: int) -> bool:
    if condition == "none":
        return False
    if condition in CODECS:
        return codec.startswith(CODECS[condition])
    if found := _HEIGHT.fullmatch(condition):
        wanted = int(found[2])
        return height <= wanted if found[1] == "<=" else height >= wanted if found[1] == ">=" else height == wanted
    return language == condition or language.startswith(condition + "-")
