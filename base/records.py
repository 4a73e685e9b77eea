"""What an edge notes of each answer to a viewer: written by the edge, read where viewing is counted."""

from __future__ import annotations

import msgspec


class Delivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One answered request. `time_ms` UTC when the answer ended, `duration_ms` since the request came.

    `cache`: hit, miss, pass, stale, or own (an answer that the edge makes itself). `size` in body bytes, handed to
    the connection. `whole` is False if the body was cut short, by either side. `cmcd` is the viewer's CTA-5004 report,
    set aside as it came (the value of the query parameter, or the four fields joined by newlines).
    """

    time_ms: int
    request: str
    method: str
    path: str
    status: int
    size: int
    cache: str
    duration_ms: int
    whole: bool = True
    cmcd: bytes = b""
