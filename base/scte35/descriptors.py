"""Splice descriptors (SCTE 35 2023r1 10): frozen values, and their octets."""

from __future__ import annotations

from dataclasses import dataclass

from base.scte35.bits import Reader, Writer

IDENTIFIER = 0x43554549  # "CUEI" (10.1)
_AVAIL, _DTMF, _SEGMENTATION, _TIME, _AUDIO = range(5)
# segmentation types that say which of how many sub-segments they are (10.3.3.1)
WITH_SUB_SEGMENTS = frozenset({0x34, 0x36, 0x38, 0x3A, 0x44, 0x46})
MID = 0x0D  # a UPID that is made of UPIDs (10.3.3.3)


@dataclass(frozen=True, slots=True)
class Avail:
    """10.3.1."""

    provider_avail_id: int


@dataclass(frozen=True, slots=True)
class Dtmf:
    """10.3.2: tones for old equipment. `preroll` in tenths of a second; `chars` of 0-9 * #."""

    preroll: int
    chars: bytes


@dataclass(frozen=True, slots=True)
class Restrictions:
    """10.3.3.1: where it may be delivered. `device`: 0 to 2 are groups, 3 is none."""

    web_delivery_allowed: bool = True
    no_regional_blackout: bool = True
    archive_allowed: bool = True
    device: int = 3


@dataclass(frozen=True, slots=True)
class Upid:
    """10.3.3.1: an identifier of content; what its octets mean is the type's."""

    type: int = 0
    data: bytes = b""

    @property
    def parts(self) -> tuple[Upid, ...]:
        """The UPIDs that a MID is made of, else the UPID itself. Raises ValueError if they are cut short."""
        if self.type != MID:
            return (self,)
        fields, found = Reader(self.data), []
        while fields.left:
            found.append(Upid(fields.take(8), fields.octets(fields.take(8))))
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """10.3.3. `duration` in ticks of 90 kHz; `components`: (tag, offset of PTS); `sub`: (number, expected)."""

    event_id: int
    cancel: bool = False
    compliance: bool = True
    components: tuple[tuple[int, int], ...] | None = None
    duration: int | None = None
    restrictions: Restrictions | None = None
    upid: Upid = Upid()
    type: int = 0
    num: int = 0
    expected: int = 0
    sub: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Time:
    """10.3.4: the wall clock, as TAI, and how far UTC is behind it."""

    tai_seconds: int
    tai_ns: int
    utc_offset: int


@dataclass(frozen=True, slots=True)
class AudioComponent:
    """10.3.5. `language`: ISO 639-2, three letters."""

    tag: int
    language: bytes
    bit_stream_mode: int
    channels: int
    full_service: bool


