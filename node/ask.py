"""One GET to a listener on this machine, in plain asyncio: readiness, health and metrics of role processes.

HTTP/1.0 (RFC 9112 section 2.3 and 6.3): the answer is not chunked and ends with the connection. No aiohttp, since
the supervisor asks before it can afford to load it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

_LARGEST = 16 << 20


async def get(where: Path | tuple[str, int], path: str, *, timeout_s: float = 1.0) -> tuple[int, bytes]:
    """Status and body. Raises OSError if nobody answers in time, or not in HTTP."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await _open(where)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                raw = await reader.read(_LARGEST)
                while more := await reader.read(_LARGEST):
                    raw += more
            finally:
                writer.close()
    except TimeoutError as fault:
        raise OSError(f"{spell(where)} does not answer within {timeout_s:g} s") from fault
    head, blank, body = raw.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    if not blank or not status[0].startswith(b"HTTP/1.") or len(status) < 2 or not status[1].isdigit():
        raise OSError(f"{spell(where)} does not speak HTTP")
    return int(status[1]), body


async def connects(where: Path | tuple[str, int], *, timeout_s: float = 1.0) -> bool:
    """True if somebody accepts connections there."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await _open(where)
    except OSError:
        return False
    writer.close()
    return True


def spell(where: Path | tuple[str, int]) -> str:
    return f"unix:{where}" if isinstance(where, Path) else f"{where[0]}:{where[1]}"


async def _open(where: Path | tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(where, Path):
        return await asyncio.open_unix_connection(str(where))
    return await asyncio.open_connection(*where)
