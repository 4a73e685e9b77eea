"""What the edge counts: plain integers on the hot path, brought into the metrics table when somebody looks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from node.metrics import Metrics


@dataclass(slots=True)
class Counts:
    """`express` counts lane hits; `answers` all others by cache status. `sent` in body bytes."""

    express: int = 0
    full: int = 0
    sent: int = 0
    followers: int = 0
    retries: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    fills: Counter[str] = field(default_factory=Counter)
    _flushed: dict[tuple[str, str], int] = field(default_factory=dict)

    def retry(self) -> None:
        self.retries += 1

    def fill(self, result: str) -> None:
        self.fills[result] += 1

    def flush(self, metrics: Metrics, *, stored_bytes: int, stored_objects: int) -> None:
        """Add what came since the last flush."""
        rows: list[tuple[str, str, str, int]] = [
            ("edge_lane", "lane", "express", self.express),
            ("edge_lane", "lane", "full", self.full),
            ("edge_bytes", "", "", self.sent),
            ("edge_followers", "", "", self.followers),
            ("edge_upstream_retries", "", "", self.retries),
            ("edge_answers", "cache", "hit", self.answers["hit"] + self.express),
            *(("edge_answers", "cache", cache, count) for cache, count in self.answers.items() if cache != "hit"),
            *(("edge_fills", "result", result, count) for result, count in self.fills.items()),
        ]
        for name, label, value, count in rows:
            counter = metrics.counter(name, **({label: value} if label else {}))
            counter.inc(count - self._flushed.get((name, value), 0))
            self._flushed[name, value] = count
        metrics.gauge("edge_stored_bytes").set(stored_bytes)
        metrics.gauge("edge_stored_objects").set(stored_objects)
