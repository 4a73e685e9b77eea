"""The contract between ingest and origin: how a live channel is PUT.

    PUT /live/{channel}/{edition}/session.json           SessionNote      -> 200 SessionGrant
    PUT /live/{channel}/{edition}/cues.json              list of MarkNote -> 200, taken in, what is known is let go
    PUT /live/{channel}/{edition}/{track}/init-{g}.mp4   init segment     -> 201, 200 if it is there
    PUT /live/{channel}/{edition}/{track}/{n}.{p}.m4s    one CMAF chunk   -> 201, 200 if it is there
        Headwater-Part: init="{g}", last, discontinuity

Everything else that the origin needs (times, durations, sizes, sync) it reads from the chunk's own `moof`.
A part is acknowledged when its bytes are in the open segment's file; a part with `last` when segment and journal
row are on the disk. A PUT that was acknowledged may be repeated (same name, same bytes) without effect.
Marks come before the last part ahead of them: they are on the disk before anybody is told of their frame.
412: the init segment or part p-1 is missing. 409: the segment is closed, or the bytes differ. 410: behind the window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from base.problems import Problem

PART_FIELD = "Headwater-Part"
_PART_NOTE = re.compile(r'init="([0-9a-f]{8,64})"((?:, (?:last|discontinuity))*)')


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNote:
    """What the chunk itself does not say. Spelt as a structured-field dictionary (RFC 9651 3.2)."""

    init: str
    last: bool = False
    discontinuity: bool = False

    def field(self) -> str:
        flags = (", last" if self.last else "") + (", discontinuity" if self.discontinuity else "")
        return f'init="{self.init}"{flags}'


def parse_part_note(field: str) -> PartNote:
    """Raises Problem malformed if the field is not as PartNote.field spells it."""
    found = _PART_NOTE.fullmatch(field)
    if found is None:
        raise Problem("malformed", f'{PART_FIELD} must read init="<hex>"[, last][, discontinuity]')
    flags = found[2]
    return PartNote(init=found[1], last="last" in flags, discontinuity="discontinuity" in flags)


class TrackNote(msgspec.Struct, frozen=True, kw_only=True):
    """One track of a published session. `kind`: video or audio. `order`: place in playlists, 0 first."""

    track: str
    kind: str
    order: int = 0
    language: str = "und"
    label: str = ""


class SessionNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is being published. Times in ms; `started_ms` is UTC. `numbering`: wall or counted (see ingest)."""

    session: str
    state: str = "live"  # live or ended
    started_ms: int
    grid_ms: int
    part_ms: int
    window_s: int = 1800
    numbering: str = "wall"
    why: str = ""  # why numbering is counted
    interstitials: str = ""  # as in base.desired.ChannelSpec
    longest_ms: int = 0  # what a segment may last where a splice moves a line of the grid; 0: as long as the grid
    tracks: tuple[TrackNote, ...]


class MarkNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A break of a channel begins or ends, or something else was signalled, at one frame (base.scte35.meaning).

    `kind` and `event` pair an out with its in. `start`: the frame's presentation time, ticks of `timescale` since 1970;
    `number`: the segment it is in. `planned_ms`: how long a break is to last, -1 if nobody said; `returns`: it ends
    then by itself. `section`: the splice_info_section as it came, empty where a break ends by itself.
    """

    action: Literal["out", "in", "cmd"]
    kind: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,16}$")]
    event: Annotated[int, Meta(ge=0, lt=1 << 32)] = 0
    start: Annotated[int, Meta(ge=0, lt=1 << 60)] = 0
    timescale: Annotated[int, Meta(gt=0, lt=1 << 32)] = 1
    number: int = -1
    planned_ms: Annotated[int, Meta(ge=-1, lt=1 << 40)] = -1
    avail: bool = False
    returns: bool = False
    section: Annotated[bytes, Meta(max_length=4096)] = b""

    @property
    def what(self) -> tuple[str, int, str]:
        """What is said once only: another note of the same is a repetition, or news of it."""
        return self.kind, self.event, self.action


MOST_MARKS = 100  # in one request
MarkNotes = Annotated[tuple[MarkNote, ...], Meta(max_length=MOST_MARKS)]


class SessionGrant(msgspec.Struct, frozen=True, kw_only=True):
    """The origin's answer: the highest segment number that was ever used, -1 if none. Never go back behind it.

    `breaks`: those that are on and will end by themselves, for a publisher that has not heard how they began.
    """

    last_number: int
    breaks: tuple[MarkNote, ...] = ()
