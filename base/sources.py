"""The address at which a channel's media is fetched, as the desired state has it.

udp://239.1.2.3:5000            join this group; ?interface=192.0.2.7 on the network of that address
udp://0.0.0.0:5000              listen; udp://@:5000 is the same
rtp://...                       the same, each datagram with an RTP header (RFC 2250)
http://host/stream.ts, https:   one body that does not end
http://host/live.m3u8, https:   HLS with MPEG-TS segments
...#program=3                   the program with this number; without it: the first
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from base.problems import Problem

SCHEMES = ("udp", "rtp", "http", "https")
_MOST = 2048
_FORMS = "udp://GROUP:PORT, udp://0.0.0.0:PORT or http://HOST/PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`host` and `port`: of UDP, where to listen. `url`: of HTTP, whole, which may hold a secret; `shown` has none."""

    scheme: str
    host: str
    port: int
    shown: str
    url: str = ""
    interface: str = ""
    program: int = 0

    @property
    def datagrams(self) -> bool:
        return self.scheme in ("udp", "rtp")

    @property
    def playlist(self) -> bool:
        """An HLS playlist, told by its name."""
        return not self.datagrams and urlsplit(self.url).path.endswith(".m3u8")

    @property
    def group(self) -> bool:
        """A multicast group, to be joined."""
        return self.datagrams and ipaddress.ip_address(self.host).is_multicast


def parse(text: str) -> Source:
    """Raises Problem malformed with what to give instead; it does not repeat the address."""
    try:
        if len(text) > _MOST or not text.isprintable() or " " in text:
            raise ValueError
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Problem("malformed", f"the source is no address: give {_FORMS}") from None
    if parts.scheme not in SCHEMES:
        raise Problem("malformed", f"a source is pulled by {', '.join(SCHEMES)}: give {_FORMS}")
    program = _program(parts.fragment)
    if parts.scheme in ("http", "https"):
        if not parts.hostname:
            raise Problem("malformed", "the source has no host: give http://HOST/PATH")
        number = port or (443 if parts.scheme == "https" else 80)
        url = urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))
        shown = f"{parts.scheme}://{parts.hostname}:{number}"
        return Source(scheme=parts.scheme, host=parts.hostname, port=number, shown=shown, url=url, program=program)
    return _datagrams(parts, port, program)


def _datagrams(parts: SplitResult, port: int | None, program: int) -> Source:
    interface = parse_qs(parts.query).get("interface", [""])[-1]
    host = parts.hostname or "0.0.0.0"
    for address in (host, interface or host):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise Problem("malformed", "UDP sources and interfaces are IP addresses, not names") from None
    if not port:
        raise Problem("malformed", "the source has no port: give udp://ADDRESS:PORT")
    shown = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    return Source(scheme=parts.scheme, host=host, port=port, shown=shown, interface=interface, program=program)


def _program(fragment: str) -> int:
    name, _, value = fragment.partition("=")
    if not fragment:
        return 0
    if name != "program" or not (value.isascii() and value.isdecimal()) or not 0 < int(value[:6]) < 1 << 16:
        raise Problem("malformed", "behind # stands program=NUMBER")
    return int(value)
