"""How each rule is shown to work: something that keeps it, and something that breaks it.

A test file holds `CASES`, rule -> (findings of what keeps it, of what breaks it). test_rules.py asks that every
rule of the table has such a pair: a rule that cannot be broken in a test is none.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.probe.playlist import Document, Media, media, read
from node.probe.rules import Finding
from node.probe.variants import Multivariant, multivariant

Cases = dict[str, tuple[list[Finding], list[Finding]]]

URL = "http://origin.example/live/a/media.m3u8"


def pair(good: Iterable[Finding], bad: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    return list(good), list(bad)


def rules(findings: Iterable[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


def shows(cases: Cases, rule: str) -> None:
    """Asserts that the good one is not found to break the rule, and the bad one is."""
    good, bad = cases[rule]
    assert rule not in rules(good), good
    assert rule in rules(bad), bad


def document(text: str, url: str = URL) -> Document:
    return read(text, url)


def playlist(text: str, url: str = URL) -> Media:
    return media(read(text, url))


def master(text: str) -> Multivariant:
    return multivariant(read(text, "http://origin.example/live/multivariant.m3u8"))


def vod(*rows: str, head: str = "", version: int = 6, target: int = 4) -> str:
    """A playlist that keeps all rules: two segments of 4 s, unless `rows` says otherwise."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{version}", f"#EXT-X-TARGETDURATION:{target}", *head.splitlines()]
    lines += ['#EXT-X-MAP:URI="i.mp4"', *(rows or ("#EXTINF:4.0,", "0.m4s", "#EXTINF:4.0,", "1.m4s"))]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


CONTROL = "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.5"


def live(
    first: int = 10,
    count: int = 8,
    open_parts: int = 2,
    *,
    control: str = CONTROL,
    target: int = 2,
    edit: tuple[str, str] = ("", ""),
    tail: str = "",
    breaks: int = 0,
) -> str:
    """A low-latency playlist that keeps all rules: segments of 2 s from `first` on, the last two with their parts.

    Segment n starts at n x 2 s after 2026-01-01. `edit` replaces one text by another, `tail` ends it.
    """
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{target}",
        f"#EXT-X-SERVER-CONTROL:{control}",
        "#EXT-X-PART-INF:PART-TARGET=0.5",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{breaks}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="i.mp4"',
    ]
    last = first + count
    for number in range(first, last + 1):
        seconds = number * 2
        if number < last or open_parts:
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:{seconds // 60:02d}:{seconds % 60:02d}.000Z")
        for part in range(0 if number < last - 2 else 4 if number < last else open_parts):
            independent = ",INDEPENDENT=YES" if part == 0 else ""
            lines.append(f'#EXT-X-PART:DURATION=0.5,URI="{number}.{part}.m4s"{independent}')
        if number < last:
            lines += ["#EXTINF:2.0,", f"{number}.m4s"]
    lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{last}.{open_parts}.m4s"')
    if tail:
        lines.append(tail)
    return "\n".join([*lines, ""]).replace(*edit) if edit[0] else "\n".join([*lines, ""])
