"""A publisher's packets to frames, and what it is told."""

from __future__ import annotations

import itertools
import struct

import pytest
from aiortc.rtp import RtcpPacket

from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.whip import sdp
from ingest.whip.receiver import Outcome, Receiver
from tests.kit.rtmp import PPS, SPS
from tests.kit.whip import AUDIO_PT, AUDIO_SSRC, VIDEO_SSRC, aggregate, offer, rtp, sender_report

OPUS = b"\xfc" + b"x" * 40
IDR, SLICE = b"\x65" + b"i" * 300, b"\x41" + b"p" * 100
# 640x360, as a browser sends when its path allows more
LARGE = bytes.fromhex("6742c01eda0280bfe5c044000003000400000300ca3c58ba80")


class Publisher:
    """25 pictures and 50 packets of sound a second, of a receiver's own making."""

    def __init__(self, **more: object) -> None:
        words = {"ssrc": 9, "key_interval_s": 1.0, "bits_per_second": 5_000_000, "now": 0.0} | more
        self.receiver = Receiver(sdp.offer(offer()), **words)  # type: ignore[arg-type]
        self.pictures = self.sounds = self.sequence = 0
        self.wants_key = True
        self.keys_on_demand = True
        self.gop = 0
        self.drops: set[int] = set()
        self.sps = SPS
        self.sets: list[int] = []
        self.out: list[Outcome] = []
        self.said: list[object] = []

    def runs(self, begin: float, end: float, *, audio: bool = True) -> None:
        now = begin
        while now < end - 1e-6:
            self._picture(now)
            if audio:
                self._sound(now)
                self._sound(now + 0.02)
            self.out += self.receiver.tick(now)
            if octets := self.receiver.feedback(now, now + 1000):
                heard = RtcpPacket.parse(octets)
                self.said += heard
                if self.keys_on_demand and any(getattr(p, "fmt", 0) == 1 and not hasattr(p, "lost") for p in heard):
                    self.wants_key = True
            now += 0.04

    def _picture(self, now: float) -> None:
        key = self.wants_key or (self.gop and self.pictures % self.gop == 0)
        self.wants_key = False
        for payload, marker in [(aggregate(self.sps, PPS), False), (IDR, True)] if key else [(SLICE, True)]:
            octets = rtp(payload, sequence=self.sequence, timestamp=self.pictures * 3600, marker=marker)
            if payload[0] == 24:
                self.sets.append(self.sequence)
            if self.sequence not in self.drops:
                self.out += self.receiver.rtp(octets, now)
            self.sequence += 1
        self.pictures += 1

    def _sound(self, now: float) -> None:
        octets = rtp(
            OPUS, sequence=self.sounds, timestamp=self.sounds * 960, payload_type=AUDIO_PT, ssrc=AUDIO_SSRC, marker=True
        )
        self.out += self.receiver.rtp(octets, now)
        self.sounds += 1

    def keys_sent(self, before: int) -> int:
        """Packets of parameter sets among those with lower numbers: the others are one a picture."""
        return len([number for number in self.sets if number < before])

    def frames(self, track: str = "v1") -> list[Frame]:
        return [item for item in self.out if isinstance(item, Frame) and item.track == track]

    @property
    def asked(self) -> int:
        return sum(getattr(packet, "fmt", 0) == 1 and not hasattr(packet, "lost") for packet in self.said)


def test_pictures_and_sound_become_frames_on_one_clock() -> None:
    publisher = Publisher()
    publisher.runs(0.0, 3.0)
    configs = [item for item in publisher.out if isinstance(item, TrackConfig)]
    assert {config.track: config.format.codec for config in configs} == {"v1": "avc1.42c00c", "a1": "opus"}
    videos, sounds = publisher.frames(), publisher.frames("a1")
    begin = sounds[0].dts // 960
    assert [frame.dts for frame in sounds] == [at * 960 for at in range(begin, 150)]
    assert sounds[0].dts / 48_000 == pytest.approx(videos[0].dts / 90_000, abs=0.05)
    first = videos[0].dts // 3600
    assert [frame.dts for frame in videos] == [at * 3600 for at in range(first, 75)]
    assert videos[0].key and videos[0].data == struct.pack(">I", len(IDR)) + IDR, "parameter sets are apart"


def test_sound_is_heard_though_offered_pictures_never_come() -> None:
    publisher = Publisher()
    for at in range(600):
        octets = rtp(OPUS, sequence=at, timestamp=at * 960, payload_type=AUDIO_PT, ssrc=AUDIO_SSRC)
        publisher.out += publisher.receiver.rtp(octets, at / 50)
    assert len(publisher.frames("a1")) == 600 - 401


@pytest.mark.rule("RFC 4585 6.3.1", "keyframes are asked for, one behind each line of the channel's grid")
def test_a_browser_makes_a_keyframe_in_each_cell() -> None:
    publisher = Publisher()
    publisher.wants_key = False  # even the first has to be asked for
    publisher.runs(0.3, 10.0)
    assert publisher.receiver.keys_on_demand
    keys = [frame.dts / 90_000 for frame in publisher.frames() if frame.key]
    assert [int(key) for key in keys] == list(range(int(keys[0]), int(keys[0]) + len(keys))), keys
    assert len(keys) >= 8 and all(0.1 < key % 1 < 0.4 for key in keys), keys


