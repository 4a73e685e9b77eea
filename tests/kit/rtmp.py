"""The publisher's side of RTMP as octets: for dialogues with the sans-IO cores and for hostile connections."""

from __future__ import annotations

import struct

from ingest import amf
from ingest.chunks import ChunkReader, ChunkWriter, Message
from ingest.handshake import SIZE

# 320x180 baseline, made by libx264; AAC LC 48 kHz stereo.
SPS = bytes.fromhex("6742c00cda05067e7840000003004000000ca3c50aa8")
PPS = bytes.fromhex("68ce0fc8")
AVCC = bytes((1, *SPS[1:4], 0xFF, 0xE1)) + struct.pack(">H", len(SPS)) + SPS + b"\x01" + struct.pack(">H", 4) + PPS
ASC = bytes.fromhex("1190")


def hello() -> bytes:
    """C0, C1 and C2 at once, as a publisher that does not wait."""
    return b"\x03" + bytes(SIZE) + bytes(SIZE)


def command(writer: ChunkWriter, *values: amf.Value | int | dict[str, amf.Value], stream: int = 0) -> bytes:
    return writer.write(3, Message(type=20, stream=stream, timestamp=0, body=amf.encode(*values)))


def opening(key: str, writer: ChunkWriter | None = None, *, app: str = "live") -> bytes:
    """Everything that FFmpeg sends up to and with publish."""
    writer = writer or ChunkWriter()
    return hello() + b"".join(
        (
            command(writer, "connect", 1, {"app": app, "flashVer": "test", "tcUrl": "rtmp://localhost/live"}),
            command(writer, "releaseStream", 2, None, key),
            command(writer, "FCPublish", 3, None, key),
            command(writer, "createStream", 4, None),
            command(writer, "publish", 5, None, key, "live", stream=1),
        )
    )


def video(writer: ChunkWriter, body: bytes, ms: int) -> bytes:
    return writer.write(6, Message(type=9, stream=1, timestamp=ms & 0xFFFFFFFF, body=body))


def audio(writer: ChunkWriter, body: bytes, ms: int) -> bytes:
    return writer.write(4, Message(type=8, stream=1, timestamp=ms & 0xFFFFFFFF, body=body))


def avc_config(avcc: bytes = AVCC) -> bytes:
    return b"\x17\x00\x00\x00\x00" + avcc


def avc_frame(*, key: bool, cto_ms: int = 0, size: int = 40) -> bytes:
    unit = bytes((0x65 if key else 0x41,)) + b"\x88" * (size - 1)
    head = bytes((0x17 if key else 0x27, 1)) + cto_ms.to_bytes(3, "big", signed=True)
    return head + struct.pack(">I", len(unit)) + unit


def aac_config(asc: bytes = ASC) -> bytes:
    return b"\xaf\x00" + asc


def aac_frame(data: bytes = b"\x21\x10\x04") -> bytes:
    return b"\xaf\x01" + data


def stream(key: str, *, seconds: float = 4.0, gop_s: float = 2.0, rate: int = 25) -> bytes:
    """A whole publish: opening, configurations, frames of both tracks, the end."""
    writer = ChunkWriter()
    out = bytearray(opening(key, writer))
    out += writer.set_chunk_size(4096)
    metadata = amf.encode("@setDataFrame", "onMetaData", {"width": 320.0, "encoder": "test"})
    out += writer.write(4, Message(type=18, stream=1, timestamp=0, body=metadata))
    out += video(writer, avc_config(), 0) + audio(writer, aac_config(), 0)
    step = round(gop_s * rate)
    sound = 0
    for n in range(round(seconds * rate)):
        ms = n * 1000 // rate
        out += video(writer, avc_frame(key=n % step == 0), ms)
        while sound * 1024 * 1000 // 48000 <= ms:
            out += audio(writer, aac_frame(), sound * 1024 * 1000 // 48000)
            sound += 1
    out += command(writer, "FCUnpublish", 6, None, key) + command(writer, "deleteStream", 7, None, 1)
    return bytes(out)


def answers(octets: bytes) -> list[Message]:
    """The messages of a server's answer, its handshake skipped."""
    reader = ChunkReader()
    return reader.feed(octets[1 + 2 * SIZE :])


def statuses(octets: bytes) -> list[tuple[str, str]]:
    """(code, description) of every onStatus in a server's answer."""
    found = []
    for message in answers(octets):
        if message.type == 20:
            values = amf.decode(message.body)
            if values[0] == "onStatus" and isinstance(values[3], dict):
                found.append((str(values[3]["code"]), str(values[3]["description"])))
    return found
