"""What a probe leaves: facts about the presentation, and findings. Printed for people, or as JSON for a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from node.probe.rules import RULES, Finding, Level, count

_SHOWN = 3  # places of one rule


@dataclass(slots=True)
class Row:
    """One rendition or representation. `seconds` is what is listed, `read` counts segments that were judged."""

    name: str
    kind: str = ""
    codec: str = ""
    seconds: float = 0.0
    segments: int = 0
    read: int = 0
    note: str = ""


@dataclass(slots=True)
class Result:
    """`latency_s`: now less the date at which the listing ends; None where no date says so."""

    url: str
    form: str = ""
    live: bool = False
    rows: list[Row] = field(default_factory=list)
    latency_s: float | None = None
    facts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # what could not be judged, and why
    requests: int = 0
    octets: int = 0

    def add(self, findings: Iterable[Finding]) -> None:
        """Each finding once: reloads say the same again."""
        known = set(self.findings)
        for finding in findings:
            if finding not in known:
                known.add(finding)
                self.findings.append(finding)

    @property
    def musts(self) -> int:
        return count(self.findings, Level.MUST)


def as_json(result: Result) -> dict[str, Any]:
    return {
        "url": result.url,
        "form": result.form,
        "live": result.live,
        "latency_s": None if result.latency_s is None else round(result.latency_s, 3),
        "facts": result.facts,
        "renditions": [
            {
                "name": row.name,
                "kind": row.kind,
                "codec": row.codec,
                "seconds": round(row.seconds, 3),
                "segments": row.segments,
                "read": row.read,
                "note": row.note,
            }
            for row in result.rows
        ],
        "must": result.musts,
        "should": count(result.findings, Level.SHOULD),
        "findings": [
            {
                "rule": finding.rule,
                "level": RULES[finding.rule].level,
                "section": RULES[finding.rule].section,
                "sentence": RULES[finding.rule].sentence,
                "url": finding.url,
                "line": finding.line,
                "seen": finding.seen,
                "expected": finding.expected,
            }
            for finding in result.findings
        ],
        "unseen": result.unseen,
        "requests": result.requests,
        "bytes": result.octets,
    }


def lines(result: Result) -> Iterator[str]:
    yield f"{result.url}"
    yield f"{result.form}, {'live' if result.live else 'on demand'}"
    for name, value in result.facts.items():
        yield f"  {name}: {value}"
    if result.latency_s is not None:
        yield f"  behind the clock: {result.latency_s:.2f} s (end of the listing, by its dates)"
    for row in result.rows:
        parts = [row.name, row.kind, row.codec, f"{row.seconds:.1f} s in {row.segments} segments, {row.read} read"]
        yield "  " + ", ".join(part for part in [*parts, row.note] if part)
    for level in Level:
        yield from _level(result, level)
    for sentence in result.unseen:
        yield f"not judged: {sentence}"
    yield (
        f"{result.musts} MUST, {count(result.findings, Level.SHOULD)} SHOULD; "
        f"{result.requests} requests, {result.octets / 1e6:.1f} MB"
    )


def _level(result: Result, level: Level) -> Iterator[str]:
    by_rule: dict[str, list[Finding]] = {}
    for finding in result.findings:
        if RULES[finding.rule].level is level:
            by_rule.setdefault(finding.rule, []).append(finding)
    for name, found in by_rule.items():
        rule = RULES[name]
        yield f"{level} {rule.section} ({name}): {rule.sentence}"
        for finding in found[:_SHOWN]:
            place = f"{finding.url}:{finding.line}" if finding.line else finding.url
            expected = f" (expected {finding.expected})" if finding.expected else ""
            yield f"    {place}: {finding.seen}{expected}"
        if len(found) > _SHOWN:
            yield f"    and {len(found) - _SHOWN} more"
