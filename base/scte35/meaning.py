"""What a section means for a channel: which break begins or ends, and when; the same for both styles of signalling.

A break is signalled by a pair of splice_insert, or by a pair of time_signal with a segmentation_descriptor of a type
that starts and one that ends (RFC 8216bis 4.4.5.1.1). All else is a command, which players may want to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from base.scte35.commands import (
    BandwidthReservation,
    SpliceInsert,
    SpliceNull,
    TimeSignal,
    type_of,
)
from base.scte35.descriptors import Segmentation
from base.scte35.section import Ciphered, Section

INSERT = "insert"
# SCTE 35 2023r1 table 23: types that start something; each one's end is the number after it
_STARTS = frozenset({0x10, 0x20, 0x22, 0x24, 0x26, *range(0x30, 0x48, 2), 0x50})
_ENDS = {start + 1: start for start in _STARTS} | {0x12: 0x10}  # 0x12: a program ends early
_ALSO_STARTS = {0x17: 0x10, 0x19: 0x10}  # a program that overlaps, or that is under way
# those that others may fill: breaks, advertisements, placement opportunities, promotions and blocks of them
_AVAILS = frozenset({0x22, *range(0x30, 0x38, 2), 0x3C, 0x3E, 0x44, 0x46})


class What(StrEnum):
    OUT = "out"
    IN = "in"
    COMMAND = "cmd"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """`event` and `kind` (insert, or the segmentation type that starts, two hex digits) pair an OUT with its IN.

    `time`, `duration` in ticks of 90 kHz, modulo 2^33; time None: at once. `returns`: it ends after `duration` without
    an IN. `avail`: advertisements may go there. The kind of a CANCEL may be empty: whatever has this event id.
    """

    what: What
    kind: str
    event: int = 0
    time: int | None = None
    duration: int | None = None
    returns: bool = False
    avail: bool = False


def cues(section: Section) -> tuple[Cue, ...]:
    """One for each thing that the section says; none for signs of life."""
    command = section.command
    match command:
        case Ciphered():
            return (Cue(what=What.COMMAND, kind="ciphered"),)
        case SpliceNull() | BandwidthReservation():
            return ()
        case SpliceInsert():
            return (_inserted(section, command),)
        case TimeSignal():
            time = None if command.time is None else section.adjusted(command.time)
            found = [d for d in section.descriptors if isinstance(d, Segmentation)]
            if not found:
                return (Cue(what=What.COMMAND, kind="time", time=time),)
            return tuple(_segmented(descriptor, time) for descriptor in found)
        case _:
            return (Cue(what=What.COMMAND, kind=f"command-{type_of(command):02x}"),)


def _inserted(section: Section, command: SpliceInsert) -> Cue:
    if command.cancel:
        return Cue(what=What.CANCEL, kind=INSERT, event=command.event_id)
    times = [command.time, *(component.time for component in command.components)]
    time = next((time for time in times if time is not None), None)
    out, lasts = command.out_of_network, command.duration
    return Cue(
        what=What.OUT if out else What.IN,
        kind=INSERT,
        event=command.event_id,
        time=None if time is None else section.adjusted(time),
        duration=lasts.duration if out and lasts else None,
        returns=bool(out and lasts and lasts.auto_return),
        avail=True,
    )


def _segmented(it: Segmentation, time: int | None) -> Cue:
    if it.cancel:
        return Cue(what=What.CANCEL, kind="", event=it.event_id)
    start = _ALSO_STARTS.get(it.type, it.type)
    if start in _STARTS:
        avail = start in _AVAILS
        lasts = it.duration is not None
        return Cue(
            what=What.OUT,
            kind=f"{start:02x}",
            event=it.event_id,
            time=time,
            duration=it.duration,
            returns=avail and lasts,
            avail=avail,
        )
    if it.type in _ENDS:
        start = _ENDS[it.type]
        return Cue(what=What.IN, kind=f"{start:02x}", event=it.event_id, time=time, avail=start in _AVAILS)
    return Cue(what=What.COMMAND, kind=f"{it.type:02x}", event=it.event_id, time=time)
