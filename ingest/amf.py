"""AMF0, the value encoding of RTMP commands, read within limits and written for our answers.

Source: Action Message Format AMF0 (2007-12), sections 2.2 to 2.18; E-RTMP v2 for the AMF3 form (R11: an octet 0, then
AMF0 values). Numbers are floats, undefined and null are None, dates are milliseconds since 1970 as a float.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Union

from base.problems import Problem

Value = Union[None, bool, float, str, "dict[str, Value]", "list[Value]"]

MAX_DEPTH = 16
MAX_VALUES = 4096  # in one message, keys counted with their values

# Markers that are written (2.1).
_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _STRICT_ARRAY, _LONG_STRING = 0x00, 0x01, 0x02, 0x03, 0x05, 0x0A, 0x0C


def decode(body: bytes, *, amf3_form: bool = False) -> list[Value]:
    """All values of a message body. Raises Problem malformed: truncated, too deep, too many, or a marker we refuse."""
    if amf3_form:
        if body[:1] != b"\0":
            raise Problem("malformed", "an AMF3 message must begin with the octet 0 (E-RTMP v2)")
        body = body[1:]
    reader = _Reader(body)
    values = []
    while reader.at < len(body):
        values.append(reader.value(0))
    return values


def encode(*values: Value | int | Mapping[str, Value | int]) -> bytes:
    """AMF0 of the values one after the other; integers are written as numbers."""
    out = bytearray()
    for value in values:
        _write(out, value)
    return bytes(out)


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0
        self.left = MAX_VALUES

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.body):
            raise Problem("malformed", f"AMF0 value is cut short at octet {self.at}")
        taken = self.body[self.at : end]
        self.at = end
        return taken

    def text(self, width: int) -> str:
        size = int.from_bytes(self.take(width), "big")
        try:
            return self.take(size).decode()
        except UnicodeDecodeError as fault:
            raise Problem("malformed", "AMF0 string is not UTF-8") from fault

    def value(self, depth: int) -> Value:
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise Problem("malformed", f"AMF0 message is deeper than {MAX_DEPTH} or has over {MAX_VALUES} values")
        marker = self.take(1)[0]
        match marker:
            case 0x00:
                return float(struct.unpack(">d", self.take(8))[0])
            case 0x01:
                return self.take(1) != b"\0"
            case 0x02:
                return self.text(2)
            case 0x03:
                return self.pairs(depth)
            case 0x05 | 0x06:
                return None
            case 0x08:  # the count before the pairs is only a hint (2.10)
                self.take(4)
                return self.pairs(depth)
            case 0x0A:
                count = int.from_bytes(self.take(4), "big")
                if count > self.left:
                    raise Problem("malformed", f"AMF0 array of {count} values is over the limit")
                return [self.value(depth + 1) for _ in range(count)]
            case 0x0B:
                when = float(struct.unpack(">d", self.take(8))[0])
                self.take(2)  # time zone: reserved, shall be 0
                return when
            case 0x0C | 0x0F:
                return self.text(4)
            case 0x10:
                self.text(2)  # the class name
                return self.pairs(depth)
            case 0x11:
                raise Problem("malformed", "AMF3 values are not taken: publish with objectEncoding 0")
            case _:
                raise Problem("malformed", f"AMF0 marker 0x{marker:02x} is not taken")

    def pairs(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            key = self.text(2)
            if not key and self.body[self.at : self.at + 1] == b"\x09":
                self.at += 1
                return found
            found[key] = self.value(depth + 1)


def _write(out: bytearray, value: Value | int | Mapping[str, Value | int]) -> None:
    match value:
        case None:
            out.append(_NULL)
        case bool():
            out += bytes((_BOOLEAN, value))
        case int() | float():
            out += struct.pack(">Bd", _NUMBER, value)
        case str():
            data = value.encode()
            if len(data) < 0x10000:
                out += struct.pack(">BH", _STRING, len(data)) + data
            else:
                out += struct.pack(">BI", _LONG_STRING, len(data)) + data
        case list():
            out += struct.pack(">BI", _STRICT_ARRAY, len(value))
            for item in value:
                _write(out, item)
        case _:
            assert isinstance(value, Mapping)
            out.append(_OBJECT)
            for key, item in value.items():
                name = key.encode()
                out += struct.pack(">H", len(name)) + name
                _write(out, item)
            out += b"\0\0\x09"
