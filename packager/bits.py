"""Reading bits: Exp-Golomb codes and raw byte sequence payloads (ITU-T H.264 7.3.1, 9.1)."""

from __future__ import annotations

from collections.abc import Callable

_HEAD = 48  # octets that are looked at first: most slice headers are shorter


class Bits:
    """A cursor over the bits of `data`, first bit first. Raises ValueError past the end."""

    __slots__ = ("_all", "_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = self._all = len(data) * 8

    @property
    def taken(self) -> int:
        """Bits that were read."""
        return self._all - self._left

    def read(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the bits end too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        left = self._left - 1
        if left < 0:
            raise ValueError("the bits end too early")
        self._left = left
        return self._value >> left & 1 == 1

    def ue(self) -> int:
        """ue(v), H.264 9.1."""
        left = self._left
        zeros = left - (self._value & ((1 << left) - 1)).bit_length()
        if zeros > 32:
            raise ValueError("an Exp-Golomb code is too long")
        if 2 * zeros >= left:
            raise ValueError("the bits end too early")
        self._left = left = left - 2 * zeros - 1
        return ((self._value >> left) & ((2 << zeros) - 1)) - 1

    def se(self) -> int:
        """se(v), H.264 9.1.1."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def unescape(nal: bytes) -> bytes:
    """A NAL unit without emulation prevention octets (H.264 7.3.1, H.265 7.3.1.1)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00") if b"\x00\x00\x03" in nal else nal


def header_octets(unit: memoryview, skip: int, read: Callable[[Bits], None]) -> int:
    """Octets of a NAL unit up to the end of what `read` reads behind its first `skip`, rounded up to whole octets.

    Emulation prevention octets within count, one that follows does not. Raises ValueError as `read` does.
    """
    size = _HEAD
    while True:
        head = bytes(unit[skip:size])
        bits = Bits(unescape(head))
        try:
            read(bits)
            break
        except ValueError:  # perhaps only since the head was cut off
            if size >= len(unit):
                raise
            size *= 8
    octets = (bits.taken + 7) // 8
    at = head.find(b"\x00\x00\x03")
    while at >= 0 and at + 2 < octets:
        octets += 1
        at = head.find(b"\x00\x00\x03", at + 3)
    return skip + octets
