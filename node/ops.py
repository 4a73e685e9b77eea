"""The operations endpoint of a node, on loopback: health, Prometheus metrics of all its roles, and their states.

GET /healthz  200 if every role process answers, else 503; says which do
GET /metrics  every role's metrics with the labels `role` and `worker` added, and the supervisor's own
GET /status   roles, processes, states, restarts, URLs; no secrets
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from node import ask, logs
from node.lifecycle import State
from node.logfile import LogFile, LogStream
from node.process import Context
from node.web import make_app, serving

if TYPE_CHECKING:
    from node.supervisor import Slot, Supervisor

_ANSWER_S = 2.0
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Ops:
    """The endpoint of one supervisor, and the supervisor's log and counters."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        plan = supervisor.plan
        # Nothing that is open here is worth a wait at the end.
        settings = plan.settings.merged({"drain.seconds": 0})
        self.ctx = Context(
            role="supervisor", home=plan.home, settings=settings, port_base=plan.port_base, clock=supervisor.clock
        )
        stream: Any = LogStream(LogFile(plan.home.logs / "supervisor-0.log"))
        logs.set_up("supervisor", 0, plan.settings.text("log.level"), stream)
        self._log = structlog.get_logger("supervisor")

    def log(self, event: str, **fields: Any) -> None:
        self._log.info(event, **fields)

    def restarted(self, role: str) -> None:
        self.ctx.metrics.counter("node_restarts", role=role).inc()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = make_app(self.ctx, health=self._health, metrics=self._metrics)
        app.router.add_get("/status", self._status)
        door = self._supervisor.plan.door("ops")
        assert door is not None and isinstance(door.address, tuple)
        async with serving(self.ctx, app, [door.address]):
            yield

    async def _health(self, _: web.Request) -> web.Response:
        answers = await self._ask_all("/healthz")
        roles = {slot.life.name: "ok" if body is not None else "no answer" for slot, body in answers}
        well = all(state == "ok" for state in roles.values())
        state = "draining" if self._supervisor.stopping.is_set() else "ok" if well else "degraded"
        body = {"role": "supervisor", "state": state, "pid": os.getpid(), "roles": roles}
        return web.json_response(body, status=200 if well else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        answers = await self._ask_all("/metrics")
        own = self.ctx.metrics
        texts: list[tuple[Mapping[str, str], str]] = []
        for slot, body in answers:
            labels = {"role": slot.spec.role, "worker": str(slot.spec.worker)}
            own.gauge("node_role_up", **labels).set(body is not None)
            if body is not None:
                texts.append((labels, body.decode()))
        return web.Response(body=merged([({}, own.text().decode()), *texts]), headers={"Content-Type": _CONTENT_TYPE})

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(status(self._supervisor))

    async def _ask_all(self, path: str) -> list[tuple[Slot, bytes | None]]:
        """Every role process with its answer, None where there was none."""

        async def one(slot: Slot) -> bytes | None:
            try:
                where = self._supervisor.home.socket(slot.spec.role, slot.spec.worker)
                code, body = await ask.get(where, path, timeout_s=_ANSWER_S)
            except OSError:
                return None
            return body if code == 200 else None

        slots = self._supervisor.slots
        return list(zip(slots, await asyncio.gather(*[one(slot) for slot in slots]), strict=True))


def status(supervisor: Supervisor) -> dict[str, Any]:
    now = supervisor.clock.monotonic()
    return {
        "home": str(supervisor.home.root),
        "pid": os.getpid(),
        "uptime_s": round(now - supervisor.started, 1),
        "urls": {door.name: door.url() for door in supervisor.plan.doors},
        "roles": [
            {
                "name": slot.life.name,
                "role": slot.spec.role,
                "worker": slot.spec.worker,
                "pid": slot.child.pid if slot.child and slot.child.alive else None,
                "state": str(slot.life.state),
                "state_s": round(now - slot.life.since, 1) if slot.life.state is not State.STOPPED else 0,
                "restarts": slot.life.restarts,
            }
            for slot in supervisor.slots
        ],
    }


def merged(texts: Iterable[tuple[Mapping[str, str], str]]) -> bytes:
    """One exposition of many: families of one name are joined, as the text format asks (a family stands in one
    group: prometheus.io/docs/instrumenting/exposition_formats). Labels that a sample has already stay.

    The `_created` series are left out: they are for OpenMetrics and double the size.
    """
    families: dict[str, Metric] = {}
    for labels, text in texts:
        for family in text_string_to_metric_families(text):
            if family.name.endswith("_created"):
                continue
            joined = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                joined.add_sample(sample.name, {**labels, **sample.labels}, sample.value)
    registry = CollectorRegistry()
    registry.register(_Collected(families.values()))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
