"""The operations endpoint."""

import asyncio
import json
import os
import signal
import urllib.error
import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from node import ops
from node.metrics import Metrics
from tests.node.test_supervisor import SMALL


async def fetch(url: str) -> tuple[int, str]:
    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    return await asyncio.to_thread(get)


def test_families_of_one_name_are_joined_and_labelled() -> None:
    texts = []
    for worker in ("0", "1"):
        metrics = Metrics()
        metrics.counter("edge_answers", cache="hit").inc(int(worker) + 1)
        metrics.histogram("http_seconds", role="edge").observe(0.02)
        texts.append(({"role": "edge", "worker": worker}, metrics.text().decode()))
    text = ops.merged(texts).decode()
    assert text.count("# TYPE headwater_edge_answers_total counter") == 1
    assert "_created" not in text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    answers = {sample.labels["worker"]: sample for sample in families["headwater_edge_answers"].samples}
    assert {worker: sample.value for worker, sample in answers.items()} == {"0": 1, "1": 2}
    assert answers["0"].labels == {"role": "edge", "worker": "0", "cache": "hit"}
    assert families["headwater_http_seconds"].type == "histogram"


def test_a_label_that_is_there_stays() -> None:
    metrics = Metrics()
    metrics.counter("node_restarts", role="edge").inc()
    assert 'headwater_node_restarts_total{role="edge"} 1.0' in ops.merged([({}, metrics.text().decode())]).decode()


async def test_health_metrics_and_status_of_a_box(appliances: Any) -> None:
    box = await appliances(*SMALL)
    url = (await box.ready())["ops"]
    status, text = await fetch(f"{url}/healthz")
    assert status == 200
    assert json.loads(text)["roles"] == dict.fromkeys(["origin", "pictures", "edge-0", "edge-1"], "ok")

    os.kill(box.role_pids()["edge-1"], signal.SIGSTOP)
    status, text = await fetch(f"{url}/healthz")
    assert status == 503
    assert json.loads(text)["roles"]["edge-1"] == "no answer"
    assert 'headwater_node_role_up{role="edge",worker="1"} 0.0' in (await fetch(f"{url}/metrics"))[1]

    os.kill(box.role_pids()["edge-1"], signal.SIGKILL)
    await box.says("edge-1 died")
    async with asyncio.timeout(15):
        while (await fetch(f"{url}/healthz"))[0] != 200:
            await asyncio.sleep(0.05)
    text = (await fetch(f"{url}/metrics"))[1]
    assert 'headwater_node_restarts_total{role="edge"} 1.0' in text
    assert 'headwater_node_role_up{role="edge",worker="1"} 1.0' in text
    starts = [line for line in text.splitlines() if line.startswith("headwater_role_start_time_seconds{")]
    assert len(starts) == 4

    async with asyncio.timeout(15):  # a role may answer a moment before the supervisor has asked it
        while True:
            status, text = await fetch(f"{url}/status")
            found = json.loads(text)
            if [role["state"] for role in found["roles"]] == ["ready"] * 4:
                break
            await asyncio.sleep(0.05)
    assert found["pid"] == box.process.pid
    assert "a" * 32 not in text and "k-e-y" not in text, "no secrets"

    log = [json.loads(line) for line in (box.home.logs / "supervisor-0.log").read_text().splitlines()]
    assert [entry["died"] for entry in log if entry["event"] == "role.died"] == ["edge-1"]
