"""A publisher's RTP to configurations and frames, and what it has to be told by RTCP. No I/O: `now` is monotonic.

Keyframes are asked for (RFC 4585 6.3.1): at the beginning, after a loss, and in step with the channel's segments when
none comes by itself, since a browser makes one only when it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiortc.rtp import RtcpReceiverInfo

from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.parameter_sets import ParameterSets
from ingest.whip import rtp
from ingest.whip.congestion import Arrivals
from ingest.whip.h264 import AccessUnit, Depacketiser
from ingest.whip.opus import RATE, Steps
from ingest.whip.reorder import Lost, Reorder
from ingest.whip.rtp import Packet
from ingest.whip.sdp import Media, Offer
from ingest.whip.timeline import Timeline
from packager.entries import avc_format, opus_format

VIDEO_RATE = 90_000
TRACKS = {"video": "v1", "audio": "a1"}
_PATIENCE_S = {"video": 0.5, "audio": 0.12}
_ASK_AGAIN_S = 0.4
_REPORT_S = 1.0
# A keyframe that comes this long after it was asked for came by itself.
_ANSWERED_S = 0.5
# Cells begin at keyframes, and those jitter: this far behind the line none falls before it.
_BEHIND_LINE_S = 0.15
_TRANSPORT_WIDE_S = 0.1
# A publisher that offers pictures and sends none for so long is heard without.
_NO_PICTURES_S = 8.0
# Pictures whose times go back, in one session, before it is taken for bidirectional prediction.
_MOST_BACKWARD = 3

Outcome = TrackConfig | Frame


@dataclass(slots=True)
class _Stream:
    """One m= section's packets."""

    media: Media
    track: str
    rate: int
    reorder: Reorder
    ssrc: int = -1
    report: rtp.SenderReport | None = None
    reported: float = 0.0
    arrival: float = 0.0  # for jitter: when and at which timestamp the newest packet came
    arrived: int = 0
    jitter: float = 0.0
    expected: int = 0
    received: int = 0


@dataclass(slots=True)
class _Keyframes:
    """When to ask for one: a little behind each line of the wall's grid of `every` s, so that each cell has one.

    Until the second keyframe has come nothing is let through: it shows whether the publisher makes one when it is
    asked, or by a rhythm of its own.
    """

    every: float
    asked: float = -1e9
    came: int = 0
    on_demand: bool = False
    _line: int = -1  # the newest that was crossed
    _open: bool = False  # one was asked for at that line, and has not come

    def due(self, now: float, wall: float, waiting: bool) -> bool:
        line = int((wall - min(_BEHIND_LINE_S, self.every / 4)) / self.every)
        begun, crossed = self._line >= 0, line != self._line
        self._line = line
        if not waiting and begun and crossed and (self.on_demand or self.came < 2):
            self._open = True
            return True
        # encoders that were asked a moment ago do not answer twice
        return (waiting or (self._open and self.on_demand)) and now - self.asked >= _ASK_AGAIN_S

    def arrived(self, now: float) -> None:
        self._open = False
        self.came += 1
        if self.came == 2:
            self.on_demand = now - self.asked < _ANSWERED_S


