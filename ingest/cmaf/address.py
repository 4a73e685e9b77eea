"""Where a pushed object goes and by which right: the request's path and its Authorization field (no I/O).

    /push/{channel}/{object}              with `Authorization: Basic` (any user, the key as password) or `Bearer`
    /push/{channel}/key={key}/{object}    for encoders that can give an address and nothing else

A refusal says what to do and never repeats a key.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import unquote

from base.problems import Problem
from ingest.cmaf.names import MAX_PATH

PREFIX = "/push/"
_KEY = "key="
_LONGEST_KEY = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`key` is a secret, empty if the request had none. `path`: of the object below the channel, empty for a probe."""

    channel: str
    path: str
    key: str


def target(raw_path: str, authorization: str) -> Target:
    """`raw_path`: still percent-encoded, without a query. Raises Problem malformed, forbidden or unauthorised."""
    if not raw_path.startswith(PREFIX):
        raise Problem("unknown", f"encoders push below {PREFIX}")
    if len(raw_path) > MAX_PATH + len(PREFIX) + _LONGEST_KEY:
        raise Problem("malformed", f"the path has over {MAX_PATH} letters")
    steps = [unquote(step) for step in raw_path.removeprefix(PREFIX).split("/") if step]
    if any(step in (".", "..") or "/" in step or not step.isprintable() for step in steps):
        raise Problem("forbidden", "the path leaves that of the channel")
    if not steps:
        raise Problem("malformed", f"the address is {PREFIX}CHANNEL/")
    channel, *rest = steps
    key = ""
    if rest and rest[0].startswith(_KEY):
        key = rest.pop(0).removeprefix(_KEY)
    key = key or _credential(authorization)
    return Target(channel=channel, path="/".join(rest), key=key)


def _credential(authorization: str) -> str:
    """The password of Basic (RFC 7617 2) or the token of Bearer (RFC 6750 2.1)."""
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    match scheme.lower():
        case "":
            return ""
        case "bearer":
            return value
        case "basic":
            try:
                pair = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as fault:
                raise Problem("malformed", "the Basic credentials are no base64 of user:password") from fault
            return pair.partition(":")[2]
        case _:
            raise Problem("unauthorised", "give the stream key as Basic password or as Bearer token")
