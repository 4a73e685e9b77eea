"""Offer and answer of a WHIP publisher (RFC 9725 4.2, 4.4; RFC 8866, 8839, 8842, 9143, 6184 8.2, 7587 7). No I/O.

An offer is taken whole or refused whole (RFC 9725 4.4.2: at most one sound and one picture, bundled, rtcp-mux): a
publisher that finds its picture silently left out would not know why.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from base.problems import Problem

MAX_OFFER_BYTES = 64 << 10
_MAX_LINES = 3000
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}")
_DIGESTS = ("sha-256", "sha-384", "sha-512")
_TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
# What is answered to feedback that was offered; other sorts go unused.
_FEEDBACK = {
    "video": ("nack", "nack pli", "goog-remb", "transport-cc"),
    "audio": ("transport-cc",),
}
# profile_idc that players know: Extended is not among them.
_PROFILES = {0x42: "Baseline", 0x4D: "Main", 0x64: "High"}
_LEVEL_5_2 = 0x34


@dataclass(slots=True)
class _Section:
    """One m= section as it was offered."""

    kind: str
    protocol: str
    payloads: tuple[int, ...]
    lines: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        return self.lines.get(name, [""])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One accepted m= section. `format`: the fmtp parameters of the answer; `sets`: SPS and PPS out of band."""

    kind: str
    mid: str
    protocol: str
    payload_type: int
    rtpmap: str
    format: str
    feedback: tuple[str, ...]
    transport_id: int  # of the extension with transport-wide numbers, 0: none
    reduced_size: bool
    sets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What was offered and is accepted. `active`: we begin the DTLS handshake."""

    media: tuple[Media, ...]
    ufrag: str
    fingerprints: tuple[tuple[str, str], ...]
    active: bool
    trickle: bool

    def of(self, kind: str) -> Media | None:
        return next((media for media in self.media if media.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Our side of the answer. `candidates`: (address, port), the likeliest first."""

    session: int
    ufrag: str
    password: str
    fingerprint: str  # sha-256, with colons
    candidates: Sequence[tuple[str, int]]


def offer(text: str) -> Offer:
    """Raises Problem malformed, or unplayable with what to change at the publisher."""
    session, sections = _sections(text)
    bundle = next((g.split()[1:] for g in session.get("group", []) if g.startswith("BUNDLE")), [])
    if not sections:
        raise Problem("malformed", "the offer has no media: offer one video and one audio track")
    media: list[Media] = []
    for section in sections:
        if any(done.kind == section.kind for done in media):
            raise Problem("unplayable", f"the offer has several {section.kind} tracks: offer one")
        media.append(_accepted(section))
    if len(media) > 1 and set(bundle) < {m.mid for m in media}:
        raise Problem("unplayable", "the offer does not bundle its media: use the bundle policy max-bundle")
    if len({m.payload_type for m in media}) < len(media):
        raise Problem("malformed", "two media of the offer have the same payload type")
    head = sections[0]

    def attribute(name: str) -> str:
        return head.first(name) or session.get(name, [""])[0]

    ufrag, password = attribute("ice-ufrag"), attribute("ice-pwd")
    if not _ICE.fullmatch(ufrag) or not _ICE.fullmatch(password):
        raise Problem("malformed", "the offer has no ice-ufrag and ice-pwd")
    prints = [f.partition(" ") for f in [*head.lines.get("fingerprint", ()), *session.get("fingerprint", ())]][:16]
    known = tuple((name.lower(), value.strip()) for name, _, value in prints if name.lower() in _DIGESTS)
    if not known:
        raise Problem("malformed", f"the offer has no fingerprint of {', '.join(_DIGESTS)}")
    return Offer(
        media=tuple(media),
        ufrag=ufrag,
        fingerprints=known,
        active=attribute("setup") == "passive",
        trickle="trickle" in attribute("ice-options").split(),
    )


