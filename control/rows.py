"""What the catalog's store hands out: one frozen value per row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from base.desired import Limits
from base.problems import Problem
from base.reports import AssetReport

# The revisions of a row that a caller is willing to change (If-Match); None: any.
Revs = frozenset[int] | None


def check_revs(rev: int, wanted: Revs) -> None:
    """Raises Problem precondition if the row is at another revision than the caller knows."""
    if wanted is not None and rev not in wanted:
        raise Problem("precondition", "it was changed since you read it: read it again", etag=f'"{rev}"')


class AssetState(StrEnum):
    """adding -> ready | failed | (row deleted); any -> removing -> (row deleted)."""

    ADDING = "adding"  # the file is on its way to the origin, or it is not known whether it got there
    READY = "ready"  # the origin acknowledged it and can play it
    FAILED = "failed"  # the origin has it and cannot open it: `reason`
    REMOVING = "removing"  # the operator let it go; the origin has not confirmed yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A live channel. `edition` is new whenever a channel is made, so that a name used again means nothing old.

    `playout`: its schedule as JSON, empty if encoders publish. `source`: as base.desired.ChannelSpec has it.
    `enabled` False: kept, but not part of the desired state nor of the pages.
    """

    channel: str
    title: str
    edition: str
    segment_ms: int
    part_ms: int
    window_s: int
    demo: bool
    enabled: bool
    created_ms: int
    rev: int
    splices: bool = False
    interstitials: str = ""
    playout: str = ""
    source: str = ""
    most_kbps: int = 0
    most_lines: int = 0
    most_seconds: int = 0
    key_hashes: tuple[str, ...] = ()

    @property
    def limits(self) -> Limits:
        return Limits(kbps=self.most_kbps, lines=self.most_lines, seconds=self.most_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A splice that the API was asked for. `duration_ms`: of the break, -1 if nobody said. `action`: out, in or cmd."""

    channel: str
    event: int
    action: str
    at_ms: int
    duration_ms: int
    section: bytes
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset on demand. `bytes`: of the file as the origin reports it, 0 until then."""

    asset: str
    title: str
    state: AssetState
    report: AssetReport | None
    reason: str
    bytes: int
    created_ms: int
    rev: int
