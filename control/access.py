"""The admin token: one random value in `secrets/admin-token`, shown by every call as `Authorization: Bearer`."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path

from base.problems import Problem
from control.files import write_private

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{20,512}")


class Access:
    """Keeps the token's hash only. Hashes are compared, so the time it takes says nothing, not even the length."""

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    def allows(self, authorization: str) -> bool:
        """True if the field reads `Bearer <token>` (RFC 6750 2.1; the scheme in any case, RFC 9110 11.1)."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._digest)

    def check(self, authorization: str) -> None:
        """Raises Problem unauthorised, with the same words whatever is wrong."""
        if not self.allows(authorization):
            raise Problem("unauthorised", "send `Authorization: Bearer <token>` with the admin token of this appliance")


def open_access(path: Path) -> Access:
    """Read the token, or make one at the first start. Raises OSError if the file holds no usable token."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(32)
        write_private(path, token.encode() + b"\n")
    except UnicodeDecodeError:
        token = ""
    if not _TOKEN.fullmatch(token):
        raise OSError(f"{path} holds no usable token (20 or more URL-safe characters): delete it and a new one is made")
    path.chmod(0o600)
    return Access(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
