"""Which tracks of an asset viewers get, as its operator says: `tracks.json` in its folder, written whole or not at all.

    {"tracks": "audio:de,video:<=720"}    as `?tracks=` spells them (base.select); "" is all

Without the file the node's default holds (setting origin.tracks). What is left out is served under no name; a viewer
chooses among the rest. Loading and storing block: called from threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from base import select
from base.problems import Problem
from base.reports import TrackReport
from base.select import Selection, Term
from origin.disk import sync_folder, write_whole

log = structlog.get_logger("tracks")

FILE = "tracks.json"
LARGEST = 4096  # octets of a body
# In place of a filter that cannot be read: what it kept from viewers must not be shown.
_NOTHING = select.terms("video:none,audio:none,text:none")


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tracks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFilter:
    """`terms`: none keep all. `own`: the asset's, not the node's default. `left_out`: names of tracks."""

    terms: tuple[Term, ...] = ()
    own: bool = False
    left_out: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


EVERYTHING = TrackFilter()


def of(own: tuple[Term, ...] | None, usual: tuple[Term, ...], reports: Iterable[TrackReport]) -> TrackFilter:
    """What an asset's own filter, or else the node's, comes to for its tracks."""
    terms = usual if own is None else own
    chosen = Selection(tracks=terms)
    left_out = frozenset(report.track for report in reports if not keeps(chosen, report))
    return TrackFilter(terms=terms, own=own is not None, left_out=left_out)


def keeps(chosen: Selection, report: TrackReport) -> bool:
    return chosen.keeps(
        report.kind, name=report.track, codec=report.codec, language=report.language, height=report.height
    )


def playable(found: TrackFilter, reports: Iterable[TrackReport]) -> bool:
    """Is a track left that can be played? Texts alone cannot."""
    return any(report.kind != "text" and report.track not in found.left_out for report in reports)


def listed(reports: Iterable[TrackReport]) -> str:
    """What people may choose of: `v1 (video, 720 lines, avc1.64001f), a1 (audio, de, mp4a.40.2)`."""
    return ", ".join(_said(report) for report in reports)


def _said(report: TrackReport) -> str:
    what = f"{report.height} lines" if report.kind == "video" else report.language
    return f"{report.track} ({', '.join(filter(None, (report.kind, what, report.codec)))})"


def parse(body: bytes) -> tuple[Term, ...]:
    """The terms that a body says. Raises Problem malformed."""
    try:
        words = msgspec.json.decode(body, type=_Body).tracks
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Problem("malformed", f'send {{"tracks": "audio:de,video:<=720"}}: {fault}') from fault
    return select.terms(words) if words else ()


def to_bytes(terms: tuple[Term, ...]) -> bytes:
    return msgspec.json.encode(_Body(",".join(map(str, terms))))


def load(folder: Path) -> tuple[Term, ...] | None:
    """None where the asset has no filter of its own. One that is damaged leaves nothing, which is logged."""
    try:
        return parse((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, Problem) as fault:
        log.error("tracks.damaged", asset=folder.name, fault=str(fault), cure="set the filter anew, or remove it")
        return _NOTHING


def store(folder: Path, terms: tuple[Term, ...] | None) -> None:
    """Raises Problem unknown if the asset has gone. OSError: the disk is full."""
    try:
        if terms is None:
            (folder / FILE).unlink(missing_ok=True)
        else:
            write_whole(folder / FILE, to_bytes(terms))
        sync_folder(folder)
    except FileNotFoundError:
        raise Problem("unknown", f"there is no asset {folder.name}") from None
