"""What control asks of the remuxer (python -m ingest.remux): make tracks of a file that is no MP4."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec

from base.arrival import REMUX_PATH, Remuxed
from base.problems import Problem
from control.incoming import Described
from control.origin import Refused
from node.web import REQUEST_ID_FIELD

_LARGEST_ANSWER = 4 << 20
# It reads the file and sends all tracks on before it answers.
_ANSWER_SECONDS = 3600


class Remuxer:
    """A client of the socket. `close` it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket), limit=64))

    @property
    def here(self) -> bool:
        """True if there is one on this box, or was when it was last looked."""
        return self._socket.exists()

    async def close(self) -> None:
        await self._session.close()

    async def remux(
        self, asset: str, upload: str, first: int, file: Described, body: AsyncIterator[bytes], request_id: str
    ) -> Remuxed:
        """The tracks of a file as files of an upload, numbered from `first`. Raises Refused, Problem upstream."""
        query = {"asset": asset, "upload": upload, "first": str(first), "filename": file.name}
        fields = {"Content-Type": "application/octet-stream", REQUEST_ID_FIELD: request_id}
        if file.length is not None:
            fields["Content-Length"] = str(file.length)
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_ANSWER_SECONDS)
        try:
            async with self._session.post(
                f"http://remux{REMUX_PATH}", params=query, data=body, headers=fields, timeout=patience
            ) as answer:
                text = await answer.content.read(_LARGEST_ANSWER)
                if 400 <= answer.status < 500:
                    raise Refused(answer.status, text, answer.content_type)
                if answer.status != 200:
                    raise Problem("upstream", f"the remuxer could not make tracks of {file.name}: see its log")
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Problem("upstream", "the remuxer did not take the file: is it running?") from fault
        try:
            return msgspec.json.decode(text, type=Remuxed)
        except msgspec.DecodeError as fault:
            raise Problem("upstream", f"the remuxer's answer cannot be read: {fault}") from fault
