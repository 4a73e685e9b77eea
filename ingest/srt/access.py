"""SRT access control: what a stream id asks for, who may publish, and the rejection codes of refusals.

The form `#!::r=channel,m=publish,s=key` is that of "SRT Access Control Guidelines" (SRT 1.5, docs/features/
access-control.md); `channel?key=KEY` and the bare key are for encoders whose field is too short or whose operators
are in a hurry. Nothing here does I/O: it is asked in the middle of a handshake.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import parse_qsl

from base.desired import ChannelSpec, key_hash
from ingest.session import Session, admit

MAX_STREAM_ID = 512
_FORM = "#!::"
_ANY_CHANNEL = "*"
# SRTO_PASSPHRASE takes so many octets.
_PASSPHRASE_OCTETS = range(10, 80)


class Reject(IntEnum):
    """Codes of access_control.h, which callers see as the reason of a refused connection."""

    BAD_REQUEST = 1400
    UNAUTHORIZED = 1401
    OVERLOAD = 1402
    FORBIDDEN = 1403
    BAD_MODE = 1405
    CONFLICT = 1409
    NOTSUP_MEDIA = 1415
    ISE = 1500
    DOWN = 1503


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a stream id asks for. `channel`: empty if it is left to the key. `program`: 0 for the stream's first."""

    key: str
    channel: str = ""
    program: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`code` 0: the handshake may go on, with `passphrase` if there is one, else the connection is refused.

    `outcome` is the label of the metric `ingest_offers`.
    """

    code: int
    outcome: str
    sentence: str = ""
    channel: str = ""
    claim: Claim | None = None
    passphrase: str = ""


class Refused(Exception):
    def __init__(self, code: Reject, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def parse(stream_id: str) -> Claim:
    """Raises Refused with a code and a sentence that says what to send instead."""
    if len(stream_id) > MAX_STREAM_ID or not stream_id.isprintable():
        raise Refused(Reject.BAD_REQUEST, "the stream id is too long or not text")
    if not stream_id:
        raise Refused(Reject.UNAUTHORIZED, "there is no stream id: give #!::r=CHANNEL,m=publish,s=KEY")
    if not stream_id.startswith("#!:"):
        name, question, query = stream_id.partition("?")
        given = dict(parse_qsl(query, max_num_fields=16)) if _counts(query) else {}
        claim = Claim(key=given.get("key", ""), channel=name, program=_program(given)) if question else Claim(key=name)
        return _with_key(claim)
    if not stream_id.startswith(_FORM):
        raise Refused(Reject.BAD_REQUEST, "the stream id begins with #!: and is not in the form #!::r=CHANNEL,s=KEY")
    given = {}
    for pair in stream_id[len(_FORM) :].split(","):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Refused(Reject.BAD_REQUEST, "the stream id is not a list of NAME=VALUE with commas")
        given[name] = value
    if given.get("t", "stream") != "stream":
        raise Refused(Reject.NOTSUP_MEDIA, "only t=stream is taken")
    if given.get("m") != "publish":
        raise Refused(Reject.BAD_MODE, "only publishing is served here: give m=publish in the stream id")
    key = given.get("s") or given.get("key", "")
    return _with_key(Claim(key=key, channel=given.get("r", ""), program=_program(given)))


def _counts(query: str) -> bool:
    if query.count("&") >= 16:
        raise Refused(Reject.BAD_REQUEST, "the stream id has too many fields")
    return bool(query)


def _program(given: Mapping[str, str]) -> int:
    said = given.get("program", "0")
    if not (said.isascii() and said.isdecimal() and len(said) <= 5 and int(said) < 1 << 16):
        raise Refused(Reject.BAD_REQUEST, "program is no program number")
    return int(said)


def _with_key(claim: Claim) -> Claim:
    if not claim.key:
        raise Refused(Reject.UNAUTHORIZED, "there is no stream key in the stream id: give s=KEY, or channel?key=KEY")
    return claim


def decide(
    stream_id: str,
    opened_by: Callable[[str], ChannelSpec | None],
    living: Mapping[str, Session],
    secrets: Mapping[str, str],
) -> Verdict:
    """`opened_by`: the channel of a key; `living` sessions by channel; `secrets`: passphrases by channel, `*` for all
    others."""
    try:
        claim = parse(stream_id)
    except Refused as refused:
        outcome = "wrong-key" if refused.code is Reject.UNAUTHORIZED else "malformed"
        return Verdict(code=refused.code, outcome=outcome, sentence=str(refused))
    spec = opened_by(claim.key)
    admission = admit(claim.key, {key_hash(claim.key): spec} if spec else {}, living)
    if spec is None:
        return Verdict(code=Reject.UNAUTHORIZED, outcome=admission.outcome, sentence=admission.sentence)
    if claim.channel and not hmac.compare_digest(claim.channel.encode(), spec.channel.encode()):
        sentence = "this stream key opens another channel than the one that is named"
        return Verdict(code=Reject.FORBIDDEN, outcome="wrong-key", sentence=sentence, channel=spec.channel)
    if admission.outcome != "admitted":
        return Verdict(
            code=Reject.CONFLICT, outcome=admission.outcome, sentence=admission.sentence, channel=spec.channel
        )
    passphrase = secrets.get(spec.channel, secrets.get(_ANY_CHANNEL, ""))
    return Verdict(code=0, outcome="admitted", channel=spec.channel, claim=claim, passphrase=passphrase)


def read_passphrases(text: str) -> dict[str, str]:
    """Lines `CHANNEL: PASSPHRASE`, `*` for every channel without a line of its own; # begins a comment line.

    Raises ValueError with the number of the line and what is wrong with it, never with its contents.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        channel, colon, passphrase = line.partition(":")
        passphrase = passphrase.strip()
        if not colon:
            raise ValueError(f"line {number}: give CHANNEL: PASSPHRASE")
        if len(passphrase.encode()) not in _PASSPHRASE_OCTETS:
            raise ValueError(f"line {number}: a passphrase has 10 to 79 characters")
        found[channel.strip()] = passphrase
    return found
