"""The life of a role process, as a dialogue of events and times."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import lifecycle
from node.lifecycle import TRANSITIONS, Event, GiveUp, Life, Restart, State, stop_signals


def ready(role: str = "edge", worker: int = 0, now: float = 0.0) -> Life:
    life = Life(role, worker)
    life.on(Event.SPAWNED, now)
    life.on(Event.ANSWERED, now)
    return life


def again(life: Life, now: float) -> None:
    life.on(Event.SPAWNED, now)
    life.on(Event.ANSWERED, now)


def test_the_pause_doubles_to_ten_seconds() -> None:
    life = ready()
    pauses = []
    for turn in range(8):
        verdict = life.died(1, now=float(turn))
        assert isinstance(verdict, Restart)
        pauses.append(verdict.after_s)
        again(life, now=float(turn))
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert life.restarts == 8


def test_ten_seconds_of_health_begin_anew() -> None:
    life = ready()
    life.died(1, now=1)
    again(life, now=2)
    assert life.died(1, now=11.9) == Restart(0.4)
    again(life, now=12)
    assert life.died(1, now=22) == Restart(0.2)


def test_a_role_that_was_never_ready_is_not_tried_for_ever() -> None:
    life = Life("origin", 0)
    verdicts = []
    for turn in range(3):
        life.on(Event.SPAWNED, now=float(turn))
        verdicts.append(life.died(1, now=float(turn)))
    assert verdicts == [Restart(0.2), Restart(0.4), GiveUp()]
    assert life.state is State.STOPPED


def test_unusable_settings_end_the_start_at_once() -> None:
    life = Life("edge", 0)
    life.on(Event.SPAWNED, now=0)
    assert life.died(lifecycle.UNUSABLE, now=1) == GiveUp()


def test_unusable_settings_of_a_role_that_ran_are_tried_again() -> None:
    """Its port may have been taken while it was away: that can pass."""
    assert ready().died(lifecycle.UNUSABLE, now=1) == Restart(0.2)


def test_a_role_that_does_not_answer_is_overdue() -> None:
    life = Life("edge", 0)
    life.on(Event.SPAWNED, now=5)
    assert not life.overdue(now=35)
    assert life.overdue(now=35.1)
    life.on(Event.ANSWERED, now=36)
    assert not life.overdue(now=99)


def test_an_event_that_cannot_be_is_a_fault_of_the_supervisor() -> None:
    with pytest.raises(KeyError):
        Life("edge", 0).on(Event.ANSWERED, now=0)


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_every_state_can_be_stopped_and_every_stop_ends(events: list[Event]) -> None:
    life = Life("edge", 0)
    for event in events:
        if (life.state, event) in TRANSITIONS:
            life.on(event, now=0)
    if life.state is not State.DRAINING:
        life.on(Event.STOP, now=0)
    if life.state is State.DRAINING:
        life.on(Event.DIED, now=0)
    assert life.state is State.STOPPED


def test_the_table_can_be_printed() -> None:
    assert "starting --answered--> ready" in lifecycle.table().splitlines()
    assert len(lifecycle.table().splitlines()) == len(TRANSITIONS)


def box() -> dict[str, Life]:
    return {role: ready(role) for role in ("origin", "control", "ingest", "edge", "demo")}


def obey(lives: dict[str, Life], elapsed_s: float, drain_s: float = 3) -> dict[str, str]:
    """Ask for the signals, and note them as sent."""
    told = stop_signals(list(lives.values()), elapsed_s, drain_s)
    for life in told:
        if life.state is not State.DRAINING:
            life.on(Event.STOP, now=elapsed_s)
    return {life.role: sign.name for life, sign in told.items()}


def test_the_stop_goes_in_waves() -> None:
    lives = box()
    assert obey(lives, 0) == {"demo": "SIGTERM"}
    assert obey(lives, 0.1) == {}
    lives["demo"].on(Event.DIED, now=0.2)
    assert obey(lives, 0.2) == {"control": "SIGTERM", "ingest": "SIGTERM", "edge": "SIGTERM"}
    for role in ("control", "ingest", "edge"):
        assert obey(lives, 0.3) == {}
        lives[role].on(Event.DIED, now=0.4)
    assert obey(lives, 0.5) == {"origin": "SIGTERM"}


def test_a_wave_does_not_wait_for_ever() -> None:
    lives = box()
    obey(lives, 0)
    assert set(obey(lives, 0.41)) == {"control", "ingest", "edge"}
    assert obey(lives, 3.21) == {"origin": "SIGTERM"}
    assert obey(lives, 4.39) == {}
    assert obey(lives, 4.4) == dict.fromkeys(lives, "SIGKILL")


def test_a_longer_drain_is_given_its_time() -> None:
    lives = box()
    obey(lives, 0, drain_s=60)
    obey(lives, 1, drain_s=60)
    assert obey(lives, 59, drain_s=60) == {}
    assert obey(lives, 61.5, drain_s=60) == dict.fromkeys(lives, "SIGKILL")


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (2, "exit code 2"), (-9, "signal 9 (SIGKILL)"), (-77, "signal 77")]
)
def test_how_it_ended_in_words(code: int, words: str) -> None:
    assert lifecycle.manner(code) == words


def test_a_name_has_a_number_where_there_are_several() -> None:
    assert (Life("edge", 1, alone=False).name, Life("edge", 0).name) == ("edge-1", "edge")
    assert signal.SIGKILL not in stop_signals([Life("edge", 0)], 0, 3).values()
