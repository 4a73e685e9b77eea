"""What an encoder pushes as CMAF: headers and segments as octets, of marked samples or as FFmpeg makes them."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from base.desired import ChannelSpec
from base.media import Format, Sample
from node.settings import TABLE, Value
from packager.boxes import box, fullbox
from packager.entries import aac_format, avc_format
from packager.init import init_segment
from packager.moof import moof_and_mdat_head
from tests.kit.fragments import boxes
from tests.kit.ingesting import KEY, Ingesting, free_port, ingesting
from tests.kit.optional import program
from tests.kit.rtmp import ASC, AVCC

RATE = 25


class Track:
    """One CMAF track of marked samples: pictures at 25 a second with a keyframe each second, or AAC frames."""

    def __init__(self, kind: str, *, language: str = "und", height: int = 0) -> None:
        made = avc_format(AVCC, RATE * 1000) if kind == "video" else aac_format(ASC)
        self.format: Format = replace(made, language=language)
        if height:
            entry = bytearray(made.entry)
            struct.pack_into(">HH", entry, 8 + 24, height * 16 // 9, height)
            self.format = replace(self.format, entry=bytes(entry), height=height)
        self.kind = kind
        self.scale = self.format.timescale
        self.step = 1000 if kind == "video" else 1024
        self.header = init_segment(self.format)

    def samples(self, first: int, count: int) -> list[Sample]:
        """Samples `first` to `first + count` of the track's whole timeline, each with octets of its own."""
        found = []
        for n in range(first, first + count):
            key = self.kind == "audio" or n % RATE == 0
            data = struct.pack(">Q", n) + b"\x88" * 24
            if self.kind == "video":
                data = struct.pack(">IB", 1 + len(data), 0x65 if key else 0x41) + data
            found.append(Sample(dts=n * self.step, sync=key, data=data))
        return found

    def segment(self, second: int, *, brands: tuple[bytes, ...] = (), chunks: int = 1, before: bytes = b"") -> bytes:
        """The media of one second of the timeline, `chunks` fragments."""
        first, end = (-(-at * self.scale // self.step) for at in (second, second + 1))
        out = [styp(*brands)] if brands else []
        samples = self.samples(first, end - first)
        size = -(-len(samples) // chunks)
        for at in range(0, len(samples), size):
            out += [before, fragment(samples[at : at + size], self.step)]
        return b"".join(out)


def fragment(samples: list[Sample], step: int, *, sequence: int = 1) -> bytes:
    head = moof_and_mdat_head(
        sequence=sequence,
        tfdt=samples[0].dts,
        duration=np.full(len(samples), step, np.int64),
        size=np.array([len(sample.data) for sample in samples], np.int64),
        cto=np.array([sample.cto for sample in samples], np.int64),
        sync=np.array([sample.sync for sample in samples], np.bool_),
    )
    return head + b"".join(sample.data for sample in samples)


def styp(*brands: bytes) -> bytes:
    return box(b"styp", brands[0], bytes(4), *brands)


def prft(utc_ms: int, media_time: int) -> bytes:
    """ProducerReferenceTimeBox (ISO/IEC 14496-12 8.16.5)."""
    ntp = ((utc_ms + 2_208_988_800_000) << 32) // 1000
    return fullbox(b"prft", 1, 24, struct.pack(">IQQ", 1, ntp, media_time))


def parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """A CMAF file as its header and its fragments, each with what goes before it."""
    header, found, at = b"", [], 0
    for kind, _, end in boxes(data):
        if kind == b"moov":
            header, at = data[:end], end
        elif kind == b"mdat":
            found.append(data[at:end])
            at = end
    return header, found


def film(path: Path, *options: str, seconds: int = 6, size: str = "320x180", gop_s: int = 1, bframes: int = 2) -> Path:
    """Pictures or sound (`options` with `-vn`) as FFmpeg writes them into a CMAF file."""
    words = [program("ffmpeg"), "-v", "error", "-y", "-nostdin"]
    words += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={RATE}"]
    words += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    words += [*options, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"]
    words += ["-g", str(gop_s * RATE), "-sc_threshold", "0", "-bf", str(bframes), "-c:a", "aac", "-ac", "2"]
    words += ["-t", str(seconds), "-movflags", "cmaf+empty_moov+default_base_moof+frag_keyframe"]
    words += ["-frag_duration", "1000000", "-f", "mp4", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path


def later(fragment_: bytes, ticks: int) -> bytes:
    """A fragment with its decode time (tfdt of 64 bits) so much later."""
    moved = bytearray(fragment_)
    at = moved.index(b"tfdt") + 8
    struct.pack_into(">Q", moved, at, struct.unpack_from(">Q", moved, at)[0] + ticks)
    return bytes(moved)


class Source:
    """An encoder that pushes to one channel: `async with Source(port) as source: await source.puts(path, body)`."""

    def __init__(self, port: int, *, channel: str = "studio", key: str = KEY, address: str = "127.0.0.1") -> None:
        self._base = f"http://127.0.0.1:{port}/push/{channel}/"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._address = address

    async def __aenter__(self) -> Source:
        connector = aiohttp.TCPConnector(local_addr=(self._address, 0))
        self._client = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def puts(
        self,
        path: str,
        body: bytes | AsyncIterator[bytes] = b"",
        *,
        method: str = "PUT",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """The status, and the sentence of a refusal."""
        try:
            async with (
                asyncio.timeout(30),
                self._client.request(method, self._base + path, data=body, headers=headers) as answer,
            ):
                text = await answer.text()
                return answer.status, json.loads(text)["detail"] if text else ""
        except aiohttp.ClientOSError:
            return 0, "the connection was closed while the body was sent"

    async def sends(
        self, path: str, body: bytes, *, method: str = "PUT", headers: Mapping[str, str] | None = None
    ) -> None:
        """`puts` that must be taken."""
        assert await self.puts(path, body, method=method, headers=headers) == (200, "")


@asynccontextmanager
async def pushed_to(*channels: ChannelSpec, **more: Any) -> AsyncIterator[tuple[Ingesting, int]]:
    """The ingest role with its push port, and which port that is."""
    port = free_port()
    settings: dict[str, Value] = {"ingest.push": True, "ingest.push_listen": f"127.0.0.1:{port}"}
    settings |= {name: False for name in ("ingest.whip", "ingest.srt") if name in TABLE}
    async with ingesting(*channels, settings=settings, **more) as role:
        yield role, port
