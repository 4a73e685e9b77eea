"""The RTMP chunk stream, without I/O: octets to messages and back (RTMP 1.0 section 5.3).

A chunk is a basic header (fmt and chunk stream id), a message header whose missing fields come from the chunk before
on the same chunk stream, perhaps 4 octets of extended timestamp, and up to one chunk size of payload. Set Chunk Size
and Abort act on the reader itself, so they are obeyed here (5.4); every other message is handed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from base.problems import Problem

MAX_MESSAGE = 0xFFFFFF  # 24 bits of length cannot say more, so no message needs refusing
MAX_CHUNK = 1 << 20
MAX_STREAMS = 64
MAX_BUFFERED = 32 << 20  # octets of unfinished messages on all chunk streams together

SET_CHUNK_SIZE = 1
ABORT = 2
CONTROL_CSID = 2

_EXTENDED = 0xFFFFFF
_HEADER_SIZE = (11, 7, 3, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One RTMP message. `timestamp` in ms modulo 2^32 (section 4), `stream` the message stream id."""

    type: int
    stream: int
    timestamp: int
    body: bytes


@dataclass(slots=True)
class _ChunkStream:
    """What later chunks of one chunk stream inherit (5.3.1.2)."""

    timestamp: int = 0
    delta: int = 0
    length: int = 0
    type: int = 0
    stream: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)
    begun: bool = False


class ChunkReader:
    """Octets in, messages out. After a Problem it must not be fed again."""

    def __init__(self) -> None:
        self.chunk_size = 128
        self.received = 0  # octets, for acknowledgements (5.4.3)
        self._buffer = bytearray()
        self._streams: dict[int, _ChunkStream] = {}
        self._buffered = 0

    def feed(self, data: bytes) -> list[Message]:
        """Raises Problem malformed (header that cannot be) or too-large (a limit of this module)."""
        self.received += len(data)
        self._buffer += data
        found: list[Message] = []
        at = 0
        while (end := self._chunk(at, found)) > at:
            at = end
        if at:
            del self._buffer[:at]
        return found

    def _chunk(self, at: int, found: list[Message]) -> int:
        """Read the chunk that begins at `at`; returns where it ends, or `at` while it is not all there."""
        buffer, have = self._buffer, len(self._buffer)
        start = at
        if have <= at:
            return start
        fmt, csid = buffer[at] >> 6, buffer[at] & 63
        if fmt == 3 and csid > 1:
            begun = self._streams.get(csid)
            if begun is not None and begun.begun and not begun.extended:  # most chunks: a message goes on
                end = at + 1 + min(self.chunk_size, begun.length - len(begun.body))
                return start if have < end else self._take(begun, at + 1, end, found)
        at += 1
        if csid < 2:  # 5.3.1.1: one or two further octets
            if have < at + csid + 1:
                return start
            csid, at = 64 + int.from_bytes(buffer[at : at + csid + 1], "little"), at + csid + 1
        size = _HEADER_SIZE[fmt]
        if have < at + size:
            return start
        known = self._streams.get(csid)
        if known is None:
            if fmt != 0:
                raise Problem("malformed", f"chunk stream {csid} begins without a full header (RTMP 5.3.1.2)")
            if len(self._streams) >= MAX_STREAMS:
                raise Problem("too-large", f"more than {MAX_STREAMS} chunk streams")
            known = _ChunkStream()
        if known.begun and fmt != 3:
            raise Problem("malformed", f"chunk stream {csid}: a message begins before the last one ended")
        header = buffer[at : at + size]
        at += size
        given = int.from_bytes(header[:3], "big") if fmt < 3 else 0
        extended = given == _EXTENDED if fmt < 3 else known.extended
        length = int.from_bytes(header[3:6], "big") if fmt < 2 else known.length
        if extended:  # 5.3.1.3, on fmt 3 also
            if have < at + 4:
                return start
            if fmt < 3:
                given = int.from_bytes(buffer[at : at + 4], "big")
            at += 4
        take = min(self.chunk_size, length - len(known.body))
        if have < at + take:
            return start
        self._streams[csid] = known
        if not known.begun:
            self._begin(known, fmt, given, header, extended, length)
        return self._take(known, at, at + take, found)

    def _take(self, known: _ChunkStream, at: int, end: int, found: list[Message]) -> int:
        """The payload of a chunk lies from `at` to `end`."""
        known.body += self._buffer[at:end]
        self._buffered += end - at
        if self._buffered > MAX_BUFFERED:
            raise Problem("too-large", f"unfinished messages of over {MAX_BUFFERED} octets")
        if len(known.body) == known.length:
            self._finish(known, found)
        return end

    @staticmethod
    def _begin(known: _ChunkStream, fmt: int, given: int, header: bytearray, extended: bool, length: int) -> None:
        if fmt < 3:
            known.extended = extended
            known.delta = given
        if fmt == 0:
            known.timestamp = given
            known.stream = int.from_bytes(header[7:11], "little")
        else:  # a fmt 3 that begins a message repeats the delta; after fmt 0 that is its timestamp (5.3.1.2.4)
            known.timestamp = (known.timestamp + known.delta) & 0xFFFFFFFF
        if fmt < 2:
            known.length = length
            known.type = header[6]
        known.begun = True

    def _finish(self, known: _ChunkStream, found: list[Message]) -> None:
        body = bytes(known.body)
        self._drop(known)
        if known.type == SET_CHUNK_SIZE:
            asked = int.from_bytes(body[:4], "big")
            if len(body) != 4 or not 1 <= asked < 1 << 31:
                raise Problem("malformed", "Set Chunk Size must be 1 or more with the top bit 0 (RTMP 5.4.1)")
            if asked > MAX_CHUNK:
                raise Problem("too-large", f"a chunk size of {asked} is over the limit of {MAX_CHUNK}")
            self.chunk_size = asked
        elif known.type == ABORT:
            aborted = self._streams.get(int.from_bytes(body[:4], "big"))
            if aborted is not None:
                self._drop(aborted)
        else:
            found.append(Message(type=known.type, stream=known.stream, timestamp=known.timestamp, body=body))

    def _drop(self, known: _ChunkStream) -> None:
        self._buffered -= len(known.body)
        known.body = bytearray()
        known.begun = False


class ChunkWriter:
    """Messages to octets: every message with a full header, continued with fmt 3."""

    def __init__(self) -> None:
        self.chunk_size = 128

    def write(self, csid: int, message: Message) -> bytes:
        assert 2 <= csid < 64
        extended = message.timestamp >= _EXTENDED
        extra = message.timestamp.to_bytes(4, "big") if extended else b""
        out = bytearray((csid,))
        out += min(message.timestamp, _EXTENDED).to_bytes(3, "big") + len(message.body).to_bytes(3, "big")
        out += bytes((message.type,)) + message.stream.to_bytes(4, "little") + extra
        out += message.body[: self.chunk_size]
        for at in range(self.chunk_size, len(message.body), self.chunk_size):
            out += bytes((0xC0 | csid,)) + extra + message.body[at : at + self.chunk_size]
        return bytes(out)

    def set_chunk_size(self, size: int) -> bytes:
        """The message that announces a new chunk size, which holds from the next message on."""
        message = Message(type=SET_CHUNK_SIZE, stream=0, timestamp=0, body=size.to_bytes(4, "big"))
        out = self.write(CONTROL_CSID, message)
        self.chunk_size = size
        return out
