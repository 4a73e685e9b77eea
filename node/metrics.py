"""Metrics as a table: each row is one Prometheus metric with its type, labels, unit and sentence.

`/metrics` of every role and `docs/reference/metrics.md` come from TABLE. A role asks for its rows by name;
a name that is not in the table is a programming error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


@dataclass(frozen=True, slots=True)
class Metric:
    """One row. `name` without the `headwater_` prefix; counters get `_total` from the client library."""

    name: str
    type: str  # counter, gauge or histogram
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)

TABLE: dict[str, Metric] = {
    row.name: row
    for row in (
        Metric("http_requests", "counter", ("role", "method", "status"), "requests answered by a role's web rim"),
        Metric("http_seconds", "histogram", ("role",), "time from a request to the end of its answer", _SECONDS),
        Metric("http_problems", "counter", ("role", "kind"), "refusals and faults by problem kind"),
        Metric("role_start_time_seconds", "gauge", ("role",), "when the role process started, UTC"),
        Metric(
            "edge_answers",
            "counter",
            ("cache",),
            "answers to viewers by cache status: hit, miss, pass, stale",
        ),
        Metric("edge_lane", "counter", ("lane",), "answers by lane: express (prebuilt hit) or full (aiohttp)"),
        Metric("edge_bytes", "counter", (), "body bytes sent to viewers"),
        Metric("edge_stored_bytes", "gauge", (), "bytes in the memory tier"),
        Metric("edge_stored_objects", "gauge", (), "objects in the memory tier"),
        Metric("edge_fills", "counter", ("result",), "fetches from upstream: stored, validated, passed, failed"),
        Metric("edge_followers", "counter", (), "requests that shared another request's fetch"),
        Metric("edge_upstream_retries", "counter", (), "connections to upstream that were tried again"),
        Metric("origin_parts", "counter", (), "parts received and acknowledged"),
        Metric("origin_segments", "counter", (), "segments closed and journalled"),
        Metric("origin_refused", "counter", ("kind",), "PUTs refused, by problem kind"),
        Metric("origin_held", "gauge", (), "requests that wait for media to come"),
        Metric("origin_assets", "gauge", (), "assets on demand that are open"),
        Metric(
            "origin_licences", "counter", ("outcome",), "requests for content keys: granted, unknown, malformed, off"
        ),
        Metric("origin_express", "counter", (), "segments on demand that were answered in front of the web server"),
        Metric("origin_forwarded", "counter", (), "requests that a further worker handed on to worker 0"),
        Metric(
            "origin_key_requests",
            "counter",
            ("outcome",),
            "requests to the key server: granted, refused, unusable, away",
        ),
        Metric("origin_bytes", "counter", ("leaf",), "body bytes sent, by sort of object"),
        Metric(
            "origin_pictures",
            "counter",
            ("outcome",),
            "pictures asked for: kept (on disk), made, shared, or a problem kind",
        ),
        Metric("origin_pictures_bytes", "gauge", (), "bytes of pictures kept on disk"),
        Metric("pictures_made", "counter", ("kind",), "orders done: picture, tiles or waveform"),
        Metric("pictures_decoded", "counter", (), "keyframes and stretches of sound decoded"),
        Metric("pictures_seconds", "histogram", ("kind",), "time from an order's turn to its picture", _SECONDS),
        Metric("pictures_waiting", "gauge", (), "orders that are being made or wait for a thread"),
        Metric("pictures_refused", "counter", (), "orders refused since too many were waiting"),
        Metric("remux_files", "counter", (), "films that were remuxed"),
        Metric("remux_refused", "counter", ("kind",), "films that were not, by problem kind"),
        Metric("remux_seconds", "histogram", (), "time from a film's turn to its last track", _LONG_SECONDS),
        Metric("ingest_sessions", "gauge", ("state",), "publishing sessions by state"),
        Metric("ingest_offers", "counter", ("outcome",), "publish attempts: admitted, wrong-key, busy, malformed"),
        Metric("ingest_bytes", "counter", (), "media bytes received from encoders"),
        Metric("ingest_put_retries", "counter", (), "parts sent again since the origin was away"),
        Metric("ingest_dropped_parts", "counter", (), "parts given up since the origin stayed away"),
        Metric(
            "ingest_ts_faults",
            "counter",
            ("what",),
            "damage in transport streams: continuity, damaged, dropped, malformed, scrambled, skipped (octets) ...",
        ),
        Metric("ingest_srt_rtt_seconds", "gauge", ("channel",), "round-trip time of the SRT link"),
        Metric(
            "ingest_srt_packets",
            "counter",
            ("channel", "what"),
            "SRT packets: received, lost (then asked for again), retransmitted, dropped (too late), undecrypted",
        ),
        Metric("ingest_pull_retries", "counter", ("channel",), "times that a pulled source was away"),
        Metric("ingest_pull_dropped", "counter", ("channel",), "datagrams of pulled sources that nobody read in time"),
        Metric("ingest_resyncs", "counter", ("why",), "times the media clock was anchored anew"),
        Metric("control_assets", "gauge", ("state",), "assets in the catalog"),
        Metric("control_channels", "gauge", (), "channels in the catalog"),
        Metric("node_restarts", "counter", ("role",), "role processes that died and were started again"),
        Metric("node_role_up", "gauge", ("role", "worker"), "1 while a role process answers"),
        Metric("desired_seq", "gauge", (), "sequence of the desired state that is in force"),
    )
}


class Metrics:
    """The metrics of one process. Made once per role; no module-level state, so tests may have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._before_reading: list[Callable[[], None]] = []

    def on_scrape(self, flush: Callable[[], None]) -> None:
        """Call `flush` before the values are read: for what is counted elsewhere, as plain integers, on a hot path."""
        self._before_reading.append(flush)

    def counter(self, name: str, **labels: str) -> Counter:
        if name not in self._counters:
            row = _row(name, "counter")
            self._counters[name] = Counter(_full(name), row.meaning, row.labels, registry=self.registry)
        made = self._counters[name]
        return made.labels(**labels) if labels else made

    def gauge(self, name: str, **labels: str) -> Gauge:
        if name not in self._gauges:
            row = _row(name, "gauge")
            self._gauges[name] = Gauge(_full(name), row.meaning, row.labels, registry=self.registry)
        made = self._gauges[name]
        return made.labels(**labels) if labels else made

    def histogram(self, name: str, **labels: str) -> Histogram:
        if name not in self._histograms:
            row = _row(name, "histogram")
            self._histograms[name] = Histogram(
                _full(name), row.meaning, row.labels, registry=self.registry, buckets=row.buckets
            )
        made = self._histograms[name]
        return made.labels(**labels) if labels else made

    def text(self) -> bytes:
        """The Prometheus text format."""
        self._flush()
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """The present value of one counter or gauge; 0.0 if it was never touched."""
        self._flush()
        full = _full(name) + ("_total" if TABLE[name].type == "counter" else "")
        return self.registry.get_sample_value(full, labels) or 0.0

    def _flush(self) -> None:
        for flush in self._before_reading:
            flush()


def _full(name: str) -> str:
    return f"headwater_{name}"


def _row(name: str, kind: str) -> Metric:
    row = TABLE[name]
    assert row.type == kind, f"{name} is a {row.type}, not a {kind}"
    return row
