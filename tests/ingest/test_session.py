from __future__ import annotations

import pytest

from base.desired import ChannelSpec, key_hash
from base.problems import Problem
from ingest.session import SILENCE_S, STALL_S, TRANSITIONS, Happening, Session, State, admit, by_key, ending, page
from tests.kit.golden import golden_at
from tests.kit.optional import ROOT

STUDIO = ChannelSpec(channel="studio", title="Studio", edition="e1", key_hashes=(key_hash("k1"), key_hash("k2")))
ARENA = ChannelSpec(channel="arena", title="Arena", edition="e1", key_hashes=(key_hash("k3"),))
KEYS = by_key((STUDIO, ARENA))


def test_the_usual_life() -> None:
    session = Session(heard=0.0)
    states = []
    for event, now in (
        (Happening.ADMIT, 1.0),
        (Happening.MEDIA, 2.0),
        (Happening.STALL, 7.0),
        (Happening.MEDIA, 8.0),
        (Happening.STOP, 9.0),
    ):
        session = session.after(event, now)
        states.append(session.state)
    assert states == [State.ADMITTED, State.LIVE, State.STALLED, State.LIVE, State.ENDED]
    assert session.reason is Happening.STOP


def test_silence_stalls_and_then_ends() -> None:
    session = Session(heard=0.0).after(Happening.ADMIT, 10.0).after(Happening.MEDIA, 20.0)
    assert session.due(20.0 + STALL_S - 0.1) is None
    assert session.due(20.0 + STALL_S) is Happening.STALL
    stalled = session.after(Happening.STALL, 25.0)
    assert stalled.due(30.0) is None
    assert stalled.due(20.0 + SILENCE_S) is Happening.SILENCE
    assert stalled.after(Happening.SILENCE, 35.0).due(99.0) is None


def test_an_admitted_publisher_that_sends_nothing_stalls_too() -> None:
    assert Session(heard=0.0).after(Happening.ADMIT, 0.0).due(STALL_S) is Happening.STALL


def test_every_state_can_end_and_the_end_is_the_end() -> None:
    for state in State:
        ends = [event for (source, event), to in TRANSITIONS.items() if source is state and to is State.ENDED]
        assert bool(ends) == (state is not State.ENDED)
    with pytest.raises(KeyError):
        Session(heard=0.0, state=State.ENDED).after(Happening.MEDIA, 1.0)


def test_only_a_stalled_session_is_displaced() -> None:
    assert {source for source, event in TRANSITIONS if event is Happening.DISPLACED} == {State.STALLED}


def test_a_key_opens_its_channel() -> None:
    assert admit("k2", KEYS, {}).channel is STUDIO
    assert admit("k3", KEYS, {"studio": Session(state=State.LIVE, heard=0.0)}).outcome == "admitted"


@pytest.mark.parametrize("key", ["", "k4", key_hash("k1"), "studio"])
def test_another_key_opens_nothing(key: str) -> None:
    refusal = admit(key, KEYS, {})
    assert (refusal.outcome, refusal.channel) == ("wrong-key", None)
    assert key == "" or key not in refusal.sentence


@pytest.mark.parametrize(
    ("state", "outcome"), [(State.ADMITTED, "busy"), (State.LIVE, "busy"), (State.STALLED, "admitted")]
)
def test_a_second_publisher_waits_for_the_firsts_silence(state: State, outcome: str) -> None:
    answer = admit("k1", KEYS, {"studio": Session(state=state, heard=0.0)})
    assert answer.outcome == outcome
    assert outcome == "admitted" or "being published already" in answer.sentence


def test_the_table_is_a_page_of_the_reference() -> None:
    golden_at(ROOT / "docs" / "reference" / "sessions.md", page())


def test_how_a_problem_ends_a_session() -> None:
    assert ending(Problem("unplayable", "x")) is ending(Problem("forbidden", "x")) is Happening.REFUSE
    assert ending(Problem("malformed", "x")) is ending(Problem("too-large", "x")) is Happening.MALFORMED
