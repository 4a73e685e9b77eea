from __future__ import annotations

from edge.counts import Counts
from node.metrics import Metrics


def test_integers_come_into_the_table_once() -> None:
    metrics, counts = Metrics(), Counts()
    metrics.on_scrape(lambda: counts.flush(metrics, stored_bytes=10, stored_objects=2))
    counts.express, counts.full, counts.sent = 5, 2, 700
    counts.answers["hit"] += 1
    counts.answers["miss"] += 1
    counts.fill("stored")
    counts.retry()
    assert metrics.value("edge_answers", cache="hit") == 6
    assert metrics.value("edge_answers", cache="hit") == 6  # looking again adds nothing
    counts.express += 1
    text = metrics.text().decode()
    assert 'headwater_edge_lane_total{lane="express"} 6.0' in text
    assert 'headwater_edge_lane_total{lane="full"} 2.0' in text
    assert 'headwater_edge_answers_total{cache="hit"} 7.0' in text
    assert 'headwater_edge_answers_total{cache="miss"} 1.0' in text
    assert 'headwater_edge_fills_total{result="stored"} 1.0' in text
    assert "headwater_edge_bytes_total 700.0" in text
    assert "headwater_edge_upstream_retries_total 1.0" in text
    assert "headwater_edge_stored_bytes 10.0" in text
