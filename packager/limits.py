"""What a file that comes from outside may have, so that reading it costs no more time and memory than its owner allows.

The reader checks a count before it does work, or takes memory, by it. Beside these limits every count must fit the
octets that are there (packager.tables), so a short file costs little whatever it claims.
"""

from __future__ import annotations

from dataclasses import dataclass

from base.problems import Problem

# How the owner of a machine calls a limit; packager.limits knows no settings, only how they are spelt.
SETTING = "origin.limit_{}"


class OverLimit(Problem):
    """A file has more than a limit allows; nothing says that it is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`depth`: of boxes in boxes, from moov on. `boxes`: in one parent. `samples`: in one track, which cost some 150
    octets of memory each while they are read. `moov`: its octets. `tracks`: in one file.
    """

    depth: int = 16
    boxes: int = 1 << 20  # 100 hours of one-second fragments need 720,000
    samples: int = 1 << 23  # a day at 60 frames a second is 5.2 million
    moov: int = 512 << 20
    tracks: int = 64

    def check(self, name: str, found: int, what: str) -> None:
        """`what` says where `found` of them were met. Raises OverLimit, which says how to raise the limit."""
        allowed: int = getattr(self, name)
        if found > allowed:
            raise OverLimit(
                "unplayable",
                f"the file is over a limit: {what}, {SETTING.format(name)} is {allowed}; raise that if the file is "
                "as it should be",
            )


USUAL = Limits()
