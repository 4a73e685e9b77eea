"""AV1 configuration: av1C and what a sample says of itself (AV1 Codec ISO Media File Format Binding 2.3, 2.4)."""

from __future__ import annotations

from base.problems import Problem
from packager.av1_sequence import Sequence, read_sequence
from packager.obus import FRAME, FRAME_HEADER, SEQUENCE, TEMPORAL_DELIMITER, obus

_HEAD = 4  # octets of av1C before its OBUs


def record(head: bytes, sequence: bytes) -> bytes:
    """An av1C of the four octets of another one and a sequence header OBU with its size."""
    return head[:_HEAD] + sequence


def sequence(av1c: bytes) -> Sequence | None:
    """The sequence header in an av1C, None if it has none. Raises Problem unplayable."""
    if len(av1c) < _HEAD or av1c[0] != 0x81:  # marker 1, version 1
        raise Problem("unplayable", "the AV1 configuration (av1C) is damaged: not a configuration record")
    try:
        found = sequence_header(av1c[_HEAD:])
        return read_sequence(found[1]) if found else None
    except ValueError as fault:
        raise Problem("unplayable", f"the AV1 configuration (av1C) is damaged: {fault}") from fault


def sequence_header(data: bytes) -> tuple[bytes, bytes] | None:
    """The first sequence header among OBUs: the whole unit, and its payload. Raises ValueError."""
    at = 0
    for unit in obus(memoryview(data)):
        if unit.type == SEQUENCE:
            return data[at : unit.end], data[unit.start : unit.end]
        at = unit.end
    return None


def sample(temporal_unit: bytes) -> tuple[bytes, bool]:
    """A temporal unit without delimiters (2.4), and whether it is a sync sample: its first frame is a key frame that is
    shown (2.4; frame types: 5.9.2). Raises ValueError."""
    start = 0
    for unit in obus(memoryview(temporal_unit)):
        if unit.type == TEMPORAL_DELIMITER and start == unit.start - 2:
            start = unit.end
        elif unit.type in (FRAME, FRAME_HEADER):
            # show_existing_frame 0, frame_type 0 (KEY_FRAME), show_frame 1
            key = unit.start < unit.end and temporal_unit[unit.start] >> 4 == 1
            return temporal_unit[start:], key
    return temporal_unit[start:], False
