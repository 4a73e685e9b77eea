"""How an asset is divided into segments: what a plan is made of, beside the index.

The words for the end of a film are those of nginx-vod-module (`vod_segment_count_policy`), as is the bootstrap
(`vod_bootstrap_segment_durations`): its first segments are shorter, so that a player has one sooner.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from base.problems import Problem

LEAST_TARGET_MS, MOST_TARGET_MS = 1000, 20000
LEAST_BOOTSTRAP_MS, MOST_BOOTSTRAP = 200, 8


class Last(StrEnum):
    """What becomes of an end that is no whole segment."""

    USUAL = ""  # pictures: what follows the last keyframe joins if it is less than half a target; sound: as `short`
    SHORT = "short"  # a segment of its own, however short
    LONG = "long"  # it joins the segment before: none is shorter than the target
    ROUNDED = "rounded"  # of less than half a target it joins the segment before, else it is one of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Durations in ms. `bootstrap_ms`: targets of the first segments, one each; `target_ms` is that of all others."""

    target_ms: int
    last: Last = Last.USUAL
    bootstrap_ms: tuple[int, ...] = ()

    @property
    def identity(self) -> bytes:
        """What the edition hashes. A policy that says no more than the target is what it was before there were more."""
        more = f" last={self.last}" if self.last else ""
        more += f" bootstrap={','.join(map(str, self.bootstrap_ms))}" if self.bootstrap_ms else ""
        return f"plan 1 {self.target_ms}{more}\n".encode()

    def target(self, number: int) -> int:
        """The target of a segment, in ms."""
        return self.bootstrap_ms[number] if number < len(self.bootstrap_ms) else self.target_ms


def parse(target: str, last: str, bootstrap: str, usual: Policy) -> Policy:
    """A policy as words of a query say it; an empty word is `usual`. Raises Problem malformed."""
    return Policy(
        target_ms=_target(target) if target else usual.target_ms,
        last=last_of(last) if last else usual.last,
        bootstrap_ms=bootstrap_of(bootstrap) if bootstrap else usual.bootstrap_ms,
    )


def last_of(word: str) -> Last:
    try:
        return Last(word)
    except ValueError:
        raise Problem("malformed", "last must be short, long or rounded") from None


def bootstrap_of(words: str) -> tuple[int, ...]:
    """`1000,2000` -> (1000, 2000)."""
    found = words.split(",")
    if not all(re.fullmatch(r"[0-9]{1,5}", word) for word in found) or not all(
        LEAST_BOOTSTRAP_MS <= int(word) <= MOST_TARGET_MS for word in found
    ):
        raise Problem(
            "malformed", f"bootstrap must be durations of {LEAST_BOOTSTRAP_MS} to {MOST_TARGET_MS} ms, with commas"
        )
    if len(found) > MOST_BOOTSTRAP:
        raise Problem("malformed", f"bootstrap takes at most {MOST_BOOTSTRAP} durations")
    return tuple(map(int, found))


def _target(word: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", word) or not LEAST_TARGET_MS <= int(word) <= MOST_TARGET_MS:
        raise Problem("malformed", f"target_ms must be {LEAST_TARGET_MS} to {MOST_TARGET_MS}")
    return int(word)
