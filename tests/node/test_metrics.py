"""Metrics as a table."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from node.metrics import TABLE, Metric, Metrics


def test_what_was_counted_is_exposed() -> None:
    metrics = Metrics()
    metrics.counter("http_requests", role="edge", method="GET", status="200").inc(3)
    metrics.gauge("edge_stored_bytes").set(7)
    text = metrics.text().decode()
    assert 'headwater_http_requests_total{method="GET",role="edge",status="200"} 3.0' in text
    assert metrics.value("http_requests", role="edge", method="GET", status="200") == 3
    assert metrics.value("edge_stored_bytes") == 7
    assert metrics.value("edge_fills", result="stored") == 0


def test_two_of_them_share_nothing() -> None:
    """Two roles in one test, each with its own."""
    one, other = Metrics(), Metrics()
    one.counter("edge_bytes").inc()
    assert other.value("edge_bytes") == 0


def test_a_name_that_is_not_in_the_table_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        Metrics().counter("surprises")
    with pytest.raises(AssertionError, match="edge_bytes is a counter"):
        Metrics().gauge("edge_bytes")


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_every_row_can_be_made_and_read(row: Metric) -> None:
    metrics = Metrics()
    labels = dict.fromkeys(row.labels, "x")
    match row.type:
        case "counter":
            metrics.counter(row.name, **labels).inc()
        case "gauge":
            metrics.gauge(row.name, **labels).inc()
        case _:
            assert list(row.buckets) == sorted(row.buckets) and row.buckets
            metrics.histogram(row.name, **labels).observe(1)
    families = {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}
    assert families[f"headwater_{row.name}"].type == row.type
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name) and not row.name.endswith("_total")
