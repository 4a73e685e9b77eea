"""The answering side of ICE without checks of its own: ICE-lite (RFC 8445 2.5, 7.3; RFC 8489). No I/O.

A publisher comes to us, whatever is between: we listen on an address that it can reach, so it is enough to answer its
checks. What it says of its own addresses is not used, and nothing is sent to anybody who has not shown the password.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from aioice import stun

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Checked:
    """An authenticated check. `nominated`: media comes from this address from now on (8.1.1)."""

    reply: bytes
    nominated: bool


def is_stun(data: bytes) -> bool:
    """RFC 7983 7: first octet 0 to 3, and the magic cookie."""
    return len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def user(data: bytes) -> str:
    """Whose check it is: our half of USERNAME (RFC 8445 7.2.2), empty if it is no binding request."""
    message = _request(data)
    return str(message.attributes["USERNAME"]).partition(":")[0] if message else ""


def check(data: bytes, source: Address, *, ufrag: str, password: str, theirs: str) -> Checked | None:
    """Answer a binding request; None for what is not one of this session, which gets no answer."""
    message = _request(data)
    if message is None:
        return None
    if not hmac.compare_digest(str(message.attributes["USERNAME"]).encode(), f"{ufrag}:{theirs}".encode()):
        return None
    if not message.check_message_integrity(password.encode()):
        return None
    reply = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=message.transaction_id,
    )
    conflict = "ICE-CONTROLLED" in message.attributes  # a lite agent is controlled, always (RFC 8445 6.1.1)
    if conflict:
        reply.message_class = stun.Class.ERROR
        reply.attributes["ERROR-CODE"] = (487, "Role Conflict")
    else:
        reply.attributes["XOR-MAPPED-ADDRESS"] = source
    reply.add_message_integrity(password.encode())
    return Checked(bytes(reply), "USE-CANDIDATE" in message.attributes and not conflict)


def _request(data: bytes) -> stun.Message | None:
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error):
        return None
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        return None
    return message if "USERNAME" in message.attributes and "MESSAGE-INTEGRITY" in message.attributes else None
