"""What passes from one hop to the next, and what stays behind (RFC 9110 7.6, RFC 9111 3.1). Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

PSEUDONYM = "Headwater"

# RFC 9110 7.6.1 and RFC 9111 3.1: of one connection only, or of a proxy. Connection may name more.
_OF_A_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Said anew for each answer.
_LENGTHS = frozenset({"age", "content-length", "x-request-id"})
_OURS = _LENGTHS | {"server", "timing-allow-origin", "accept-ranges"}
# The framing is made anew; Expect was answered by the one who received it (RFC 9110 10.1.1).
_NOT_ONWARD = _OF_A_HOP | {"host", "content-length", "expect", "http2-settings", "x-request-id"}
# Fields by which some origins choose an answer and which no cache has in its key: from a viewer they are not passed on.
_CLAIMS = re.compile(r"forwarded|x-forwarded-.*|x-real-ip|x-host")
_OVERRIDES = re.compile(r"x-original-.*|x-rewrite-.*|x-http-method.*|x-method-override")
CONDITIONS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An answer's header as it is sent on. `length` of the body in bytes, None if it is not stated.

    `once`: fields for the request that caused the fetch and for nobody after it.
    """

    status: int
    fields: tuple[tuple[str, str], ...]
    length: int | None
    etag: str
    last_modified: str
    date: str
    once: tuple[tuple[str, str], ...] = ()

    def without(self, names: frozenset[str]) -> Head:
        """The same with these fields (lower case) set aside."""
        kept = tuple(field for field in self.fields if field[0].lower() not in names)
        return replace(self, fields=kept, once=tuple(field for field in self.fields if field not in kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """How a request came: what Via, Forwarded and CDN-Loop say of it. `node` is this node's name among its like."""

    version: str
    scheme: str
    host: str
    peer: str
    node: str
    trusted: bool = False  # what the sender says of those before it is kept


def head_of(status: int, fields: CIMultiDictProxy[str], *, received_date: str, ours: bool = True) -> Head:
    """Leave out what belongs to one hop and what is said anew; an answer without Date gets one (RFC 9110 6.6.1).

    `ours`: of a Headwater origin, whose openness to pages the edge states itself.
    """
    named = _named(fields)
    left_out = _OURS if ours else _LENGTHS
    kept = [
        (name, value)
        for name, value in fields.items()
        if (low := name.lower()) not in _OF_A_HOP
        and low not in left_out
        and low not in named
        and not (ours and low.startswith("access-control-"))
    ]
    if "Date" not in fields:
        kept.append(("Date", received_date))
    stated = fields.get("Content-Length", "")
    return Head(
        status=status,
        fields=tuple(kept),
        length=int(stated) if stated.isdecimal() and "Transfer-Encoding" not in fields else None,
        etag=fields.get("ETag", ""),
        last_modified=fields.get("Last-Modified", ""),
        date=fields.get("Date", received_date),
    )


def onward(fields: CIMultiDictProxy[str], hop: Hop, *, safe: bool) -> CIMultiDict[str]:
    """A viewer's fields as they go upstream, in their order, with Via, Forwarded and CDN-Loop (RFC 8586) of ours.

    `safe`: of a method whose answers others may get.
    """
    named = _named(fields)
    found = CIMultiDict[str]()
    for name, value in fields.items():
        low = _plain(name)
        if low in _NOT_ONWARD or name.lower() in named or low.startswith("cmcd-"):
            continue
        claims = (_CLAIMS.fullmatch(low) and not hop.trusted) or (safe and _OVERRIDES.fullmatch(low))
        if not claims:
            found.add(name, value)
    _append(found, "Via", f"{hop.version} {PSEUDONYM}")
    _append(found, "CDN-Loop", hop.node)
    if hop.peer:
        _append(found, "X-Forwarded-For", hop.peer)
    _append(found, "Forwarded", _forwarded(hop))
    found.setdefault("X-Forwarded-Proto", hop.scheme)
    if hop.host:
        found.setdefault("X-Forwarded-Host", hop.host)
    return found


def changed(name: str) -> bool:
    """May a field (lower case) of a viewer go upstream otherwise than it came?"""
    own = ("via", "cdn-loop", "host", "forwarded")
    name = _plain(name)
    return name in own or name in _NOT_ONWARD or bool(_CLAIMS.fullmatch(name) or _OVERRIDES.fullmatch(name))


def looped(fields: Mapping[str, str], node: str) -> bool:
    """RFC 8586 2: has this request been here? `fields` with joined lines."""
    return node in [member.partition(";")[0].strip() for member in fields.get("CDN-Loop", "").split(",")]


def joined(fields: MultiMapping[str]) -> CIMultiDict[str]:
    """Lines of one name joined with commas (RFC 9110 5.3), for reading."""
    return CIMultiDict((name, ", ".join(fields.getall(name))) for name in set(fields))


def _named(fields: MultiMapping[str]) -> frozenset[str]:
    """RFC 9110 7.6.1: what Connection names belongs to this hop."""
    return frozenset(name.strip().lower() for value in fields.getall("Connection", ()) for name in value.split(","))


def _plain(name: str) -> str:
    """As a gateway may read a name: CGI (RFC 3875 4.1.18) and its kin make one of `-` and `_`."""
    return name.lower().replace("_", "-")


def _append(fields: CIMultiDict[str], name: str, member: str) -> None:
    before = fields.popall(name, [])
    fields[name] = ", ".join([*before, member])


def _forwarded(hop: Hop) -> str:
    """RFC 7239 4 to 6: an address of IPv6 stands in brackets and quotes; a peer without an address is unknown."""
    try:
        peer = ipaddress.ip_address(hop.peer)
        who = f'"[{peer}]"' if peer.version == 6 else str(peer)
    except ValueError:
        who = "unknown"
    host = f';host="{hop.host}"' if hop.host else ""
    return f"for={who}{host};proto={hop.scheme}"
