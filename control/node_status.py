"""The processes of this box, asked one by one through their own sockets."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp

_OWN_SOCKET = re.compile(r"([a-z]+)-(\d+)\.sock")


async def processes(run: Path, seconds: float = 0.5) -> list[dict[str, Any]]:
    """[{role, worker, state, pid}] by role and worker; `state` is away where a socket is there and nobody answers."""
    found = sorted(
        (match[1], int(match[2]), path)
        for path in await asyncio.to_thread(lambda: list(run.iterdir()))
        if (match := _OWN_SOCKET.fullmatch(path.name))
    )
    return list(await asyncio.gather(*(_ask(role, worker, path, seconds) for role, worker, path in found)))


async def _ask(role: str, worker: int, path: Path, seconds: float) -> dict[str, Any]:
    away = {"role": role, "worker": worker, "state": "away", "pid": 0}
    patience = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), timeout=patience) as session,
            session.get("http://node/healthz") as answer,
        ):
            said = await answer.json()
            return away | {name: said[name] for name in ("state", "pid") if name in said}
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return away
