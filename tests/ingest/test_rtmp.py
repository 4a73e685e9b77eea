from __future__ import annotations

import random

import pytest

from base.problems import Problem
from ingest import amf
from ingest.chunks import ChunkWriter, Message
from ingest.handshake import SIZE
from ingest.rtmp import TRANSITIONS, Event, Media, Metadata, Offer, PublishDialogue, State, Stopped
from tests.kit import rtmp

KEY = "0123456789abcdef"


def dialogue() -> PublishDialogue:
    return PublishDialogue(noise=bytes(SIZE - 8), time_ms=0)


def admitted() -> tuple[PublishDialogue, ChunkWriter]:
    it, writer = dialogue(), ChunkWriter()
    it.receive(rtmp.opening(KEY, writer))
    it.admit()
    it.outgoing()
    return it, writer


def test_a_whole_publish() -> None:
    it = dialogue()
    octets = rtmp.stream(KEY, seconds=0.2)
    cut = len(rtmp.opening(KEY))
    assert it.receive(octets[:cut]) == [Offer(app="live", key=KEY, software="test")]
    it.admit()
    events = it.receive(octets[cut:])
    assert isinstance(events[0], Metadata)
    assert events[0].values == {"width": 320.0, "encoder": "test"}
    assert [e.kind for e in events if isinstance(e, Media)][:3] == ["video", "audio", "video"]
    assert isinstance(events[-1], Stopped)
    assert it.state is State.CLOSING
    answered = rtmp.answers(it.outgoing())
    assert [m.type for m in answered[:3]] == [5, 6, 4]  # Window Ack Size, Set Peer Bandwidth, StreamBegin 0
    results = [amf.decode(m.body) for m in answered if m.type == 20]
    assert [(values[0], values[1]) for values in results] == [
        ("_result", 1.0),
        ("_result", 4.0),
        ("onStatus", 0.0),
        ("onStatus", 0.0),
    ]
    codes = [values[3]["code"] for values in results if isinstance(values[3], dict)]
    assert codes == ["NetConnection.Connect.Success", "NetStream.Publish.Start", "NetStream.Unpublish.Success"]


@pytest.mark.rule(
    "E-RTMP v2 NetConnection", "the answer states codecs and capabilities to a client that states its own"
)
def test_enhanced_rtmp_is_negotiated() -> None:
    it, writer = dialogue(), ChunkWriter()
    wish = {"app": "live", "videoFourCcInfoMap": {"hvc1": 1.0}, "capsEx": 2.0}
    it.receive(rtmp.hello() + rtmp.command(writer, "connect", 1, wish))  # type: ignore[arg-type]  # objects in objects
    properties = amf.decode(rtmp.answers(it.outgoing())[-1].body)[2]
    assert isinstance(properties, dict)
    assert properties["videoFourCcInfoMap"] == {"avc1": 4.0, "hvc1": 4.0, "av01": 4.0}
    assert properties["audioFourCcInfoMap"] == dict.fromkeys(("mp4a", "Opus", "ac-3", "ec-3", "fLaC"), 4.0)
    assert properties["fourCcList"] == ["avc1", "hvc1", "av01", "mp4a", "Opus", "ac-3", "ec-3", "fLaC"]
    assert properties["capsEx"] == 14.0, "multitrack, modifiers, nanoseconds; no reconnection"


def test_an_old_client_is_answered_as_ever() -> None:
    it, writer = dialogue(), ChunkWriter()
    it.receive(rtmp.hello() + rtmp.command(writer, "connect", 1, {"app": "live"}))
    properties = amf.decode(rtmp.answers(it.outgoing())[-1].body)[2]
    assert isinstance(properties, dict) and "capsEx" not in properties


def test_a_refusal_says_why_and_takes_no_media() -> None:
    it = dialogue()
    it.receive(rtmp.opening(KEY))
    it.refuse("this stream key opens no channel")
    assert rtmp.statuses(it.outgoing()) == [("NetStream.Publish.BadName", "this stream key opens no channel")]
    assert it.receive(rtmp.video(ChunkWriter(), rtmp.avc_config(), 0)) == []


def test_media_before_the_answer_is_dropped() -> None:
    it = dialogue()
    it.receive(rtmp.opening(KEY))
    assert it.receive(rtmp.video(ChunkWriter(), rtmp.avc_config(), 0)) == []


@pytest.mark.parametrize(
    ("name", "app"),
    [(KEY, "live"), (KEY + "?x=1", "live"), ("studio?key=" + KEY, "live"), ("studio", "live?key=" + KEY)],
)
def test_where_the_key_may_stand(name: str, app: str) -> None:
    [offer] = dialogue().receive(rtmp.opening(name, app=app))
    assert isinstance(offer, Offer)
    assert offer.key == KEY


