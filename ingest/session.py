"""The life of one publishing session as a table, and who is admitted.

A session that falls silent is *stalled*: it may go on, but another publisher with a valid key takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from base.desired import ChannelSpec, key_hash
from base.problems import Problem

# Seconds without media. Encoders come back within 2 to 10 s; RTMP connections half open after a lost network must
# not keep them out for long.
STALL_S = 5.0
SILENCE_S = 15.0


class State(StrEnum):
    OFFERED = "offered"
    ADMITTED = "admitted"
    LIVE = "live"
    STALLED = "stalled"
    ENDED = "ended"


class Happening(StrEnum):
    ADMIT = "admit"  # the key is a channel's and the channel is free
    REFUSE = "refuse"  # wrong key, busy channel, media that cannot be played
    MEDIA = "media"  # a frame came in
    STALL = "stall"  # no frame for STALL_S
    SILENCE = "silence"  # no frame for SILENCE_S
    STOP = "stop"  # the publisher said that it is done
    LOST = "lost"  # the connection ended without that
    MALFORMED = "malformed"
    DISPLACED = "displaced"  # another publisher took the place of a stalled one
    REVOKED = "revoked"  # the channel or the key was removed
    DRAIN = "drain"  # this node stops


_S, _H = State, Happening
_ENDS = (_H.REFUSE, _H.SILENCE, _H.STOP, _H.LOST, _H.MALFORMED, _H.REVOKED, _H.DRAIN)

TRANSITIONS: dict[tuple[State, Happening], State] = {
    (_S.OFFERED, _H.ADMIT): _S.ADMITTED,
    (_S.ADMITTED, _H.MEDIA): _S.LIVE,
    (_S.ADMITTED, _H.STALL): _S.STALLED,
    (_S.LIVE, _H.MEDIA): _S.LIVE,
    (_S.LIVE, _H.STALL): _S.STALLED,
    (_S.STALLED, _H.MEDIA): _S.LIVE,
    (_S.STALLED, _H.DISPLACED): _S.ENDED,
    **{(state, end): _S.ENDED for state in _S if state is not _S.ENDED for end in _ENDS},
}


_PAGE = """# A publishing session

<!-- Made from the table in ingest/session.py by `make golden`; edit that instead. -->

Of any protocol: RTMP, SRT, WHIP, CMAF push, pull. It is offered with a key and admitted or refused; it is live as long
as media comes, stalled after {stall:.0f} s without, and ended by silence after {silence:.0f} s. A stalled one gives way
to another publisher with the same key. `/status` of the ingest role shows the sessions with their states.

| state | event | next state |
| --- | --- | --- |"""


def ending(problem: Problem) -> Happening:
    """How a session ends by a problem of its media: refused for what it is, or for its syntax."""
    return _H.REFUSE if problem.kind.name in ("unplayable", "forbidden") else _H.MALFORMED


def page() -> str:
    """The table as a page of docs/reference."""
    rows = [f"| {state} | {event} | {after} |" for (state, event), after in TRANSITIONS.items()]
    return "\n".join((_PAGE.format(stall=STALL_S, silence=SILENCE_S), *rows, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One publisher. `heard` is the monotonic time in seconds of the last media, or of the offer before any."""

    state: State = State.OFFERED
    heard: float
    reason: Happening | None = None

    def after(self, event: Happening, now: float) -> Session:
        """The session after an event. Raises KeyError for one that the table does not have."""
        state = TRANSITIONS[(self.state, event)]
        heard = now if event in (Happening.MEDIA, Happening.ADMIT) else self.heard
        return Session(state=state, heard=heard, reason=event if state is State.ENDED else None)

    def due(self, now: float) -> Happening | None:
        """What the passing of time does to the session at `now`."""
        silent = now - self.heard
        if self.state is State.ENDED:
            return None
        if silent >= SILENCE_S:
            return Happening.SILENCE
        if silent >= STALL_S and self.state in (State.ADMITTED, State.LIVE):
            return Happening.STALL
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The answer to an offer. `outcome` is the metric's label: admitted, wrong-key or busy."""

    outcome: str
    sentence: str
    channel: ChannelSpec | None = None


def by_key(channels: tuple[ChannelSpec, ...]) -> dict[str, ChannelSpec]:
    """Channels by the hash of each of their keys: a look-up by hash tells nothing by its timing."""
    return {hashed: spec for spec in channels for hashed in spec.key_hashes}


def admit(key: str, channels: Mapping[str, ChannelSpec], living: Mapping[str, Session]) -> Admission:
    """`channels` by key hash, `living` sessions by channel: the first lives, the second is told so."""
    spec = channels.get(key_hash(key))
    if spec is None:
        return Admission(
            outcome="wrong-key", sentence="this stream key opens no channel: copy it from the channel page"
        )
    first = living.get(spec.channel)
    if first is not None and first.state in (State.ADMITTED, State.LIVE):
        sentence = f"channel {spec.channel} is being published already: stop the other encoder first"
        return Admission(outcome="busy", sentence=sentence, channel=spec)
    return Admission(outcome="admitted", sentence="", channel=spec)