def answer(offered: Offer, local: Local) -> str:
    """The answer's text; all our candidates are in it (RFC 9725 4.3.1)."""
    lines = ["v=0", f"o=- {local.session} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    lines.append(f"a=group:BUNDLE {' '.join(m.mid for m in offered.media)}")
    address, port = local.candidates[0]
    family = "IP6" if ":" in address else "IP4"
    for media in offered.media:
        lines += [
            f"m={media.kind} {port} {media.protocol} {media.payload_type}",
            f"c=IN {family} {address}",
            f"a=mid:{media.mid}",
            "a=recvonly",
            "a=rtcp-mux",
            *(["a=rtcp-rsize"] if media.reduced_size else []),
            f"a=ice-ufrag:{local.ufrag}",
            f"a=ice-pwd:{local.password}",
            f"a=fingerprint:sha-256 {local.fingerprint}",
            f"a=setup:{'active' if offered.active else 'passive'}",
            f"a=rtpmap:{media.payload_type} {media.rtpmap}",
        ]
        if media.format:
            lines.append(f"a=fmtp:{media.payload_type} {media.format}")
        if media.kind == "audio":
            lines += ["a=ptime:20", "a=maxptime:20"]
        lines += [f"a=rtcp-fb:{media.payload_type} {feedback}" for feedback in media.feedback]
        if media.transport_id:
            lines.append(f"a=extmap:{media.transport_id} {_TRANSPORT_WIDE}")
        for at, (host, udp) in enumerate(local.candidates):
            # RFC 8839 5.1; priorities fall in the order of the list (RFC 8445 5.1.2.1)
            lines.append(f"a=candidate:{at + 1} 1 udp {126 << 24 | (65535 - at) << 8 | 255} {host} {udp} typ host")
        lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"


def _sections(text: str) -> tuple[dict[str, list[str]], list[_Section]]:
    """Attributes of the session, and the m= sections with theirs."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != "v=0" or len(lines) > _MAX_LINES:
        raise Problem("malformed", "the body is no session description (SDP): it begins with v=0")
    session: dict[str, list[str]] = {}
    sections: list[_Section] = []
    for line in lines[1:]:
        if line.startswith("m="):
            sections.append(_section(line[2:].split()))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            into = sections[-1].lines if sections else session
            into.setdefault(name.strip(), []).append(value.strip())
    return session, sections


def _section(words: list[str]) -> _Section:
    if len(words) < 4 or len(words) > 128:
        raise Problem("malformed", "an m= line of the offer is no RFC 8866 media description")
    if words[0] not in ("audio", "video"):
        raise Problem("unplayable", f"the offer has a section of {words[0][:32]}: offer audio and video only")
    payloads = tuple(int(word) for word in words[3:] if re.fullmatch(r"[0-9]{1,3}", word) and int(word) < 128)
    return _Section(words[0], words[2], payloads)


def _accepted(section: _Section) -> Media:
    kind = section.kind
    mid = section.first("mid")
    if not _TOKEN.fullmatch(mid):
        raise Problem("malformed", f"the {kind} section of the offer has no mid")
    if section.protocol not in ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"):
        raise Problem("unplayable", f"{kind} is offered over {section.protocol[:32]}: use UDP/TLS/RTP/SAVPF (DTLS)")
    if "recvonly" in section.lines or "inactive" in section.lines:
        raise Problem("unplayable", f"{kind} is not sent by the offer: make it sendonly")
    if "rtcp-mux" not in section.lines:
        raise Problem("unplayable", f"{kind} is offered without rtcp-mux: RTP and RTCP share one port here")
    maps = _by_payload(section.lines.get("rtpmap", []))
    formats = _by_payload(section.lines.get("fmtp", []))
    found = _h264(section.payloads, maps, formats) if kind == "video" else _opus(section.payloads, maps, formats)
    if found is None:
        wanted = "H.264 (Baseline, Main or High, 4:2:0)" if kind == "video" else "Opus"
        names = sorted({maps[p].partition("/")[0] for p in section.payloads if p in maps} - {"rtx", "red", "ulpfec"})
        raise Problem("unplayable", f"{kind} is offered as {', '.join(names)[:200] or 'nothing'}: offer {wanted}")
    payload, answered = found
    offered = [line.partition(" ") for line in section.lines.get("rtcp-fb", [])]
    feedback = {what for target, _, what in offered if target in ("*", str(payload))}
    agreed = tuple(what for what in _FEEDBACK[kind] if what in feedback)
    return Media(
        kind=kind,
        mid=mid,
        protocol=section.protocol,
        payload_type=payload,
        rtpmap=maps[payload],
        format=answered,
        feedback=agreed,
        transport_id=_transport_id(section) if "transport-cc" in agreed else 0,
        reduced_size="rtcp-rsize" in section.lines,
        sets=_sprop(formats.get(payload, "")) if kind == "video" else (),
    )


def _h264(payloads: Sequence[int], maps: dict[int, str], formats: dict[int, str]) -> tuple[int, str] | None:
    """The publisher's first choice of H.264 that players know, packetization mode 1 before 0."""
    choices = []
    for payload in payloads:
        if maps.get(payload, "").upper() != "H264/90000":
            continue
        given = _parameters(formats.get(payload, ""))
        mode, level_id = given.get("packetization-mode", "0"), given.get("profile-level-id", "420010")
        if mode not in ("0", "1") or not re.fullmatch(r"[0-9A-Fa-f]{6}", level_id):
            continue
        profile = bytes.fromhex(level_id)
        if profile[0] not in _PROFILES:
            continue
        answered = f"profile-level-id={level_id};packetization-mode={mode}"
        if given.get("level-asymmetry-allowed") == "1":
            # RFC 6184 8.2.2: the level of each side is then its own; ours is what we take
            level_id = f"{profile[0]:02x}{profile[1]:02x}{max(profile[2], _LEVEL_5_2):02x}"
            answered = f"profile-level-id={level_id};packetization-mode={mode};level-asymmetry-allowed=1"
        choices.append((mode != "1", payload, answered))
    if not choices:
        return None
    _, payload, answered = min(choices, key=lambda choice: choice[0])
    return payload, answered


def _opus(payloads: Sequence[int], maps: dict[int, str], _: dict[int, str]) -> tuple[int, str] | None:
    for payload in payloads:
        if maps.get(payload, "").lower() == "opus/48000/2":
            return payload, "minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=128000"
    return None


def _by_payload(lines: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in lines:
        number, _, rest = line.partition(" ")
        if re.fullmatch(r"[0-9]{1,3}", number):
            found.setdefault(int(number), rest.strip())
    return found


def _parameters(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _transport_id(section: _Section) -> int:
    for line in section.lines.get("extmap", []):
        number, _, uri = line.partition(" ")
        number = number.partition("/")[0]
        if uri.split()[:1] == [_TRANSPORT_WIDE] and re.fullmatch(r"[0-9]{1,2}", number) and 0 < int(number) < 15:
            return int(number)
    return 0


def _sprop(text: str) -> tuple[bytes, ...]:
    """sprop-parameter-sets (RFC 6184 8.1); what cannot be read will come in band."""
    sets = []
    for word in _parameters(text).get("sprop-parameter-sets", "").split(",")[:8]:
        try:
            unit = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
        except (binascii.Error, ValueError):
            return ()
        if len(unit) > 3 and unit[0] & 31 in (7, 8):
            sets.append(unit)
    return tuple(sets)
