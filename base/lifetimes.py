"""How long an answer may be reused, stated by the origin and obeyed by every cache.

Names are immutable below an edition, so init segments, segments and parts live a year. Playlists follow
RFC 8216bis appendix B.1 (TD = target duration):

    blocking playlist 6 TD, not found 4 TD; plain playlist 0.5 TD, not found 1 TD; segment not found 1 TD.

A 404 ahead of the live edge is never kept: the origin holds the request instead, or says `early` uncached.
"""

from __future__ import annotations

YEAR = 31_536_000
IMMUTABLE = f"public, max-age={YEAR}, immutable"
NO_STORE = "no-store"
# A VOD manifest changes only when the asset is re-planned, which makes a new edition.
VOD_MANIFEST = "public, max-age=60"


def live_playlist(target_s: int, *, blocking: bool) -> str:
    """Cache-Control of a live playlist that was found (appendix B.1)."""
    return f"public, max-age={6 * target_s if blocking else max(1, target_s // 2)}"


def live_manifest(target_s: int) -> str:
    """Cache-Control of a live multivariant playlist or MPD: half a target duration, at least 1 s."""
    return f"public, max-age={max(1, target_s // 2)}"


def film_of_channel(listed_s: int) -> str:
    """Cache-Control of what will not change any more, but is gone once it has left the window in so many seconds."""
    return f"public, max-age={min(60, max(1, listed_s))}"


def not_found(target_s: int) -> str:
    """Cache-Control of a 404 for a name that cannot come to be soon."""
    return f"public, max-age={max(1, target_s)}"
