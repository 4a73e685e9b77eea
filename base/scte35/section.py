"""splice_info_section (SCTE 35 2023r1 9.6): parse and write.

Reserved bits are written as ones, as the standard has it. A section that has them otherwise is read all the same, and
is not the same octets when it is written; what is passed on to players is therefore always the section as it came.
"""

from __future__ import annotations

from dataclasses import dataclass

from base.crc import crc32
from base.problems import Problem
from base.scte35 import commands, descriptors
from base.scte35.bits import Reader, Writer
from base.scte35.commands import Command
from base.scte35.descriptors import Descriptor

TABLE_ID = 0xFC
LARGEST = 4096  # octets: section_length is at most 4093
PTS_WRAP = 1 << 33
_UNKNOWN_LENGTH = 0xFFF
_FIXED = 14  # octets before the command, table_id and section_length included
_CRC = 4


@dataclass(frozen=True, slots=True)
class Ciphered:
    """What an encrypted section has in place of command and descriptors (11): not read, kept as it is.

    `data` begins with splice_command_length (four bits in front of it are 0) and ends before CRC_32.
    """

    algorithm: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`tier`, `cw_index`, `sap_type` as in the standard. `length_said`: False in sections of old senders.

    `stuffing`: octets between the descriptors and CRC_32.
    """

    command: Command | Ciphered
    descriptors: tuple[Descriptor, ...] = ()
    pts_adjustment: int = 0
    tier: int = 0xFFF
    cw_index: int = 0xFF
    sap_type: int = 3
    length_said: bool = True
    stuffing: bytes = b""

    def adjusted(self, time: int) -> int:
        """A splice_time of this section on the clock of the program that carries it now (9.6)."""
        return (time + self.pts_adjustment) % PTS_WRAP


def parse(data: bytes) -> Section:
    """One whole section, table_id to CRC_32. Raises Problem malformed or too-large."""
    if len(data) > LARGEST:
        raise Problem("too-large", f"a splice_info_section has at most {LARGEST} octets")
    if len(data) < _FIXED + 2 + _CRC or data[0] != TABLE_ID:
        raise Problem("malformed", "this is no splice_info_section: it begins with FC and has 20 octets at least")
    if len(data) != 3 + ((data[1] & 0x0F) << 8 | data[2]):
        raise Problem("malformed", "section_length is not the length of the section")
    if crc32(data):
        raise Problem("malformed", "CRC_32 is wrong: the section was damaged")
    try:
        return _parse(data)
    except ValueError as fault:
        raise Problem("malformed", f"the splice_info_section cannot be read: {fault}") from fault


def _parse(data: bytes) -> Section:
    head = Reader(data[:-_CRC])
    head.take(8 + 2)
    sap_type = head.take(2)
    head.take(12)
    if version := head.take(8):
        raise ValueError(f"its protocol_version is {version}, 0 is known")
    encrypted, algorithm = head.flag(), head.take(6)
    adjustment, cw_index, tier = head.take(33), head.take(8), head.take(12)
    if encrypted:
        return Section(
            command=Ciphered(algorithm, bytes([data[11] & 0x0F]) + data[12:-_CRC]),
            pts_adjustment=adjustment,
            tier=tier,
            cw_index=cw_index,
            sap_type=sap_type,
        )
    length, kind = head.take(12), head.take(8)
    before = head.left
    said = length != _UNKNOWN_LENGTH
    command = commands.read(kind, head, length if said else None)
    if said and before - head.left != length:
        raise ValueError(f"the command has {before - head.left} octets, not {length}")
    loop = Reader(head.octets(head.take(16)))
    found = []
    while loop.left:
        tag = loop.take(8)
        found.append(descriptors.read(tag, loop.octets(loop.take(8))))
    return Section(
        command=command,
        descriptors=tuple(found),
        pts_adjustment=adjustment,
        tier=tier,
        cw_index=cw_index,
        sap_type=sap_type,
        length_said=said,
        stuffing=head.rest(),
    )


def write(section: Section) -> bytes:
    """The section's octets. Raises ValueError for what does not fit into its field or into a section."""
    body = Writer()
    command = section.command
    body.put(0, 8)
    body.put(isinstance(command, Ciphered), 1)
    body.put(command.algorithm if isinstance(command, Ciphered) else 0, 6)
    body.put(section.pts_adjustment, 33)
    body.put(section.cw_index, 8)
    body.put(section.tier, 12)
    if isinstance(command, Ciphered):
        body.put(
            (command.data[0] & 0x0F) << 8 * (len(command.data) - 1) | int.from_bytes(command.data[1:], "big"),
            8 * len(command.data) - 4,
        )
    else:
        _put_clear(body, section, command)
    inner = body.to_bytes()
    if 3 + len(inner) + _CRC > LARGEST:
        raise ValueError(f"a section has at most {LARGEST} octets")
    out = Writer()
    out.put(TABLE_ID, 8)
    out.put(0, 2)
    out.put(section.sap_type, 2)
    out.put(len(inner) + _CRC, 12)
    whole = out.to_bytes() + inner
    return whole + crc32(whole).to_bytes(_CRC, "big")


def _put_clear(body: Writer, section: Section, command: Command) -> None:
    octets = commands.write(command)
    body.put(len(octets) if section.length_said else _UNKNOWN_LENGTH, 12)
    body.put(commands.type_of(command), 8)
    body.octets(octets)
    loop = Writer()
    for descriptor in section.descriptors:
        tag, data = descriptors.write(descriptor)
        loop.put(tag, 8)
        loop.put(len(data), 8)
        loop.octets(data)
    listed = loop.to_bytes()
    body.put(len(listed), 16)
    body.octets(listed)
    body.octets(section.stuffing)
