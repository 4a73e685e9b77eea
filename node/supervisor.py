"""The supervisor: starts the role processes of a plan, starts again what dies, stops them in order.

Decisions are in `node/lifecycle.py`, what to run in `node/plan.py`; here they meet processes, sockets and signals.

    lock the home -> wait for roles that a killed supervisor left -> check the ports -> spawn all -> wait until
    every role's own socket and every door answers -> serve `ops` and keep watch -> drain in waves -> exit code
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from node import ask, children, lifecycle, listeners, running
from node.clock import Clock, SystemClock
from node.lifecycle import Event, GiveUp, Life, State
from node.plan import Door, Plan, Spec
from node.terminal import Screen

if TYPE_CHECKING:
    from node.ops import Ops

_POLL_S = 0.03
_DOORS_WITHIN_S = 20.0
_FAILED_DRAIN_S = 0.5
_ONE_WISH_S = 0.3
_LOCK_TRIES_S = 0.5  # a command may look at the lock just now

OK, FAILED, UNUSABLE = 0, 1, 2


class Refused(Exception):
    """The appliance cannot be started here: a sentence that says what to do."""


@dataclass(eq=False, slots=True)
class Slot:
    """The place of one role process, through all its restarts."""

    spec: Spec
    life: Life
    child: children.Child | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """`run` returns the exit code. `on_ready` is called once, when everything answers."""

    def __init__(
        self,
        plan: Plan,
        screen: Screen,
        *,
        on_ready: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self.plan = plan
        self.home = plan.home
        self.slots = [Slot(spec, Life(spec.role, spec.worker, alone=spec.alone)) for spec in plan.specs]
        self.clock: Clock = clock or SystemClock()
        self.stopping = asyncio.Event()
        self.started = self.clock.monotonic()
        self._screen = screen
        self._on_ready = on_ready
        self._urgent = False
        self._told_to_stop = 0.0
        self._failure = ""
        self._up = False
        self._roles_lock: running.Lock | None = None
        self._ops: Ops | None = None

    async def run(self) -> int:
        """Raises Refused if it cannot start here; what it started has ended then."""
        self.home.make()
        lock = await self._lock()
        try:
            self._roles_lock = await self._outlive_earlier_roles()
            for left in self.home.run.glob("*.sock"):  # nobody of this home lives: what is there is stale
                left.unlink()
            self._check_doors()
            with self._signals():
                return await self._supervise()
        finally:
            if self._roles_lock is not None:
                self._roles_lock.release()
            running.forget(self.home)
            lock.release()

    def stop(self) -> None:
        """Drain and end; asked again, end at once. One stop may come as two signals (timeout(1) tells the process,
        then its group): what follows that closely is no second wish."""
        now = self.clock.monotonic()
        if not self.stopping.is_set():
            self._told_to_stop = now
            self._screen.line("stopping")
            self.stopping.set()
        elif now - self._told_to_stop > _ONE_WISH_S and not self._urgent:
            self._urgent = True
            self._screen.line("stopping at once")

    async def _lock(self) -> running.Lock:
        until = self.clock.monotonic() + _LOCK_TRIES_S
        while True:
            try:
                return running.Lock(running.supervisor_lock(self.home))
            except running.Held:
                if self.clock.monotonic() < until:
                    await asyncio.sleep(_POLL_S)
                    continue
            last = running.read(self.home)
            how = f"stop it with Ctrl-C or `kill {last.pid}`" if last else "stop it"
            raise Refused(f"an appliance runs in {self.home.root} already: {how}, or give another --home")

    async def _outlive_earlier_roles(self) -> running.Lock:
        """The roles' lock, once no process of an earlier run holds it. A killed supervisor's roles end by themselves;
        one that hangs is killed."""
        began, killed, told = self.clock.monotonic(), False, False
        drain_s = self.plan.settings.number("drain.seconds")
        while True:
            try:
                return running.Lock(running.roles_lock(self.home))
            except running.Held:
                waited = self.clock.monotonic() - began
            if not told:
                self._screen.line("waiting for the roles of an earlier run to end")
                told = True
            if waited > drain_s + 1 and not killed:
                for pid in running.left_behind(self.home):
                    self._screen.line(f"killing process {pid}, a role of an earlier run that did not end")
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                killed = True
            if waited > drain_s + 3:
                raise Refused(
                    f"role processes of an earlier run still hold {running.roles_lock(self.home)}: end them "
                    f"(`fuser {running.roles_lock(self.home)}` lists them)"
                )
            await asyncio.sleep(_POLL_S)

    def _check_doors(self) -> None:
        for door in self.plan.doors:
            if isinstance(door.address, tuple) and door.address[1] and (fault := listeners.fault_at(*door.address)):
                hint = "stop what listens there or choose other ports with --port-base N"
                raise Refused(f"{door.role}: {fault}: {hint}")
        for setting, door in self.plan.further().items():
            if not isinstance(door.address, tuple) or not door.address[1]:
                continue
            if fault := listeners.fault_at(*door.address, udp=door.scheme == "srt"):
                hint = f"stop what listens there, choose other ports with --port-base N, or switch off {setting}"
                raise Refused(f"{door.role}, {door.name}: {fault}: {hint}")

    @contextlib.contextmanager
    def _signals(self) -> Any:
        loop = asyncio.get_running_loop()
        watched = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks to outlive the terminal
            watched.append(signal.SIGHUP)
        for sign in watched:
            loop.add_signal_handler(sign, self.stop)
        try:
            yield
        finally:
            for sign in watched:
                loop.remove_signal_handler(sign)

    async def _supervise(self) -> int:
        try:
            async with asyncio.TaskGroup() as group:
                keepers = [group.create_task(self._keep(slot), name=slot.life.name) for slot in self.slots]
                await asyncio.sleep(0)
                from node import ops  # aiohttp is loaded while the roles load theirs

                self._ops = ops.Ops(self)
                async with contextlib.AsyncExitStack() as stack:
                    try:
                        await stack.enter_async_context(self._ops.serving())
                    except OSError as fault:
                        self._fail(f"ops: {fault}")
                    started = group.create_task(self._until_all_answer())
                    await self.stopping.wait()
                    await started
                    await self._drain(keepers)
        finally:
            for slot in self.slots:
                if slot.child is not None:
                    slot.child.signal(signal.SIGKILL)
        if self._failure:
            raise Refused(self._failure)
        self._screen.line("stopped")
        return FAILED if self._urgent else OK

    async def _until_all_answer(self) -> None:
        for slot in self.slots:
            await self._or_stop(slot.ready)
        until = self.clock.monotonic() + _DOORS_WITHIN_S
        for door in self.plan.doors:
            while not self.stopping.is_set() and not await self._door_answers(door):
                if self.clock.monotonic() > until:
                    self._fail(f"{door.role}: nobody answers at {ask.spell(door.near)}: see {self.home.logs}")
                await asyncio.sleep(_POLL_S)
        if not self.stopping.is_set():
            self._up = True
            self._screen.waiting_for([])
            self._on_ready()

    async def _door_answers(self, door: Door) -> bool:
        if door.scheme != "http":
            return await ask.connects(door.near)
        try:
            await ask.get(door.near, "/healthz")
        except OSError:
            return False
        return True

    async def _keep(self, slot: Slot) -> None:
        """One role process after another in one slot, until the appliance stops."""
        life = slot.life
        while not self.stopping.is_set():
            began = self.clock.monotonic()
            try:
                slot.child = await self._spawn(slot)
            except OSError as fault:
                self._fail(f"{life.name}: cannot be started: {fault.strerror}")
                return
            life.on(Event.SPAWNED, began)
            self._note_running()
            code = await self._watch(slot, began)
            now = self.clock.monotonic()
            if self.stopping.is_set():
                if life.state is not State.DRAINING:
                    life.on(Event.STOP, now)
                life.on(Event.DIED, now)
                return
            verdict = life.died(code, now)
            if isinstance(verdict, GiveUp):
                self._fail(_why_not_started(life.name, code, slot.child.tail))
                return
            self._say(
                f"{life.name} died ({lifecycle.manner(code)}), restarting in {verdict.after_s:g} s",
                "role.died",
                died=life.name,
                manner=lifecycle.manner(code),
            )
            if self._ops is not None:
                self._ops.restarted(life.role)
            await self._or_stop(self.stopping, verdict.after_s)
        if life.state is not State.STOPPED:
            life.on(Event.STOP, self.clock.monotonic())

    async def _spawn(self, slot: Slot) -> children.Child:
        assert self._roles_lock is not None
        name = slot.life.name
        return await children.Child.start(
            children.command(slot.spec.module, slot.spec.arguments),
            self.home.logs / f"{slot.spec.role}-{slot.spec.worker}.log",
            keep_open=[self._roles_lock.fd],
            on_line=lambda line: self._screen.log_line(name, line),
        )

    async def _watch(self, slot: Slot, began: float) -> int:
        """Wait for the process's end, meanwhile note when it is ready. Returns its exit code."""
        child, life = slot.child, slot.life
        assert child is not None
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(child.wait())
            while not ended.done() and life.state is State.STARTING:
                now = self.clock.monotonic()
                if await self._answers(slot) and life.state is State.STARTING:
                    life.on(Event.ANSWERED, now)
                    self._say(f"{life.name} ready {now - began:.1f} s", "role.ready", ready=life.name)
                    slot.ready.set()
                elif life.overdue(now):
                    self._say(f"{life.name} does not answer: killing it", "role.overdue", overdue=life.name)
                    child.signal(signal.SIGKILL)
                    await ended
                else:
                    await asyncio.wait([ended], timeout=_POLL_S)
                if not self._up:
                    self._screen.waiting_for([slot.life.name for slot in self.slots if not slot.ready.is_set()])
        return ended.result()

    async def _answers(self, slot: Slot) -> bool:
        """True if this very process (not one before it) answers on its own socket."""
        assert slot.child is not None
        try:
            status, body = await ask.get(self.home.socket(slot.spec.role, slot.spec.worker), "/healthz")
            return status == 200 and json.loads(body).get("pid") == slot.child.pid
        except (OSError, ValueError, AttributeError):
            return False

    async def _drain(self, keepers: list[asyncio.Task[None]]) -> None:
        self._screen.waiting_for([])
        began = self.clock.monotonic()
        drain_s = _FAILED_DRAIN_S if self._failure else self.plan.settings.number("drain.seconds")
        slots = {slot.life: slot for slot in self.slots}
        while not all(keeper.done() for keeper in keepers):
            now = self.clock.monotonic()
            elapsed = float("inf") if self._urgent else now - began
            for life, sign in lifecycle.stop_signals(list(slots), elapsed, drain_s).items():
                if life.state is not State.DRAINING:
                    life.on(Event.STOP, now)
                child = slots[life].child
                if child is not None:
                    child.signal(sign)
            await asyncio.wait(keepers, timeout=_POLL_S)

    async def _or_stop(self, event: asyncio.Event, timeout_s: float | None = None) -> None:
        """Wait for `event`, but no longer than until the appliance stops."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(awaited.wait()) for awaited in (event, self.stopping)]
            await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    def _fail(self, sentence: str) -> None:
        """The start has failed: stop everything, and say so at the end."""
        self._failure = self._failure or sentence
        self.stopping.set()

    def _note_running(self) -> None:
        running.Running(
            pid=os.getpid(),
            port_base=self.plan.port_base,
            urls={door.name: door.url() for door in self.plan.doors},
            roles=[
                {"role": slot.spec.role, "worker": slot.spec.worker, "pid": slot.child.pid}
                for slot in self.slots
                if slot.child is not None
            ],
        ).write(self.home)

    def _say(self, sentence: str, event: str, **fields: Any) -> None:
        """Tell people, and the supervisor's log."""
        self._screen.line(sentence)
        if self._ops is not None:
            self._ops.log(event, **fields)


def _why_not_started(name: str, code: int, tail: list[str]) -> str:
    """A role says in its last plain line what it cannot use (node/process.py); if it broke, its last lines tell."""
    plain = [line for line in tail if not line.startswith("{")]
    if code == lifecycle.UNUSABLE and plain:
        hint = "stop what listens there or choose other ports with --port-base N"
        return plain[-1] + (f": {hint}" if "address already in use" in plain[-1].lower() else "")
    shown = "".join(f"\n    {line}" for line in tail[-12:])
    return f"{name} cannot be started ({lifecycle.manner(code)}). It said last:{shown or ' nothing'}"
