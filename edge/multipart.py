"""Several ranges of one object as multipart/byteranges (RFC 9110 14.6, 15.3.7.2). Pure."""

from __future__ import annotations

from collections.abc import Sequence

TYPE = "multipart/byteranges; boundary="


def body(
    whole: bytes, ranges: Sequence[tuple[int, int]], *, content_type: str, boundary: str
) -> list[bytes | memoryview]:
    """The message's pieces in order: a header before each range, which is not copied. Ranges are (start, stop).

    `boundary` must not occur in the object: a random one of 128 bits does not.
    """
    view = memoryview(whole)
    about = f"Content-Type: {content_type}\r\n" if content_type else ""
    pieces: list[bytes | memoryview] = []
    for start, stop in ranges:
        line = f"\r\n--{boundary}\r\n{about}Content-Range: bytes {start}-{stop - 1}/{len(whole)}\r\n\r\n"
        pieces += [line.encode("utf-8", "surrogateescape"), view[start:stop]]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return pieces
