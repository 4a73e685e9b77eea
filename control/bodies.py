"""What the admin API takes and gives: typed bodies, cursors, entity tags. Pure."""

from __future__ import annotations

import base64
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from base import sources
from base.names import TITLE_PATTERN, Kind
from base.problems import Problem
from base.reports import ChannelReport
from control.addresses import Addresses
from control.delivery import Wish
from control.rows import Asset, Channel, Revs

B = TypeVar("B", bound=msgspec.Struct)

LONGEST_TITLE = 200
MOST_ROWS = 500
_FIELD = re.compile(r" - at `\$\.?([^`]*)`|field `([^`]+)`")
_TAG = re.compile(r'"(\d{1,18})"')
_TAGS = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')
_SLUG_BREAK = re.compile(r"[^a-z0-9]+")

# The pattern is searched for, so it is anchored; `$` would let a closing newline pass.
Name = Annotated[str, Meta(pattern=rf"^{TITLE_PATTERN}\Z", max_length=64)]
Title = Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]


class NewChannel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/v1/channels. Durations in ms, the window in seconds."""

    channel: Name
    title: Title | None = None
    segment_ms: Annotated[int, Meta(ge=1000, le=20_000)] = 2000
    part_ms: Annotated[int, Meta(ge=100, le=5000)] = 500
    window_s: Annotated[int, Meta(ge=10, le=604_800)] = 1800
    splices: bool = False
    interstitials: Annotated[str, Meta(pattern=r"^(https?://[!-~]+)?\Z", max_length=500)] = ""
    source: Annotated[str, Meta(max_length=2048)] = ""


def new_channel(body: bytes) -> NewChannel:
    """Raises Problem malformed that names the field."""
    found = decode(body, NewChannel)
    if found.part_ms > found.segment_ms:
        raise Problem("malformed", "part_ms: must not be longer than segment_ms", field="part_ms")
    if found.window_s * 1000 < 3 * found.segment_ms:  # RFC 8216bis 6.2.2: at least three target durations
        raise Problem("malformed", "window_s: must hold at least three segments", field="window_s")
    if found.source:
        sources.parse(found.source)
    return found


def decode(body: bytes, sort: type[B]) -> B:
    """Raises Problem malformed whose sentence and `field` member name what is wrong."""
    try:
        return msgspec.json.decode(body, type=sort)
    except msgspec.ValidationError as fault:
        said = str(fault)
        named = _FIELD.search(said)
        field = (named[1] or named[2] or "") if named else ""
        sentence = said.partition(" - at ")[0]
        if "matching regex" in sentence:
            sentence = "give lower-case letters, digits and inner hyphens, at most 64"
            if field == "interstitials":
                sentence = "give an address that begins with https://; {channel}, {event}, {id}, {duration} are put in"
        raise Problem("malformed", f"{field}: {sentence}" if field else sentence, field=field) from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Problem("malformed", f"the body is not JSON: {fault}") from fault


def clean_title(text: str, field: str = "title") -> str:
    """A title in one line. Raises Problem malformed."""
    found = " ".join(unicodedata.normalize("NFC", text).split())
    if not found or len(found) > LONGEST_TITLE or any(unicodedata.category(c) in ("Cc", "Cs") for c in found):
        raise Problem("malformed", f"{field}: give 1 to {LONGEST_TITLE} printable characters", field=field)
    return found


def slug(text: str) -> str:
    """`Büro Tour (final).mp4` -> `buro-tour-final-mp4`; `asset` if no letter or digit of it is ASCII's."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _SLUG_BREAK.sub("-", plain).strip("-")[:64].rstrip("-") or "asset"


def names_for(wanted: str) -> Iterator[str]:
    """`tour`, `tour-2`, `tour-3` ...: the names to try for an asset, each a title by base.names."""
    yield wanted
    for number in itertools.count(2):
        suffix = f"-{number}"
        yield wanted[: 64 - len(suffix)].rstrip("-") + suffix


