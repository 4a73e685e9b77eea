"""WHIP's other side: RTP made of octets, offers as browsers write them, and a real publisher (aiortc)."""

from __future__ import annotations

import asyncio
import fractions
import importlib.util
import random
import struct
import subprocess
from types import TracebackType
from typing import Any, Self

import aiohttp
import av
import numpy as np
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)

from node.settings import Value
from tests.kit.ingesting import KEY, free_port, free_udp_port
from tests.kit.optional import lacks


def doors() -> dict[str, Value]:
    """Settings of an ingest role that takes WHIP on free ports of loopback."""
    return {
        "ingest.whip": True,
        "ingest.whip_listen": f"127.0.0.1:{free_port()}",
        "ingest.whip_media": f"127.0.0.1:{free_udp_port()}",
    }


VIDEO_PT, AUDIO_PT = 102, 111
VIDEO_SSRC, AUDIO_SSRC = 0x11111111, 0x22222222
_FINGERPRINT = ":".join(["AB"] * 32)


def rtp(
    payload: bytes,
    *,
    sequence: int,
    timestamp: int,
    marker: bool = False,
    payload_type: int = VIDEO_PT,
    ssrc: int = VIDEO_SSRC,
    extension: bytes = b"",
) -> bytes:
    """`extension`: one-byte elements (RFC 8285 4.2), padded to 4 octets."""
    first = 0x90 if extension else 0x80
    head = struct.pack(">BBHII", first, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    if extension:
        head += struct.pack(">HH", 0xBEDE, len(extension) // 4) + extension
    return head + payload


def sender_report(ssrc: int, ntp: float, timestamp: int) -> bytes:
    """RFC 3550 6.4.1; `ntp` in s since 1900."""
    return struct.pack(">BBHIQIII", 0x80, 200, 6, ssrc, int(ntp * (1 << 32)), timestamp & 0xFFFFFFFF, 9, 999)


def fragments(nal: bytes, most: int) -> list[bytes]:
    """A NAL unit as FU-A payloads (RFC 6184 5.8)."""
    pieces = [nal[at : at + most] for at in range(1, len(nal), most)]
    kind = nal[0] & 31
    return [
        bytes((nal[0] & 0xE0 | 28, (at == 0) << 7 | (at == len(pieces) - 1) << 6 | kind)) + piece
        for at, piece in enumerate(pieces)
    ]


def aggregate(*nals: bytes) -> bytes:
    """STAP-A (5.7.1)."""
    return bytes((24,)) + b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)


H264 = (
    ("102 H264/90000", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    ("103 rtx/90000", "apt=102"),
)
OPUS = (("111 opus/48000/2", "minptime=10;useinbandfec=1"),)
VP8 = (("96 VP8/90000", ""),)


def section(kind: str, mid: str, codecs: tuple[tuple[str, str], ...], *more: str, direction: str = "sendonly") -> str:
    """One m= section as Chromium writes it. `codecs`: (rtpmap, fmtp)."""
    numbers = [rtpmap.partition(" ")[0] for rtpmap, _ in codecs]
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(numbers)}",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:wxyz",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {_FINGERPRINT}",
        "a=setup:actpass",
        f"a=mid:{mid}",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        f"a={direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    for number, (rtpmap, fmtp) in zip(numbers, codecs, strict=True):
        lines.append(f"a=rtpmap:{rtpmap}")
        lines += [f"a=rtcp-fb:{number} {what}" for what in ("goog-remb", "transport-cc", "nack", "nack pli")]
        lines += [f"a=fmtp:{number} {fmtp}"] if fmtp else []
    return "\r\n".join([*lines, *more]) + "\r\n"


def offer(*sections: str, bundle: str = "0 1") -> str:
    found = sections or (section("audio", "0", OPUS), section("video", "1", H264))
    return f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {bundle}\r\n" + "".join(found)


class Picture(VideoStreamTrack):
    """25 pictures a second; each second begins with a flash, as the sound begins with a beep."""

    def __init__(self, width: int = 320, height: int = 180) -> None:
        super().__init__()
        self.width, self.height = width, height
        self._at = 0
        self._begin = 0.0

    async def recv(self) -> av.VideoFrame:
        loop = asyncio.get_running_loop()
        self._begin = self._begin or loop.time()
        await asyncio.sleep(max(0.0, self._begin + self._at / 25 - loop.time()))
        shown = np.full((self.height, self.width, 3), 255 if self._at % 25 < 3 else 40, np.uint8)
        across = self._at * 7 % (self.width - 32)
        shown[20:52, across : across + 32] = (200, 80, 20)
        frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
        frame.pts, frame.time_base = self._at * 3600, fractions.Fraction(1, 90000)
        self._at += 1
        return frame


class Beeps(AudioStreamTrack):
    """Stereo at 48 kHz: a beep of 120 ms each second."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._begin = 0.0

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._begin = self._begin or loop.time()
        await asyncio.sleep(max(0.0, self._begin + self._at / 50 - loop.time()))
        samples = np.zeros(1920, np.int16)
        if self._at % 50 < 6:
            wave = (12000 * np.sin(np.arange(960) * 2 * np.pi * 1000 / 48000)).astype(np.int16)
            samples[0::2] = samples[1::2] = wave
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = 48000
        frame.pts, frame.time_base = self._at * 960, fractions.Fraction(1, 48000)
        self._at += 1
        return frame


class WhipPublisher:
    """`async with WhipPublisher(url) as publisher: ...` publishes until the block ends, then says DELETE.

    `relayed`: the media port that the answer names, and the port of a relay to be used in its place.
    """

    def __init__(
        self,
        url: str,
        key: str = KEY,
        *,
        video: VideoStreamTrack | None = None,
        audio: AudioStreamTrack | None = None,
        relayed: tuple[int, int] | None = None,
    ) -> None:
        self.url = url
        self.key = key
        self.location = ""
        self.answer = ""
        self._tracks = [video, audio] if video or audio else [Picture(), Beeps()]
        self._relayed = relayed
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def __aenter__(self) -> Self:
        h264 = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.name == "H264"]
        for track in self._tracks:
            if track is not None:
                sending = self.peer.addTransceiver(track, direction="sendonly")
                if track.kind == "video":
                    sending.setCodecPreferences(h264)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        async with aiohttp.ClientSession() as client:
            kind = {"Content-Type": "application/sdp"}
            async with client.post(self.url, data=self.peer.localDescription.sdp, headers=self.headers | kind) as said:
                self.answer = await said.text()
                assert said.status == 201, self.answer
                self.location = said.headers["Location"]
        answer = self.answer
        if self._relayed:
            answer = answer.replace(f" {self._relayed[0]} typ", f" {self._relayed[1]} typ")
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.says("DELETE")
        finally:
            await self.goes()

    async def says(self, method: str, **more: Any) -> int:
        """A request about the session; its status."""
        base = self.url.partition("/whip/")[0]
        headers = self.headers | more.pop("headers", {})
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, base + self.location, headers=headers, **more) as said,
        ):
            return said.status

    async def goes(self) -> None:
        """Without a word to the endpoint."""
        await self.peer.close()


class LossyRelay:
    """A relay of UDP between a publisher and a port that drops datagrams by a row of random numbers of its own.

    `loss` of what the publisher sends is dropped once the handshake is over; the way back is left alone.
    """

    def __init__(self, target: int, loss: float, *, spare: int = 60, seed: int = 7) -> None:
        self.dropped = self.passed = 0
        self.port = 0
        self._target = ("127.0.0.1", target)
        self._loss = loss
        self._spare = spare
        self._chance = random.Random(seed)
        self._peer: tuple[str, int] | None = None
        self._front: asyncio.DatagramTransport | None = None
        self._back: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop, relay = asyncio.get_running_loop(), self

        class Front(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                relay._peer = addr
                media = data[0] > 127
                relay._spare -= media
                if media and relay._spare < 0 and relay._chance.random() < relay._loss:
                    relay.dropped += 1
                    return
                relay.passed += media
                assert relay._back is not None
                relay._back.sendto(data)

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                if relay._front is not None and relay._peer is not None:
                    relay._front.sendto(data, relay._peer)

        self._back, _ = await loop.create_datagram_endpoint(Back, remote_addr=self._target)
        self._front, _ = await loop.create_datagram_endpoint(Front, local_addr=("127.0.0.1", 0))
        self.port = int(self._front.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in (self._front, self._back):
            if transport is not None:
                transport.close()


def newest_ffmpeg() -> str:
    """An FFmpeg that publishes by WHIP with DTLS-SRTP; skips where there is none."""
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        lacks("local oracle", "imageio-ffmpeg, whose FFmpeg publishes by WHIP, is not installed")
    found = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    muxers = subprocess.run([found, "-hide_banner", "-muxers"], capture_output=True, text=True, check=True).stdout
    if " whip " not in muxers:
        lacks("local oracle", f"{found} has no WHIP")
    return str(found)
