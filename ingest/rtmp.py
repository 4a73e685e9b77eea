"""The publishing side of an RTMP connection, without I/O (RTMP 1.0 section 7; the dialogue in E-RTMP v2).

    HANDSHAKE --done--> CONNECTING --connect--> CONNECTED --publish--> OFFERED --admit--> PUBLISHING --stop--> CLOSING
                                                                          `---refuse----------------------------^

`receive` takes octets and returns what they mean; `outgoing` gives the octets to send. What the transitions are is in
TRANSITIONS; a command that the state does not take closes the connection (Problem malformed).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from base.problems import Problem
from ingest import amf, flv
from ingest.chunks import CONTROL_CSID, ChunkReader, ChunkWriter, Message
from ingest.handshake import ServerHandshake


class State(StrEnum):
    HANDSHAKE = "handshake"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    OFFERED = "offered"  # a key was given; the role decides
    PUBLISHING = "publishing"
    CLOSING = "closing"


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.HANDSHAKE, "done"): State.CONNECTING,
    (State.CONNECTING, "connect"): State.CONNECTED,
    (State.CONNECTED, "createStream"): State.CONNECTED,
    (State.CONNECTED, "publish"): State.OFFERED,
    (State.CONNECTED, "play"): State.CLOSING,
    (State.CONNECTED, "deleteStream"): State.CONNECTED,
    (State.OFFERED, "admit"): State.PUBLISHING,
    (State.OFFERED, "refuse"): State.CLOSING,
    (State.OFFERED, "deleteStream"): State.CLOSING,
    (State.PUBLISHING, "refuse"): State.CLOSING,
    (State.PUBLISHING, "createStream"): State.PUBLISHING,
    (State.PUBLISHING, "deleteStream"): State.CLOSING,
}

# Message types (5.4, 7.1).
ACK, USER_CONTROL, WINDOW_ACK_SIZE, PEER_BANDWIDTH = 3, 4, 5, 6
AUDIO, VIDEO, DATA_AMF3, COMMAND_AMF3, DATA, COMMAND, AGGREGATE = 8, 9, 15, 17, 18, 20, 22
STREAM_BEGIN, PING_REQUEST, PING_RESPONSE = 0, 6, 7

WINDOW = 2_500_000  # octets that may be under way unacknowledged, either way
_COMMAND_CSID = 3
_STREAM_CSID = 5
_STREAM_ID = 1
_IGNORED = frozenset({"releaseStream", "FCPublish", "_checkbw", "_result", "_error", "onFCPublish", "FCSubscribe"})
_STOPS = frozenset({"FCUnpublish", "deleteStream", "closeStream"})

# E-RTMP v2, "Enhancing NetConnection connect Command": what a client says, and what is answered to one that says it.
_ENHANCED = frozenset(("fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"))
_CAN_FORWARD, _MULTITRACK, _MODEX, _NANO_OFFSET = 4.0, 2, 4, 8
_ENHANCEMENTS: dict[str, amf.Value] = {
    "fourCcList": [fourcc for kind in (flv.VIDEO, flv.AUDIO) for fourcc in flv.FOURCCS[kind]],
    "videoFourCcInfoMap": dict.fromkeys(flv.FOURCCS[flv.VIDEO], _CAN_FORWARD),
    "audioFourCcInfoMap": dict.fromkeys(flv.FOURCCS[flv.AUDIO], _CAN_FORWARD),
    "capsEx": float(_MULTITRACK | _MODEX | _NANO_OFFSET),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A wish to publish. `key` is a secret: it goes to the admission and nowhere else."""

    app: str
    key: str
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An FLV tag body (`kind` video or audio) with its time in ms modulo 2^32."""

    kind: str
    timestamp: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """onMetaData as the publisher gives it. Shown, never trusted (E-RTMP X6)."""

    values: Mapping[str, amf.Value]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The publisher said that it is done."""


Event = Offer | Media | Metadata | Stopped