def asset_name_and_title(title: str, filename: str) -> tuple[str, str]:
    """The name that is wanted and the title, from what the uploader gave; at least one of the two.

    Raises Problem malformed.
    """
    base = filename.replace("\\", "/").rpartition("/")[2]
    stem = base.rpartition(".")[0] or base
    given = title or stem
    if not given:
        raise Problem("malformed", "title: give ?title= or ?filename=", field="title")
    shown = clean_title(given, "title" if title else "filename")
    return slug(shown), shown


def wish(query: Mapping[str, str]) -> Wish:
    """How an asset is to be made; the origin checks the words of the policy. Raises Problem malformed."""
    cmaf = query.get("cmaf", "0")
    if cmaf not in ("0", "1"):
        raise Problem("malformed", "cmaf: give 0 or 1", field="cmaf")
    words = {name: query.get(name, "") for name in ("target_ms", "last", "bootstrap")}
    return Wish(cmaf=cmaf == "1", **words)


def etag(rev: int) -> str:
    return f'"{rev}"'


def if_match(field: str | None) -> Revs:
    """If-Match (RFC 9110 13.1.1) -> revisions that are accepted, None for any. Weak tags never match."""
    if field is None or field.strip() == "*":
        return None
    if not _TAGS.fullmatch(field):
        raise Problem("malformed", 'If-Match: give an entity tag such as "12", in quotes', field="If-Match")
    return frozenset(
        int(tag) for part in field.split(",") if (found := _TAG.fullmatch(part.strip())) for tag in found.groups()
    )


def limit(text: str | None) -> int:
    """How many rows a page of a list holds. Raises Problem malformed."""
    if text is None:
        return 50
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= MOST_ROWS:
        raise Problem("malformed", f"limit: give 1 to {MOST_ROWS}", field="limit")
    return int(text)


def cursor(row: Asset) -> str:
    """Opaque to callers: where a list goes on."""
    return base64.urlsafe_b64encode(f"{row.created_ms}/{row.asset}".encode()).decode().rstrip("=")


def after(text: str | None) -> tuple[int, str] | None:
    """The place that a cursor names. Raises Problem malformed."""
    if text is None:
        return None
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        when, _, name = plain.partition("/")
        if not re.fullmatch(r"[0-9]{1,15}", when) or not name:
            raise ValueError
        return int(when), name
    except ValueError as fault:
        raise Problem("malformed", "cursor: give the `next` of an earlier answer, unchanged", field="cursor") from fault


def channel_json(row: Channel, at: Addresses, report: ChannelReport | None = None) -> dict[str, Any]:
    """A channel as the API shows it: without key hashes. `state`: the report's, unknown, or disabled."""
    return {
        "channel": row.channel,
        "title": row.title,
        "state": (report.state if report else "unknown") if row.enabled else "disabled",
        "edition": row.edition,
        "segment_ms": row.segment_ms,
        "part_ms": row.part_ms,
        "window_s": row.window_s,
        "demo": row.demo,
        "splices": row.splices,
        "interstitials": row.interstitials,
        "enabled": row.enabled,
        "created_ms": row.created_ms,
        "rev": row.rev,
        "publish": at.publish(row.channel),
        "manifests": at.manifests(Kind.LIVE, row.channel),
        "watch": at.watch(Kind.LIVE, row.channel),
        "report": report,
    }


def asset_json(row: Asset, at: Addresses) -> dict[str, Any]:
    """An asset as the API shows it."""
    return {
        "asset": row.asset,
        "title": row.title,
        "state": str(row.state),
        "reason": row.reason,
        "bytes": row.bytes,
        "created_ms": row.created_ms,
        "rev": row.rev,
        "report": row.report,
        "manifests": at.manifests(Kind.VOD, row.asset),
        "watch": at.watch(Kind.VOD, row.asset),
    }
