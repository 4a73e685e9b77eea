"""What a request to any origin is for: its key in the cache and what is asked upstream. Pure.

Sections are of RFC 9110 unless another one is named. What could be read in two ways is refused: whoever reads it
otherwise than we do would answer another request than ours (RFC 9112 11.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from multidict import CIMultiDictProxy

from base.problems import Problem

_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")
_TARGET = re.compile(r"[!-\"$-~]*")  # all that is printed but #
_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.I)
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# 9.3.6, 9.3.8: of a tunnel, and of an echo that would show what is not the viewer's to see.
REFUSED = frozenset({"CONNECT", "TRACE", "PRI"})
BODILESS = frozenset({"GET", "HEAD"})
# RFC 9111 4.4: what is not known to be safe is taken for unsafe.
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`viewer`: the host that was asked; `host` as it goes upstream; `target` in origin-form, as it came but for the
    viewer's report and an empty query; `key` in one spelling (RFC 9111 2, RFC 9110 4.2.3), never beginning with a slash
    as names do."""

    viewer: str
    host: str
    target: str
    key: str


def admit(method: str, version: tuple[int, int], fields: CIMultiDictProxy[str], *, body: bool) -> None:
    """RFC 9112 6.1, 6.3: refuse what the parser let pass and others might frame otherwise. Raises Problem."""
    if version not in ((1, 0), (1, 1)):
        raise Problem("malformed", "speak HTTP/1.1")
    if method in REFUSED:
        raise Problem("method", f"{method} is not passed on", allow="GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")
    codings = fields.getall("Transfer-Encoding", [])
    if codings and (
        version < (1, 1) or "Content-Length" in fields or [c.strip().lower() for c in codings] != ["chunked"]
    ):
        raise Problem("malformed", "the only transfer coding is chunked, once, without a Content-Length")
    if len(fields.getall("Content-Length", [])) > 1:
        raise Problem("malformed", "Content-Length is given twice")
    if method in BODILESS and body:  # 9.3.1: without meaning, and a way to smuggle
        raise Problem("malformed", f"{method} has no content")
    if len(fields.getall("Host", [])) > 1:  # RFC 9112 3.2
        raise Problem("malformed", "Host is given twice")


def path_of(raw: str) -> str:
    """The path and query of a request target in origin-form or absolute-form (RFC 9112 3.2); else as it is."""
    found = None if raw.startswith("/") else _ABSOLUTE.fullmatch(raw)
    return raw if found is None else found[2]


def target(raw: str, fields: CIMultiDictProxy[str], *, upstream_host: str, fixed_host: str = "") -> Target:
    """`raw` is the request target as it came. `fixed_host` goes upstream in place of the viewer's Host and keeps that
    out of the key; `upstream_host` where there is none (HTTP/1.0). Raises Problem malformed."""
    host = fields.get("Host", "").strip()
    if host and not _HOST.fullmatch(host):
        raise Problem("malformed", "Host is no host")
    if not raw.startswith("/"):
        found = _ABSOLUTE.fullmatch(raw)
        if found is None:
            raise Problem("malformed", "give the target as a path")
        host, path = found[1], found[2]  # RFC 9112 3.2.2: Host is then made from it
        raw = path if path.startswith("/") else f"/{path}"
    if host and not _HOST.fullmatch(host):
        raise Problem("malformed", "Host is no host")
    if not _TARGET.fullmatch(raw):
        raise Problem("malformed", "the target is no path and query")
    viewer = canonical(host)
    host = fixed_host or viewer or upstream_host
    asked = _without_report(raw).removesuffix("?")
    return Target(viewer=viewer, host=host, target=asked, key=key(host, asked, fixed=bool(fixed_host)))


def key(host: str, path: str, *, fixed: bool = False) -> str:
    """`path` with its query. Escapes of unreserved characters are undone, others get capitals (RFC 3986 6.2.2)."""
    return ("*" if fixed else host) + _ESCAPED.sub(_escape, path)


def named_by(reference: str, of: Target, *, fixed_host: str = "") -> str | None:
    """The key that Location or Content-Location of an answer names, or None: another origin is not ours to touch
    (RFC 9111 4.4)."""
    try:
        found = _ABSOLUTE.fullmatch(urljoin(f"http://{of.host}{of.target}", reference.strip()))
    except ValueError:
        return None
    if found is None or canonical(found[1]) not in (of.host, of.viewer):
        return None
    path = found[2].partition("#")[0]
    path = _without_report(path if path.startswith("/") else f"/{path}").removesuffix("?")
    return key(of.host, path, fixed=bool(fixed_host))


def canonical(host: str) -> str:
    """4.2.3: lower case, without the default port."""
    return host.lower().removesuffix(":80")


def _without_report(target: str) -> str:
    """CTA-5004-B 6: `CMCD=` is no part of the key; it is taken by this cache and not passed on."""
    path, mark, query = target.partition("?")
    if "CMCD=" not in query:
        return target
    query = "&".join(part for part in query.split("&") if not part.startswith("CMCD="))
    return f"{path}{mark}{query}" if query else path


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()