class Receiver:
    """`key_interval_s`: how far keyframes may be apart. `bits_per_second`: what the publisher is told that it may send.

    Problem unplayable or too-large, which it raises, end the session.
    """

    def __init__(self, offer: Offer, *, ssrc: int, key_interval_s: float, bits_per_second: int, now: float) -> None:
        self.bye = False
        self.asked = self.again = self.lost = 0  # keyframes asked for, packets asked for again, packets given up
        self._ssrc = ssrc
        self._most = bits_per_second
        self._streams: dict[int, _Stream] = {}
        rates: dict[str, int] = {}
        for media in offer.media:
            rate, track = (VIDEO_RATE if media.kind == "video" else RATE), TRACKS[media.kind]
            self._streams[media.payload_type] = _Stream(media, track, rate, Reorder(_PATIENCE_S[media.kind]))
            rates[track] = rate
        self._timeline = Timeline(rates, now)
        self._video = Depacketiser()
        self._sets = ParameterSets(hevc=False)
        self._announced: bytes | None = None
        video = offer.of("video")
        self._sets.take(video.sets if video else ())
        self._audio = Steps()
        self._newest = self._backward = 0
        self._sounds = self._open = False
        self._pictures = video is not None
        self._begun = now
        self._keys = _Keyframes(key_interval_s)
        self._report_due = now + _REPORT_S
        self._arrivals = Arrivals()
        self._transport_id = max(media.transport_id for media in offer.media)
        self._transport_due = now

    @property
    def keys_on_demand(self) -> bool:
        """Does the publisher make a keyframe in each cell of the wall's grid because it is asked to?"""
        return self._keys.on_demand

    def rtp(self, data: bytes, now: float) -> list[Outcome]:
        """Take one packet, as it was before SRTP, that arrived at `now`."""
        packet = rtp.packet(data, self._transport_id)
        if packet is not None and packet.transport >= 0:
            self._arrivals.arrived(packet.transport, now)
        stream = self._streams.get(packet.payload_type) if packet else None
        if packet is None or stream is None:
            return []
        if packet.ssrc != stream.ssrc:
            if stream.ssrc >= 0:  # a source that began anew: its numbers say nothing about the old ones
                stream.reorder = Reorder(_PATIENCE_S[stream.media.kind])
                self._give_up(stream, 0)
            stream.ssrc, stream.report = packet.ssrc, None
        self._measure(stream, packet, now)
        return self._follow(stream, stream.reorder.push(packet, now), now)

    def rtcp(self, data: bytes, now: float) -> None:
        """Take one compound packet, as it was before SRTCP."""
        for found in rtp.reports(data):
            if isinstance(found, rtp.Bye):
                known = {stream.ssrc for stream in self._streams.values() if stream.ssrc >= 0}
                self.bye |= bool(known) and known <= set(found.ssrcs)
                continue
            for stream in self._streams.values():
                if stream.ssrc == found.ssrc:
                    stream.report, stream.reported = found, now
                    self._timeline.report(stream.track, found.ntp, found.timestamp)

    def tick(self, now: float) -> list[Outcome]:
        """Let time pass: gaps that were open for too long are given up."""
        out: list[Outcome] = []
        for stream in self._streams.values():
            out += self._follow(stream, stream.reorder.release(now), now)
        return out

    def feedback(self, now: float, wall: float) -> bytes:
        """A compound packet to send now, empty if there is nothing to say. `wall`: the time since 1970 in s."""
        out = b""
        if self._transport_id and now >= self._transport_due:
            self._transport_due = now + _TRANSPORT_WIDE_S
            out += self._arrivals.feedback(self._ssrc, max(stream.ssrc for stream in self._streams.values()))
        for stream in self._streams.values():
            if stream.reorder.waiting and "nack" in stream.media.feedback and (wanted := stream.reorder.wanted(now)):
                self.again += len(wanted)
                out += rtp.nack(self._ssrc, stream.ssrc, wanted)
            if (
                stream.media.kind == "video"
                and stream.ssrc >= 0
                and "nack pli" in stream.media.feedback
                and self._keys.due(now, wall, self._video.waiting)
            ):
                self._keys.asked = now
                self.asked += 1
                out += rtp.picture_loss(self._ssrc, stream.ssrc)
        if not out and now < self._report_due:
            return b""
        self._report_due = now + _REPORT_S
        heard = [stream for stream in self._streams.values() if stream.ssrc >= 0]
        limited = [stream.ssrc for stream in heard if "goog-remb" in stream.media.feedback]
        if limited:
            out += rtp.highest_rate(self._ssrc, limited, self._most)
        return rtp.receiver_report(self._ssrc, [self._block(stream, now) for stream in heard]) + out

    def _follow(self, stream: _Stream, released: list[Packet | Lost], now: float) -> list[Outcome]:
        out: list[Outcome] = []
        for item in released:
            if isinstance(item, Lost):
                self._give_up(stream, item.count)
            elif stream.media.kind == "video":
                for unit in self._video.push(item):
                    out += self._picture(unit, now)
            else:
                out += self._sound(item, now)
        return out

    def _give_up(self, stream: _Stream, count: int) -> None:
        self.lost += count
        if stream.media.kind == "video":
            self._video.lose()

    def _picture(self, unit: AccessUnit, now: float) -> list[Outcome]:
        out: list[Outcome] = []
        self._sets.take(unit.sets)
        if unit.key:
            self._keys.arrived(now)
            if self._sets.record is None:
                self._video.lose()  # without parameter sets nobody can decode it: ask for another
                return []
            if self._sets.record != self._announced:
                self._announced = self._sets.record
                out.append(TrackConfig(track="v1", format=avc_format(self._announced, VIDEO_RATE)))
        dts = self._timeline.place("v1", unit.timestamp, now)
        if not unit.data or not self._opened(now):
            return out
        if dts < self._newest and not unit.key:
            self._backward += 1
            if self._backward > _MOST_BACKWARD:
                raise Problem("unplayable", "pictures come in another order than they are shown: switch B-frames off")
        self._newest = dts
        out.append(Frame(track="v1", dts=dts, timescale=VIDEO_RATE, key=unit.key, data=unit.data))
        return out

    def _sound(self, packet: Packet, now: float) -> list[Outcome]:
        if not packet.payload:
            return []
        at = self._timeline.place("a1", packet.timestamp, now)
        out: list[Outcome] = []
        if not self._sounds:
            self._sounds = True
            out.append(TrackConfig(track="a1", format=opus_format(2)))
        if not self._opened(now):
            return out
        placed = self._audio.take(at, packet.payload)
        return [*out, *(Frame(track="a1", dts=dts, timescale=RATE, data=data) for dts, data in placed)]

    def _opened(self, now: float) -> bool:
        """Are frames let through? With the second keyframe it is known how the publisher makes them and how its streams
        lie to each other; without pictures there is nothing to wait for."""
        if not self._open and (self._keys.came >= 2 or not self._pictures or now - self._begun > _NO_PICTURES_S):
            self._open = True
            self._timeline.settle()
        return self._open

    def _measure(self, stream: _Stream, packet: Packet, now: float) -> None:
        """Interarrival jitter in ticks (RFC 3550 6.4.1, A.8)."""
        if stream.arrival and packet.timestamp != stream.arrived:
            ticks = (packet.timestamp - stream.arrived + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            late = abs((now - stream.arrival) * stream.rate - ticks)
            stream.jitter += (min(late, 10 * stream.rate) - stream.jitter) / 16
        stream.arrival, stream.arrived = now, packet.timestamp

    def _block(self, stream: _Stream, now: float) -> RtcpReceiverInfo:
        """A report block (RFC 3550 6.4.1)."""
        order = stream.reorder
        expected = order.highest - order.first + 1
        share = 0
        if (since := expected - stream.expected) > 0:
            share = max(0, min(255, 256 * (since - (order.received - stream.received)) // since))
        stream.expected, stream.received = expected, order.received
        return RtcpReceiverInfo(
            ssrc=stream.ssrc,
            fraction_lost=share,
            packets_lost=max(-(1 << 23), min((1 << 23) - 1, expected - order.received)),
            highest_sequence=order.highest & 0xFFFFFFFF,
            jitter=int(stream.jitter),
            lsr=stream.report.ntp_middle if stream.report else 0,
            dlsr=min(int((now - stream.reported) * 65536), 0xFFFFFFFF) if stream.report else 0,
        )