def test_ping_and_acknowledgements() -> None:
    """RTMP 7.1.7 and 5.4.3."""
    it, writer = admitted()
    it.receive(writer.write(2, Message(type=4, stream=0, timestamp=0, body=b"\0\x06\0\0\0\x2a")))
    assert it.outgoing()[-6:] == b"\0\x07\0\0\0\x2a"
    it.receive(writer.write(2, Message(type=5, stream=0, timestamp=0, body=(5000).to_bytes(4, "big"))))
    it.outgoing()
    it.receive(rtmp.video(writer, rtmp.avc_frame(key=True, size=6000), 0))
    acknowledgement = it.outgoing()
    assert acknowledgement[7] == 3
    assert int.from_bytes(acknowledgement[-4:], "big") > 6000


def test_a_new_peer_bandwidth_is_answered() -> None:
    """5.4.5: with a Window Ack Size, if it differs from the last one."""
    it, writer = admitted()
    wish = writer.write(2, Message(type=6, stream=0, timestamp=0, body=(100_000).to_bytes(4, "big") + b"\x02"))
    it.receive(wish)
    assert it.outgoing()[-4:] == (100_000).to_bytes(4, "big")
    it.receive(wish)
    assert it.outgoing() == b""


def test_an_aggregate_is_split_and_its_times_are_moved() -> None:
    """7.1.6."""

    def tag(kind: int, ms: int, body: bytes) -> bytes:
        head = bytes((kind,)) + len(body).to_bytes(3, "big") + ms.to_bytes(3, "big") + b"\0" + bytes(3)
        return head + body + (len(body) + 11).to_bytes(4, "big")

    it, writer = admitted()
    body = tag(9, 100, b"v") + tag(8, 123, b"a")
    events = it.receive(writer.write(6, Message(type=22, stream=1, timestamp=5000, body=body)))
    assert events == [Media(kind="video", timestamp=5000, body=b"v"), Media(kind="audio", timestamp=5023, body=b"a")]
    with pytest.raises(Problem, match="cut short"):
        it.receive(writer.write(6, Message(type=22, stream=1, timestamp=0, body=body[:-8])))


def test_unknown_commands_are_answered_once() -> None:
    it, writer = admitted()
    it.receive(rtmp.command(writer, "getStreamLength", 9, None, "x"))
    assert amf.decode(rtmp.ChunkReader().feed(it.outgoing())[0].body)[:2] == ["_error", 9.0]
    it.receive(rtmp.command(writer, "onBWDone", 0, None))
    assert it.outgoing() == b""


def test_a_player_is_told_where_to_watch() -> None:
    it, writer = dialogue(), ChunkWriter()
    it.receive(rtmp.hello() + rtmp.command(writer, "connect", 1, {"app": "live"}))
    with pytest.raises(Problem, match="publishers only"):
        it.receive(rtmp.command(writer, "play", 3, None, "studio"))
    assert rtmp.statuses(it.outgoing())[0][0] == "NetStream.Play.Failed"


@pytest.mark.parametrize("name", ["publish", "createStream"])
def test_a_command_out_of_turn_is_refused(name: str) -> None:
    with pytest.raises(Problem, match="does not belong here"):
        dialogue().receive(rtmp.hello() + rtmp.command(ChunkWriter(), name, 2, None, KEY, "live"))


def test_every_state_but_the_last_leads_on() -> None:
    sources = {state for state, _ in TRANSITIONS}
    assert sources == set(State) - {State.CLOSING}
    reached, frontier = {State.HANDSHAKE}, [State.HANDSHAKE]
    while frontier:
        state = frontier.pop()
        for (source, _), to in TRANSITIONS.items():
            if source is state and to not in reached:
                reached.add(to)
                frontier.append(to)
    assert reached == set(State)


def damaged(number: int, whole: bytes) -> bytes:
    """A truncated or bit-flipped copy, the same for the same number."""
    dice = random.Random(number)
    octets = bytearray(whole)
    if number % 2:
        return bytes(octets[: dice.randrange(1, len(octets))])
    # beyond the noise of the handshake, where a flip means nothing
    for _ in range(dice.randrange(1, 12)):
        octets[dice.randrange(2 * SIZE, len(octets))] ^= 1 << dice.randrange(8)
    return bytes(octets)


def test_two_hundred_damaged_streams_are_read_or_refused() -> None:
    whole = rtmp.stream(KEY, seconds=2)
    refused = 0
    for number in range(200):
        it = dialogue()
        octets = damaged(number, whole)
        seen: list[Event] = []
        try:
            for at in range(0, len(octets), 4096):
                seen += (events := it.receive(octets[at : at + 4096]))
                if any(isinstance(event, Offer) for event in events) and it.state is State.OFFERED:
                    it.admit()
        except Problem as problem:
            refused += 1
            assert problem.kind.name in ("malformed", "too-large"), number
            assert problem.detail
        assert sum(len(e.body) for e in seen if isinstance(e, Media)) <= len(whole)
    assert refused > 20
