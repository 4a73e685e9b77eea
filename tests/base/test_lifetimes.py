"""Lifetimes of live answers: RFC 8216bis appendix B.1."""

import pytest

from base import lifetimes


@pytest.mark.parametrize(("target_s", "plain", "blocking", "missing"), [(6, 3, 36, 6), (2, 1, 12, 2), (1, 1, 6, 1)])
def test_live_lifetimes_follow_the_target_duration(target_s: int, plain: int, blocking: int, missing: int) -> None:
    assert lifetimes.live_playlist(target_s, blocking=False) == f"public, max-age={plain}"
    assert lifetimes.live_playlist(target_s, blocking=True) == f"public, max-age={blocking}"
    assert lifetimes.live_manifest(target_s) == f"public, max-age={plain}"
    assert lifetimes.not_found(target_s) == f"public, max-age={missing}"


def test_what_never_changes_lives_a_year() -> None:
    """RFC 8246: `immutable` spares the revalidation on reload."""
    assert f"max-age={365 * 86400}, immutable" in lifetimes.IMMUTABLE