class PublishDialogue:
    """One connection. The role answers an Offer with `admit` or `refuse` before media is handed on."""

    def __init__(self, *, noise: bytes, time_ms: int) -> None:
        self.state = State.HANDSHAKE
        self.refused = False
        self._handshake = ServerHandshake(noise=noise, time_ms=time_ms)
        self._reader = ChunkReader()
        self._writer = ChunkWriter()
        self._out = bytearray()
        self._ack_window = WINDOW
        self._acked = 0
        self._own_window = WINDOW
        self._app = ""
        self._software = ""
        self._publish_stream = _STREAM_ID

    def receive(self, data: bytes) -> list[Event]:
        """What the octets mean. Raises Problem malformed or too-large: send `outgoing` and close."""
        if self.state is State.HANDSHAKE:
            self._out += self._handshake.feed(data)
            if not self._handshake.done:
                return []
            self._move("done")
            data = self._handshake.rest
        events: list[Event] = []
        for message in self._reader.feed(data):
            self._message(message, events)
        if (self._reader.received - self._acked) >= self._ack_window:  # 5.4.3
            self._acked = self._reader.received
            self._control(ACK, (self._acked & 0xFFFFFFFF).to_bytes(4, "big"))
        return events

    def outgoing(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def admit(self) -> None:
        self._move("admit")
        self._user_control(STREAM_BEGIN, self._publish_stream)
        self._status("status", "NetStream.Publish.Start", "publishing")

    def refuse(self, sentence: str, code: str = "NetStream.Publish.BadName") -> None:
        """Tell the publisher why, in words that its log shows. BadName is what OBS and ffmpeg treat as final."""
        if (self.state, "refuse") in TRANSITIONS:
            self._move("refuse")
            self.refused = True
            self._status("error", code, sentence)

    def _move(self, event: str) -> None:
        to = TRANSITIONS.get((self.state, event))
        if to is None:
            raise Problem("malformed", f"{event} does not belong here: the connection is {self.state}")
        self.state = to

    def _message(self, message: Message, events: list[Event]) -> None:
        if self.state is State.CLOSING:
            return  # FCUnpublish and deleteStream come together; nothing that follows matters
        match message.type:
            case 8 | 9:
                # Media before the answer to publish is dropped: nobody was admitted yet.
                if self.state is State.PUBLISHING:
                    kind = "video" if message.type == VIDEO else "audio"
                    events.append(Media(kind=kind, timestamp=message.timestamp, body=message.body))
            case 20 | 17:
                self._command(amf.decode(message.body, amf3_form=message.type == COMMAND_AMF3), message.stream, events)
            case 18 | 15:
                self._data(amf.decode(message.body, amf3_form=message.type == DATA_AMF3), events)
            case 22:
                for inner in _split_aggregate(message):
                    self._message(inner, events)
            case 4:
                if len(message.body) == 6 and int.from_bytes(message.body[:2], "big") == PING_REQUEST:
                    self._user_control(PING_RESPONSE, int.from_bytes(message.body[2:6], "big"))
            case 5:
                if len(message.body) == 4:
                    self._ack_window = max(4096, int.from_bytes(message.body, "big"))
            case 6:  # 5.4.5: answered with a Window Ack Size if the size is new
                asked = int.from_bytes(message.body[:4], "big")
                if len(message.body) == 5 and asked != self._own_window:
                    self._own_window = asked
                    self._control(WINDOW_ACK_SIZE, message.body[:4])
            case _:
                pass  # Acknowledgement and shared objects ask nothing of a receiver

    def _command(self, values: list[amf.Value], stream: int, events: list[Event]) -> None:
        if len(values) < 2 or not isinstance(values[0], str) or not isinstance(values[1], float):
            raise Problem("malformed", "a command must begin with its name and a transaction id (RTMP 7.1.1)")
        name, transaction = values[0], values[1]
        arguments = values[2:]
        if name == "connect":
            self._connect(transaction, arguments)
        elif name == "createStream":
            self._move("createStream")
            self._send(COMMAND, amf.encode("_result", transaction, None, _STREAM_ID))
        elif name == "publish":
            self._publish(stream, arguments, events)
        elif name in _STOPS:
            if self.state is State.PUBLISHING:
                self._status("status", "NetStream.Unpublish.Success", "unpublished")
                events.append(Stopped())
            self._move("deleteStream")
        elif name in ("play", "play2"):
            self._move("play")
            self._status("error", "NetStream.Play.Failed", "this address takes publishers; watch over HTTP")
            raise Problem("malformed", "a player asked: this address takes publishers only")
        elif name not in _IGNORED and transaction:
            refusal = {"level": "error", "code": "NetConnection.Call.Failed", "description": "no such command here"}
            self._send(COMMAND, amf.encode("_error", transaction, None, refusal))

    def _connect(self, transaction: float, arguments: list[amf.Value]) -> None:
        self._move("connect")
        wish = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        self._app = _text(wish.get("app"))
        self._software = _text(wish.get("flashVer"))
        self._control(WINDOW_ACK_SIZE, WINDOW.to_bytes(4, "big"))
        self._control(PEER_BANDWIDTH, WINDOW.to_bytes(4, "big") + b"\x02")
        self._out += self._writer.set_chunk_size(4096)
        self._user_control(STREAM_BEGIN, 0)
        properties: dict[str, amf.Value] = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31.0, "mode": 1.0}
        if _ENHANCED & wish.keys():
            properties |= _ENHANCEMENTS
        information: dict[str, amf.Value] = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "connected",
            "objectEncoding": 0.0,
        }
        self._send(COMMAND, amf.encode("_result", transaction, properties, information))

    def _publish(self, stream: int, arguments: list[amf.Value], events: list[Event]) -> None:
        name = arguments[1] if len(arguments) > 1 else None
        if not isinstance(name, str):
            raise Problem("malformed", "publish without a stream key")
        self._move("publish")
        self._publish_stream = stream or _STREAM_ID
        events.append(Offer(app=self._app, key=_key(name, self._app), software=self._software[:64]))

    def _data(self, values: list[amf.Value], events: list[Event]) -> None:
        if values[:1] == ["@setDataFrame"]:
            values = values[1:]
        if self.state is State.PUBLISHING and len(values) > 1 and values[0] == "onMetaData":
            if not isinstance(values[1], dict):
                raise Problem("malformed", "onMetaData must carry an object or an ECMA array")
            events.append(Metadata(values=values[1]))

    def _status(self, level: str, code: str, description: str) -> None:
        """onStatus has transaction 0 and a null command object (7.2.2)."""
        information = {"level": level, "code": code, "description": description}
        self._send(COMMAND, amf.encode("onStatus", 0, None, information), self._publish_stream, _STREAM_CSID)

    def _send(self, type_: int, body: bytes, stream: int = 0, csid: int = _COMMAND_CSID) -> None:
        self._out += self._writer.write(csid, Message(type=type_, stream=stream, timestamp=0, body=body))

    def _control(self, type_: int, body: bytes) -> None:
        self._send(type_, body, 0, CONTROL_CSID)

    def _user_control(self, event: int, value: int) -> None:
        self._control(USER_CONTROL, struct.pack(">HI", event, value))


