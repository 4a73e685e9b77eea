"""Splice commands (SCTE 35 2023r1 9.7): frozen values, and their octets. Times and durations in ticks of 90 kHz."""

from __future__ import annotations

from dataclasses import dataclass

from base.scte35.bits import Reader, Writer


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the program that is spliced alone (9.7.3.1, in old signals). `time`: None is at once or not said."""

    tag: int
    time: int | None


@dataclass(frozen=True, slots=True)
class BreakDuration:
    """9.8.2. `auto_return`: the program comes back after `duration` without being called."""

    duration: int
    auto_return: bool = True


@dataclass(frozen=True, slots=True)
class SpliceNull:
    """9.7.1: nothing but its descriptors; a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSplice:
    """9.7.2: one event of a schedule. `utc_time`: seconds since 1980-01-06 (GPS); `components`: (tag, utc_time)."""

    event_id: int
    cancel: bool = False
    compliance: bool = True
    out_of_network: bool = True
    utc_time: int | None = None
    components: tuple[tuple[int, int], ...] = ()
    duration: BreakDuration | None = None
    unique_program_id: int = 0
    avail_num: int = 0
    avails_expected: int = 0


@dataclass(frozen=True, slots=True)
class SpliceSchedule:
    """9.7.2."""

    events: tuple[ScheduledSplice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpliceInsert:
    """9.7.3. `time`: None with `program` is at once (`immediate`), or at a time that is not said."""

    event_id: int
    cancel: bool = False
    out_of_network: bool = True
    program: bool = True
    immediate: bool = False
    compliance: bool = True
    time: int | None = None
    components: tuple[Component, ...] = ()
    duration: BreakDuration | None = None
    unique_program_id: int = 0
    avail_num: int = 0
    avails_expected: int = 0


@dataclass(frozen=True, slots=True)
class TimeSignal:
    """9.7.4: a time for what the descriptors say; None is at once."""

    time: int | None


@dataclass(frozen=True, slots=True)
class BandwidthReservation:
    """9.7.5: says nothing."""


@dataclass(frozen=True, slots=True)
class PrivateCommand:
    """9.7.6: whatever the owner of `identifier` means."""

    identifier: int
    data: bytes


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A type that this standard reserves."""

    type: int
    data: bytes


Command = (
    SpliceNull | SpliceSchedule | SpliceInsert | TimeSignal | BandwidthReservation | PrivateCommand | UnknownCommand
)

_TYPE = {
    SpliceNull: 0x00,
    SpliceSchedule: 0x04,
    SpliceInsert: 0x05,
    TimeSignal: 0x06,
    BandwidthReservation: 0x07,
    PrivateCommand: 0xFF,
}


def type_of(command: Command) -> int:
    """splice_command_type (table 7)."""
    return command.type if isinstance(command, UnknownCommand) else _TYPE[type(command)]


def read(kind: int, fields: Reader, length: int | None) -> Command:
    """`length`: octets of the command, None where an old sender did not say. Raises ValueError."""
    match kind:
        case 0x00:
            return SpliceNull()
        case 0x04:
            return SpliceSchedule(tuple(_scheduled(fields) for _ in range(fields.take(8))))
        case 0x05:
            return _insert(fields)
        case 0x06:
            return TimeSignal(_splice_time(fields))
        case 0x07:
            return BandwidthReservation()
    if length is None:
        raise ValueError(f"a command of type {kind:#04x} does not say how long it is")
    if kind == 0xFF:
        if length < 4:
            raise ValueError("a private command has an identifier")
        return PrivateCommand(fields.take(32), fields.octets(length - 4))
    return UnknownCommand(kind, fields.octets(length))


def write(command: Command) -> bytes:
    """The octets behind splice_command_type. Raises ValueError for what does not fit into its field."""
    out = Writer()
    match command:
        case SpliceSchedule():
            out.put(len(command.events), 8)
            for event in command.events:
                _put_scheduled(out, event)
        case SpliceInsert():
            _put_insert(out, command)
        case TimeSignal():
            _put_time(out, command.time)
        case PrivateCommand():
            out.put(command.identifier, 32)
            out.octets(command.data)
        case UnknownCommand():
            out.octets(command.data)
    return out.to_bytes()


def _insert(fields: Reader) -> SpliceInsert:
    event_id, cancel = fields.take(32), fields.flag()
    fields.take(7)
    if cancel:
        return SpliceInsert(event_id=event_id, cancel=True)
    out, program, lasts, immediate, compliance = (fields.flag() for _ in range(5))
    fields.take(3)
    time: int | None = None
    components: tuple[Component, ...] = ()
    if program and not immediate:
        time = _splice_time(fields)
    elif not program:
        components = tuple(
            Component(fields.take(8), None if immediate else _splice_time(fields)) for _ in range(fields.take(8))
        )
    return SpliceInsert(
        event_id=event_id,
        out_of_network=out,
        program=program,
        immediate=immediate,
        compliance=compliance,
        time=time,
        components=components,
        duration=_break_duration(fields) if lasts else None,
        unique_program_id=fields.take(16),
        avail_num=fields.take(8),
        avails_expected=fields.take(8),
    )


def _put_insert(out: Writer, command: SpliceInsert) -> None:
    out.put(command.event_id, 32)
    out.put(command.cancel, 1)
    out.ones(7)
    if command.cancel:
        return
    flags = (
        command.out_of_network,
        command.program,
        command.duration is not None,
        command.immediate,
        command.compliance,
    )
    for flag in flags:
        out.put(flag, 1)
    out.ones(3)
    if command.program and not command.immediate:
        _put_time(out, command.time)
    elif not command.program:
        out.put(len(command.components), 8)
        for component in command.components:
            out.put(component.tag, 8)
            if not command.immediate:
                _put_time(out, component.time)
    _put_end(out, command)


def _scheduled(fields: Reader) -> ScheduledSplice:
    event_id, cancel, compliance = fields.take(32), fields.flag(), fields.flag()
    fields.take(6)
    if cancel:
        return ScheduledSplice(event_id=event_id, cancel=True, compliance=compliance)
    out, program, lasts = (fields.flag() for _ in range(3))
    fields.take(5)
    utc_time = fields.take(32) if program else None
    count = 0 if program else fields.take(8)
    return ScheduledSplice(
        event_id=event_id,
        compliance=compliance,
        out_of_network=out,
        utc_time=utc_time,
        components=tuple((fields.take(8), fields.take(32)) for _ in range(count)),
        duration=_break_duration(fields) if lasts else None,
        unique_program_id=fields.take(16),
        avail_num=fields.take(8),
        avails_expected=fields.take(8),
    )


def _put_scheduled(out: Writer, event: ScheduledSplice) -> None:
    out.put(event.event_id, 32)
    out.put(event.cancel, 1)
    out.put(event.compliance, 1)
    out.ones(6)
    if event.cancel:
        return
    for flag in (event.out_of_network, event.utc_time is not None, event.duration is not None):
        out.put(flag, 1)
    out.ones(5)
    if event.utc_time is not None:
        out.put(event.utc_time, 32)
    else:
        out.put(len(event.components), 8)
        for tag, utc_time in event.components:
            out.put(tag, 8)
            out.put(utc_time, 32)
    _put_end(out, event)


def _put_end(out: Writer, command: SpliceInsert | ScheduledSplice) -> None:
    if command.duration is not None:
        out.put(command.duration.auto_return, 1)
        out.ones(6)
        out.put(command.duration.duration, 33)
    out.put(command.unique_program_id, 16)
    out.put(command.avail_num, 8)
    out.put(command.avails_expected, 8)


def _splice_time(fields: Reader) -> int | None:
    """9.8.1."""
    if fields.flag():
        fields.take(6)
        return fields.take(33)
    fields.take(7)
    return None


def _put_time(out: Writer, time: int | None) -> None:
    if time is None:
        out.put(0, 1)
        out.ones(7)
    else:
        out.put(1, 1)
        out.ones(6)
        out.put(time, 33)


def _break_duration(fields: Reader) -> BreakDuration:
    auto_return = fields.flag()
    fields.take(6)
    return BreakDuration(fields.take(33), auto_return)
