"""Crypto periods: which key each segment of an asset has, and which segments are clear (ISO/IEC 23001-7 6; clear lead).

A pure function of the plan and of the policy: a period lasts `rotate_s` seconds or a little more, since it begins with
a segment, the same one in all tracks. Before the first one there may be a clear lead, so that a player shows pictures
while it asks for keys.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from packager.plan import Plan

CLEAR = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Seconds. `rotate_s`: how long a key is used, 0 for ever. `clear_lead_s`: how long the beginning stays clear."""

    rotate_s: int = 0
    clear_lead_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """`of_segment`: the number of each segment's period, or CLEAR. `count`: periods for which there are keys."""

    of_segment: tuple[int, ...] = ()
    count: int = 1

    def of(self, number: int) -> int:
        """Without a table all segments have the one key."""
        return self.of_segment[number] if self.of_segment else 0

    @property
    def has_clear_lead(self) -> bool:
        return CLEAR in self.of_segment

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(np.array(self.of_segment, "<i4").tobytes()).digest() if self.of_segment else b""


ONE = Periods()


def periods(plan: Plan, policy: Policy) -> Periods:
    """The periods of an asset under a policy."""
    if not policy.rotate_s and not policy.clear_lead_s:
        return ONE
    reference = plan.tracks[0]
    scale = reference.track.format.timescale
    begins = reference.start[:-1] - reference.start[0]
    found = np.zeros(len(begins), np.int64)
    lead = int(np.searchsorted(begins, policy.clear_lead_s * scale))
    if policy.rotate_s and lead < len(begins):
        passed = (begins - begins[lead]) // (policy.rotate_s * scale)
        # numbers go up by one, however long segments are
        found = np.cumsum(np.diff(passed, prepend=passed[:1]) > 0)
        found -= found[lead]
    found[:lead] = CLEAR
    return Periods(of_segment=tuple(found.tolist()), count=max(1, int(found.max()) + 1))
