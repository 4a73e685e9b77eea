"""Reading bits: Exp-Golomb codes and raw byte sequence payloads (ITU-T H.264 7.3.1, 9.1)."""

from __future__ import annotations

from collections.abc import Callable

_HEAD = 48  # octets that are looked at first: most slice headers are shorter
_PREVENTED = b"\x00\x00\x03"  # the last of them is emulation_prevention_three_byte


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

    # What is left is kept as a number: it is the smaller the more was read, and a code of it needs no mask.

    def read(self, count: int) -> int:
        left = self._left - count
        if left < 0:
            raise ValueError("the bits end too early")
        found = self._value >> left
        self._value ^= found << left
        self._left = left
        return found

    def flag(self) -> bool:
        left = self._left - 1
        if left < 0:
            raise ValueError("the bits end too early")
        self._left = left
        if self._value >> left:
            self._value ^= 1 << left
            return True
        return False

    def ue(self) -> int:
        """ue(v), H.264 9.1."""
        value, left = self._value, self._left
        zeros = left - value.bit_length()
        if zeros > 32:
            raise ValueError("an Exp-Golomb code is too long")
        left -= 2 * zeros + 1
        if left < 0:
            raise ValueError("the bits end too early")
        code = value >> left  # the zeros in front of it are no digits
        self._value = value ^ code << left
        self._left = left
        return code - 1

    def skip(self, codes: int) -> None:
        """So many of ue(v) or se(v), whatever they say."""
        value, left = self._value, self._left
        for _ in range(codes):
            zeros = left - value.bit_length()
            left -= 2 * zeros + 1
            if zeros > 32 or left < 0:
                raise ValueError("the bits end too early, or an Exp-Golomb code is too long")
            value ^= value >> left << left
        self._value, self._left = value, left

    def se(self) -> int:
        """se(v), H.264 9.1.1."""
        code = self.ue()
        return code + 1 >> 1 if code & 1 else -(code >> 1)


def unescape(nal: bytes) -> bytes:
    """A NAL unit without emulation prevention octets (H.264 7.3.1, H.265 7.3.1.1)."""
    return nal.replace(_PREVENTED, b"\x00\x00") if _PREVENTED in nal else nal


def header_octets(unit: memoryview, skip: int, read: Callable[[Bits], None]) -> int:
    """Octets of a NAL unit up to the end of what `read` reads behind its first `skip`, rounded up to whole octets.

    Emulation prevention octets within count, one that follows does not. Raises ValueError as `read` does.
    """
    size = _HEAD
    while True:
        head = bytes(unit[skip:size])
        at = head.find(_PREVENTED)
        bits = Bits(head if at < 0 else unescape(head))
        try:
            read(bits)
            break
        except ValueError:  # perhaps only since the head was cut off
            if size >= len(unit):
                raise
            size *= 8
    octets = (bits.taken + 7) // 8
    while at >= 0 and at + 2 < octets:
        octets += 1
        at = head.find(_PREVENTED, at + 3)
    return skip + octets
