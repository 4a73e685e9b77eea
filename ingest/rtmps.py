"""RTMP over TLS: the same listener on a port of its own. Its certificate is read again when the files change."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from ingest.listener import RtmpListener
from ingest.registry import Registry
from node.process import Context

log = structlog.get_logger("ingest")

# How soon a renewed certificate is in use.
LOOK_S = 2.0


class Certificate:
    """`context` for servers. Connections that are open keep the certificate that they began with."""

    def __init__(self, chain: Path, key: Path | None) -> None:
        """`chain`: a PEM file, the certificate first; `key` None: the key is in it, too."""
        self._chain, self._key = chain, key
        self._seen: list[tuple[int, int, int]] = []
        self.context = _context()

    def refresh(self) -> bool:
        """Load the files if they changed since they were looked at last; True if so.

        Raises OSError, of which ssl.SSLError is one, and goes on with what was loaded before.
        """
        files = [file for file in (self._chain, self._key) if file is not None]
        seen = [(found.st_mtime_ns, found.st_size, found.st_ino) for found in (file.stat() for file in files)]
        if seen == self._seen:
            return False
        self._seen = seen
        self._load(_context())  # a key that does not fit its certificate must not get into the one that is used
        self._load(self.context)
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(self._chain, self._key, password="")


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@asynccontextmanager
async def listening(ctx: Context, registry: Registry, address: tuple[str, int] | Path) -> AsyncIterator[RtmpListener]:
    """The port is open while the block runs, and refuses handshakes until there is a certificate that can be used."""
    key = ctx.settings.text("ingest.rtmps_key")
    certificate = Certificate(Path(ctx.settings.text("ingest.rtmps_certificate")), Path(key) if key else None)
    _look(certificate)
    listener = RtmpListener(ctx, registry, address, tls=certificate.context)
    await listener.start()
    looking = ctx.tasks.start(_watch(certificate), "certificate of RTMPS")
    try:
        yield listener
    finally:
        looking.cancel()
        await listener.close()


async def _watch(certificate: Certificate) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        _look(certificate)


def _look(certificate: Certificate) -> None:
    try:
        if certificate.refresh():
            log.info("rtmps.certificate", loaded=True)
    except (OSError, ValueError) as fault:
        log.error("rtmps.certificate", loaded=False, why=str(fault))