def _text(value: amf.Value) -> str:
    return value if isinstance(value, str) else ""


def _key(name: str, app: str) -> str:
    """The stream key is the publish name; an encoder that wants a name there puts `?key=` behind it or the app."""
    for place in (name, app):
        try:
            fields = parse_qsl(place.partition("?")[2], max_num_fields=64)
        except ValueError as fault:
            raise Problem("malformed", "the query behind the stream name has over 64 fields") from fault
        for field, value in fields:
            if field == "key":
                return value
    return name.partition("?")[0]


def _split_aggregate(outer: Message) -> list[Message]:
    """7.1.6: FLV tags with back pointers; their times are moved by outer minus first inner."""
    found: list[Message] = []
    body, at, shift = outer.body, 0, 0
    while at < len(body):
        if len(body) < at + 11:
            raise Problem("malformed", "an aggregate message is cut short (RTMP 7.1.6)")
        length = int.from_bytes(body[at + 1 : at + 4], "big")
        time = int.from_bytes(body[at + 4 : at + 7], "big") | body[at + 7] << 24
        end = at + 11 + length
        if len(body) < end:
            raise Problem("malformed", "an aggregate message is cut short (RTMP 7.1.6)")
        if not found:
            shift = outer.timestamp - time
        if body[at] not in (AUDIO, VIDEO, DATA):
            raise Problem("malformed", f"an aggregate message holds a message of type {body[at]}")
        found.append(
            Message(type=body[at], stream=outer.stream, timestamp=(time + shift) & 0xFFFFFFFF, body=body[at + 11 : end])
        )
        at = end + 4
    return found
