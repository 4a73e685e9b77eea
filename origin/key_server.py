"""Content keys from a key server by SPEKE v2: one POST of a CPIX document for each film and scheme (origin.cpix).

What it gave is kept on the disk as own keys are (origin.keys), so a film that has its keys never needs it again: not
after a restart, and not while the server is away. A film that has none is refused with `busy` meanwhile, and the server
is asked again after a pause that doubles up to half a minute, however many viewers ask.

Keys that HLS finds by URI (`aes-128`, `sample-aes`) stay our own: SPEKE has no place for them.
"""

from __future__ import annotations

import http.client
import secrets
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from base.problems import Problem
from node.clock import Clock
from node.metrics import Metrics
from node.settings import Settings
from origin import cpix
from origin.keys import Place, Row, at_random
from packager.methods import Method

log = structlog.get_logger("keys")

_TRIES, _PAUSE_S = 3, 0.2
_SHORTEST_AWAY_S, _LONGEST_AWAY_S = 1.0, 30.0
_AT_ONCE = 4  # requests; who comes on top of them waits so long
_PATIENCE_S = 5.0
_WORTH_ANOTHER = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """How the server is asked. `headers` (credentials) are never logged. `certificate`: DER, for ciphered answers."""

    url: SplitResult
    headers: Mapping[str, str]
    systems: tuple[str, ...]
    timeout_s: float = 5.0
    certificate: bytes = b""
    private_key: RSAPrivateKey | None = None

    def __repr__(self) -> str:
        return f"Contract({self.url.hostname})"


def contract(settings: Settings) -> Contract | None:
    """What settings say; None without a key server. Raises OSError or ValueError: what they name cannot be used."""
    url = settings.text("origin.key_server")
    if not url:
        return None
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("origin.key_server: give an http or https address")
    systems = tuple(word.strip() for word in settings.text("origin.key_server_systems").split(",") if word.strip())
    if unknown := [word for word in systems if word not in cpix.SYSTEMS]:
        raise ValueError(f"origin.key_server_systems: {unknown[0]} is none of {', '.join(cpix.SYSTEMS)}")
    certificate, private_key = b"", None
    if path := settings.text("origin.key_server_certificate"):
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes()).public_bytes(Encoding.DER)
        found = load_pem_private_key(Path(settings.text("origin.key_server_private_key")).read_bytes(), None)
        if not isinstance(found, RSAPrivateKey):
            raise ValueError("origin.key_server_private_key: give an RSA key")
        private_key = found
    headers = settings.text("origin.key_server_headers")
    return Contract(
        url=urlsplit(url),
        headers=_headers(Path(headers).read_text()) if headers else {},
        systems=systems,
        timeout_s=settings.number("origin.key_server_timeout"),
        certificate=certificate,
        private_key=private_key,
    )


def _headers(text: str) -> dict[str, str]:
    """`Name: value`, one a line. Raises ValueError with the line's number, never with what stands in it."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip().replace("-", "").isalnum() or not value.strip().isprintable():
            raise ValueError(f"origin.key_server_headers: line {number} is not `Name: value`")
        found[name.strip()] = value.strip()
    return found


class KeyServer:
    """Threads may share it."""

    def __init__(self, contract: Contract, clock: Clock, metrics: Metrics) -> None:
        self._contract = contract
        self._clock = clock
        self._counted = metrics.counter
        self._gate = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()  # of the two below
        self._away_until = 0.0
        self._away_s = 0.0

    def make(self, asset: str, method: Method, places: Sequence[Place]) -> tuple[Row, ...]:
        """Keys for an asset. Raises Problem busy while the server is away, upstream if it does not do as it should."""
        if method.key_by_uri:
            return at_random(asset, method, places)
        wanted = [
            cpix.Wanted(
                kid=uuid.uuid4().bytes,
                kind=kind,
                period=period,
                iv=secrets.token_bytes(16) if method is Method.CBCS else b"",
            )
            for kind, period in places
        ]
        asked = cpix.request(asset, method, wanted, self._contract.systems, self._contract.certificate)
        self._refuse_while_away()
        if not self._gate.acquire(timeout=_PATIENCE_S):
            raise self._busy("it is asked for many films at once")
        try:
            said = self._exchange(asked)
        finally:
            self._gate.release()
        try:
            found = cpix.answer(said, wanted, self._contract.private_key)
        except ValueError as fault:
            self._counted("origin_key_requests", outcome="unusable").inc()
            raise Problem("upstream", f"the key server's answer cannot be used: {fault}") from None
        self._counted("origin_key_requests", outcome="granted").inc()
        return tuple(
            Row(
                scheme=method,
                kind=row.kind,
                kid=row.kid,
                key=found[row.kid].key,
                iv=found[row.kid].iv,
                period=row.period,
                signals=found[row.kid].signals,
            )
            for row in wanted
        )

    def _exchange(self, body: bytes) -> bytes:
        """Some tries with pauses between them. Raises Problem."""
        why = ""
        for attempt in range(_TRIES):
            if attempt:
                threading.Event().wait(_PAUSE_S * 2 ** (attempt - 1))
            try:
                status, said = self._post(body)
            except (OSError, http.client.HTTPException) as fault:
                why = f"it cannot be reached ({type(fault).__name__})"
                continue
            if status == 200:
                with self._lock:
                    self._away_s = 0.0
                return said
            why = f"it answers {status}"
            if status not in _WORTH_ANOTHER:
                self._counted("origin_key_requests", outcome="refused").inc()
                raise Problem("upstream", f"the key server refuses: {why}; see its log, and origin.key_server_headers")
        with self._lock:
            self._away_s = min(_LONGEST_AWAY_S, max(_SHORTEST_AWAY_S, 2 * self._away_s))
            self._away_until = self._clock.monotonic() + self._away_s
        self._counted("origin_key_requests", outcome="away").inc()
        log.warning("key_server.away", host=self._contract.url.hostname, fault=why, again_in_s=self._away_s)
        raise self._busy(why)

    def _refuse_while_away(self) -> None:
        with self._lock:
            left = self._away_until - self._clock.monotonic()
        if left > 0:
            raise self._busy(f"it was not there, and is asked again in {left:.0f} s")

    def _busy(self, why: str) -> Problem:
        return Problem(
            "busy",
            f"the key server {self._contract.url.hostname} gives no keys: {why}. Films that have theirs go on; this "
            "one needs it: see that it answers, then ask again",
        )

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body. Redirects are not followed: credentials are for this address alone."""
        url, timeout = self._contract.url, self._contract.timeout_s
        opened = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = opened(url.hostname or "", url.port, timeout=timeout)
        headers = {
            "Content-Type": "application/xml",
            "X-Speke-Version": "2.0",
            "X-Speke-User-Agent": "Headwater",
            **self._contract.headers,
        }
        try:
            connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), body, headers)
            response = connection.getresponse()
            said = response.read(cpix.MOST_OCTETS + 1)
            if len(said) > cpix.MOST_OCTETS:
                raise Problem("upstream", f"the key server's answer has over {cpix.MOST_OCTETS} octets")
            return response.status, said
        finally:
            connection.close()