@dataclass(frozen=True, slots=True)
class Audio:
    """10.3.5."""

    components: tuple[AudioComponent, ...]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A descriptor of another owner or kind, or one that is not as the standard says: kept as it is."""

    tag: int
    data: bytes  # with the identifier in front


Descriptor = Avail | Dtmf | Segmentation | Time | Audio | Opaque


def read(tag: int, data: bytes) -> Descriptor:
    """`data`: what follows descriptor_length. Never raises: what cannot be read is Opaque."""
    fields = Reader(data)
    try:
        found = _read(tag, fields) if fields.take(32) == IDENTIFIER else None
    except ValueError:
        found = None
    if found is None or fields.left or write(found) != (tag, data):
        return Opaque(tag, data)
    return found


def write(descriptor: Descriptor) -> tuple[int, bytes]:
    """Tag and octets behind descriptor_length. Raises ValueError for what does not fit into its field."""
    if isinstance(descriptor, Opaque):
        return descriptor.tag, descriptor.data
    out = Writer()
    out.put(IDENTIFIER, 32)
    match descriptor:
        case Avail():
            tag = _AVAIL
            out.put(descriptor.provider_avail_id, 32)
        case Dtmf():
            tag = _DTMF
            out.put(descriptor.preroll, 8)
            out.put(len(descriptor.chars), 3)
            out.ones(5)
            out.octets(descriptor.chars)
        case Segmentation():
            tag = _SEGMENTATION
            _put_segmentation(out, descriptor)
        case Time():
            tag = _TIME
            out.put(descriptor.tai_seconds, 48)
            out.put(descriptor.tai_ns, 32)
            out.put(descriptor.utc_offset, 16)
        case Audio():
            tag = _AUDIO
            out.put(len(descriptor.components), 4)
            out.ones(4)
            for one in descriptor.components:
                out.put(one.tag, 8)
                out.put(int.from_bytes(one.language, "big"), 24)
                out.put(one.bit_stream_mode, 3)
                out.put(one.channels, 4)
                out.put(one.full_service, 1)
    return tag, out.to_bytes()


def _read(tag: int, fields: Reader) -> Descriptor | None:
    match tag:
        case 0:
            return Avail(fields.take(32))
        case 1:
            preroll, count = fields.take(8), fields.take(3)
            fields.take(5)
            return Dtmf(preroll, fields.octets(count))
        case 2:
            return _segmentation(fields)
        case 3:
            return Time(fields.take(48), fields.take(32), fields.take(16))
        case 4:
            count = fields.take(4)
            fields.take(4)
            return Audio(tuple(_audio(fields) for _ in range(count)))
    return None


def _audio(fields: Reader) -> AudioComponent:
    return AudioComponent(fields.take(8), fields.octets(3), fields.take(3), fields.take(4), fields.flag())


def _segmentation(fields: Reader) -> Segmentation:
    event_id, cancel, compliance = fields.take(32), fields.flag(), fields.flag()
    fields.take(6)
    if cancel:
        return Segmentation(event_id=event_id, cancel=True, compliance=compliance)
    program, lasts, unrestricted = (fields.flag() for _ in range(3))
    restrictions = None
    if unrestricted:
        fields.take(5)
    else:
        restrictions = Restrictions(fields.flag(), fields.flag(), fields.flag(), fields.take(2))
    components = None if program else tuple(_component(fields) for _ in range(fields.take(8)))
    duration = fields.take(40) if lasts else None
    upid = Upid(fields.take(8), fields.octets(fields.take(8)))
    kind, num, expected = fields.take(8), fields.take(8), fields.take(8)
    sub = None
    if kind in WITH_SUB_SEGMENTS and fields.left >= 2:  # older senders end here
        sub = fields.take(8), fields.take(8)
    return Segmentation(
        event_id=event_id,
        compliance=compliance,
        components=components,
        duration=duration,
        restrictions=restrictions,
        upid=upid,
        type=kind,
        num=num,
        expected=expected,
        sub=sub,
    )


def _component(fields: Reader) -> tuple[int, int]:
    tag = fields.take(8)
    fields.take(7)
    return tag, fields.take(33)


def _put_segmentation(out: Writer, it: Segmentation) -> None:
    out.put(it.event_id, 32)
    out.put(it.cancel, 1)
    out.put(it.compliance, 1)
    out.ones(6)
    if it.cancel:
        return
    out.put(it.components is None, 1)
    out.put(it.duration is not None, 1)
    out.put(it.restrictions is None, 1)
    if it.restrictions is None:
        out.ones(5)
    else:
        out.put(it.restrictions.web_delivery_allowed, 1)
        out.put(it.restrictions.no_regional_blackout, 1)
        out.put(it.restrictions.archive_allowed, 1)
        out.put(it.restrictions.device, 2)
    if it.components is not None:
        out.put(len(it.components), 8)
        for tag, offset in it.components:
            out.put(tag, 8)
            out.ones(7)
            out.put(offset, 33)
    if it.duration is not None:
        out.put(it.duration, 40)
    out.put(it.upid.type, 8)
    out.put(len(it.upid.data), 8)
    out.octets(it.upid.data)
    for value in (it.type, it.num, it.expected, *(it.sub or ())):
        out.put(value, 8)
