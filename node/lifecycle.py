"""The life of one role process as its supervisor sees it: a table of states, and what to do when it dies.

Pure: events and `now` (seconds, monotonic) come in, states and verdicts go out. `node/supervisor.py` does the rest.

A death is answered by a restart after a pause that doubles from 0.2 s to 10 s and begins anew once the role was
ready for 10 s. A role that was never ready since `up` began is not tried for ever: exit code 2 (settings or an
address that cannot be used, see node/process.py) ends the start at once, any other death the third time.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    BACKING_OFF = "backing-off"
    STOPPED = "stopped"


class Event(StrEnum):
    SPAWNED = "spawned"
    ANSWERED = "answered"
    DIED = "died"
    GIVEN_UP = "given up"
    STOP = "told to stop"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.STOPPED, Event.SPAWNED): State.STARTING,
    (State.BACKING_OFF, Event.SPAWNED): State.STARTING,
    (State.STARTING, Event.ANSWERED): State.READY,
    (State.STARTING, Event.DIED): State.BACKING_OFF,
    (State.STARTING, Event.GIVEN_UP): State.STOPPED,
    (State.STARTING, Event.STOP): State.DRAINING,
    (State.READY, Event.DIED): State.BACKING_OFF,
    (State.READY, Event.STOP): State.DRAINING,
    (State.BACKING_OFF, Event.STOP): State.STOPPED,
    (State.DRAINING, Event.DIED): State.STOPPED,
    (State.STOPPED, Event.STOP): State.STOPPED,
}

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 10.0
TRIES_AT_START = 3
# A role that does not answer this long after it was started is killed and counts as dead.
ANSWER_WITHIN_S = 30.0
UNUSABLE = 2


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again after a pause."""

    after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The start has failed."""


class Life:
    """One role process: `origin`, or `edge-1` where a role has several workers."""

    def __init__(self, role: str, worker: int, *, alone: bool = True) -> None:
        self.role = role
        self.worker = worker
        self.name = role if alone else f"{role}-{worker}"
        self.state = State.STOPPED
        self.since = 0.0
        self.restarts = 0
        self._was_ready = False
        self._deaths = 0  # in a row, without HEALTHY_S of health between them

    def on(self, event: Event, now: float) -> State:
        """Raises KeyError if the table has no such transition: the supervisor has lost track."""
        if event is Event.SPAWNED and self.state is State.BACKING_OFF:
            self.restarts += 1
        self.state = TRANSITIONS[self.state, event]
        self._was_ready |= self.state is State.READY
        self.since = now
        return self.state

    def died(self, code: int, now: float) -> Restart | GiveUp:
        """The process ended by itself with an exit code, or -N for signal N."""
        if self.state is State.READY and now - self.since >= HEALTHY_S:
            self._deaths = 0
        self._deaths += 1
        if not self._was_ready and (code == UNUSABLE or self._deaths >= TRIES_AT_START):
            self.on(Event.GIVEN_UP, now)
            return GiveUp()
        self.on(Event.DIED, now)
        return Restart(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._deaths - 1)))

    def overdue(self, now: float) -> bool:
        return self.state is State.STARTING and now - self.since > ANSWER_WITHIN_S


def manner(code: int) -> str:
    """How a process ended, in words: `exit code 1`, `signal 9 (SIGKILL)`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


# Who is told to stop first. Encoders of our own end before ingest, so that it sees a stream end; ingest and edge end
# before the origin, so that the last parts are written and open answers are served.
_FIRST, _LAST = frozenset({"demo"}), frozenset({"origin"})
_HEAD_START_S = 0.4
_PAST_DRAIN_S = 0.2
_LAST_DRAIN_S = 1.2


def wave(role: str) -> int:
    return 0 if role in _FIRST else 2 if role in _LAST else 1


def stop_signals(lives: Sequence[Life], elapsed_s: float, drain_s: float) -> dict[Life, signal.Signals]:
    """What to send to which live role `elapsed_s` after the stop began; to be asked again until none is left.

    A wave goes when the waves before it have ended or had their time. All ends within `drain_s` + 1.4 s: what is left
    then is killed.
    """
    times = (_HEAD_START_S, drain_s + _PAST_DRAIN_S, drain_s + _PAST_DRAIN_S + _LAST_DRAIN_S)
    alive = [life for life in lives if life.state is not State.STOPPED]
    if elapsed_s >= times[-1]:
        return {life: signal.SIGKILL for life in alive}
    open_wave = 0
    while open_wave < 2 and (elapsed_s >= times[open_wave] or all(wave(life.role) > open_wave for life in alive)):
        open_wave += 1
    return {life: signal.SIGTERM for life in alive if wave(life.role) <= open_wave and life.state is not State.DRAINING}


def table() -> str:
    """The transitions, one a line: `starting --answered--> ready`."""
    return "\n".join(f"{state} --{event}--> {after}" for (state, event), after in TRANSITIONS.items())