def test_an_encoder_that_makes_its_own_keyframes_is_not_asked() -> None:
    publisher = Publisher()
    publisher.keys_on_demand, publisher.gop = False, 45
    publisher.runs(0.0, 4.0)
    assert not publisher.receiver.keys_on_demand
    asked = publisher.asked
    publisher.runs(4.0, 20.0)
    assert publisher.asked == asked
    keys = [frame.dts // 3600 for frame in publisher.frames() if frame.key]
    assert keys == list(range(45, 500, 45)), "what came before the second keyframe is left out"


@pytest.mark.rule("RFC 4585 6.2.1", "lost packets are asked for again")
def test_after_a_loss_the_group_of_pictures_is_skipped_and_a_keyframe_asked_for() -> None:
    publisher = Publisher()
    publisher.drops = {60}
    publisher.runs(0.0, 5.0)
    nacks = [packet.lost for packet in publisher.said if getattr(packet, "lost", None)]
    assert nacks and all(lost == [60] for lost in nacks)
    times = [frame.dts // 3600 for frame in publisher.frames()]
    hole = next(at for at, (before, after) in enumerate(itertools.pairwise(times)) if after != before + 1)
    assert publisher.frames()[hole + 1].key, "a picture that refers to one that is missing"
    assert publisher.receiver.lost == 1


def test_what_is_sent_again_costs_nothing() -> None:
    publisher = Publisher()
    publisher.drops = {60}
    publisher.runs(0.0, 2.4)
    again = rtp(SLICE, sequence=60, timestamp=(60 - publisher.keys_sent(60)) * 3600, marker=True)
    publisher.out += publisher.receiver.rtp(again, 2.41)
    publisher.runs(2.44, 4.0)
    times = [frame.dts // 3600 for frame in publisher.frames()]
    assert times == list(range(times[0], times[-1] + 1))
    assert publisher.receiver.lost == 0


def test_a_larger_picture_is_another_configuration() -> None:
    publisher = Publisher()
    publisher.runs(0.0, 2.0)
    publisher.sps = LARGE
    publisher.runs(2.0, 4.0)
    sizes = [i.format.width for i in publisher.out if isinstance(i, TrackConfig) and i.track == "v1"]
    assert sizes == [320, 640]
    at = [i for i, item in enumerate(publisher.out) if isinstance(item, TrackConfig) and item.track == "v1"][1]
    assert isinstance(after := publisher.out[at + 1], Frame) and after.key


@pytest.mark.rule(
    "draft-holmer-rmcat-transport-wide-cc-extensions-01 2", "what came is reported of all streams at once"
)
def test_transport_wide_feedback() -> None:
    publisher = Publisher()
    for at in range(4):
        element = bytes((0x31, 0, at, 0))
        kind = {"payload_type": AUDIO_PT, "ssrc": AUDIO_SSRC} if at % 2 else {}
        publisher.receiver.rtp(rtp(b"x", sequence=at, timestamp=0, extension=element, **kind), at / 100)  # type: ignore[arg-type]
    octets = publisher.receiver.feedback(1.0, 1.0)
    assert octets.count(b"\x8f\xcd") == 1 and b"\0\0\0\x04" in octets, "four packets from number 0 on"


def test_b_frames_are_refused() -> None:
    receiver = Publisher().receiver
    keys = [p for at in (0, 3600) for p in ((aggregate(SPS, PPS), at, False), (IDR, at, True))]
    later = [(SLICE, at * 3600 - (7200 if at % 2 else 0), True) for at in range(2, 20)]
    with pytest.raises(Problem, match="B-frames"):
        for sequence, (payload, timestamp, marker) in enumerate(keys + later):
            receiver.rtp(rtp(payload, sequence=sequence, timestamp=timestamp, marker=marker), sequence / 25)


@pytest.mark.rule("RFC 3550 6.4.1", "a receiver report says what came, and when the last sender report did")
def test_reports() -> None:
    publisher = Publisher()
    publisher.drops = {5, 6}
    publisher.runs(0.0, 0.92)
    publisher.receiver.rtcp(sender_report(VIDEO_SSRC, 100.0, 0), 0.9)
    publisher.said.clear()
    publisher.runs(0.92, 1.9)
    report = next(packet for packet in publisher.said if getattr(packet, "reports", None))
    block = next(block for block in report.reports if block.ssrc == VIDEO_SSRC)  # type: ignore[attr-defined]
    assert (block.packets_lost, block.lsr) == (2, 100 << 16)
    assert 0 < block.dlsr < 65536


def test_a_goodbye_of_all_ends_the_session() -> None:
    publisher = Publisher()
    publisher.runs(0.0, 0.2)
    publisher.receiver.rtcp(struct.pack(">BBHI", 0x81, 203, 1, VIDEO_SSRC), 1.0)
    assert not publisher.receiver.bye
    publisher.receiver.rtcp(struct.pack(">BBHII", 0x82, 203, 2, VIDEO_SSRC, AUDIO_SSRC), 1.0)
    assert publisher.receiver.bye


def test_a_source_that_begins_anew_goes_on_with_a_keyframe() -> None:
    publisher = Publisher()
    publisher.runs(0.0, 3.0)
    before = len(publisher.frames())
    sent = [(SLICE, 0, True), (aggregate(SPS, PPS), 3600, False), (IDR, 3600, True), (SLICE, 7200, True)]
    for at, (payload, timestamp, marker) in enumerate(sent):
        octets = rtp(payload, sequence=900 + at, timestamp=timestamp, marker=marker, ssrc=77)
        publisher.out += publisher.receiver.rtp(octets, 3.0)
    assert [frame.key for frame in publisher.frames()[before:]] == [True, False]
