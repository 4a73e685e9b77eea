"""Reading bits: Exp-Golomb codes and raw byte sequence payloads (ITU-T H.264 7.3.1, 9.1)."""

from __future__ import annotations


class Bits:
    """A cursor over the bits of `data`, first bit first. Raises ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the bits end too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.read(1) == 1

    def ue(self) -> int:
        """ue(v), H.264 9.1."""
        zeros = 0
        while self.read(1) == 0:
            zeros += 1
            if zeros > 32:
                raise ValueError("an Exp-Golomb code is too long")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """se(v), H.264 9.1.1."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def unescape(nal: bytes) -> bytes:
    """A NAL unit without emulation prevention octets (H.264 7.3.1, H.265 7.3.1.1)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00") if b"\x00\x00\x03" in nal else nal
