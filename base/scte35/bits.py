"""Fields of so many bits, most significant first."""

from __future__ import annotations


class Reader:
    """A cursor over the bits of `data`. Raises ValueError past the end."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, bits: int) -> int:
        if bits > self._left:
            raise ValueError("the octets end too early")
        self._left -= bits
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def octets(self, count: int) -> bytes:
        return self.take(8 * count).to_bytes(count, "big")

    @property
    def left(self) -> int:
        """Whole octets that were not read."""
        return self._left // 8

    def rest(self) -> bytes:
        return self.octets(self.left)


class Writer:
    """What `Reader` reads. Raises ValueError for a value that has more bits than its field."""

    __slots__ = ("_bits", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._bits = 0

    def put(self, value: int, bits: int) -> None:
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit into {bits} bits")
        self._value = self._value << bits | value
        self._bits += bits

    def ones(self, bits: int) -> None:
        """Reserved bits are set (SCTE 35 4)."""
        self.put((1 << bits) - 1, bits)

    def octets(self, data: bytes) -> None:
        self.put(int.from_bytes(data, "big"), 8 * len(data))

    def to_bytes(self) -> bytes:
        assert self._bits % 8 == 0
        return self._value.to_bytes(self._bits // 8, "big")
