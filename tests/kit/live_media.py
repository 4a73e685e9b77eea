"""A live publisher's media without an encoder: two tracks, cut into parts by the product's own segmenter.

Samples are marked octets, no pictures: what is stored, listed and served is the same for both.
"""

from __future__ import annotations

import hashlib
import struct

from base.media import Format, Sample
from base.push import SessionNote, TrackNote
from packager.entries import aac_format, avc_format
from packager.init import generation, init_segment
from packager.segmenter import Part, Segmenter
from tests.kit.rtmp import ASC, AVCC

VIDEO_SCALE, RATE = 90_000, 25
# AAC LC, 44.1 kHz, stereo: an encoder that was set up anew
ASC_44100 = bytes.fromhex("1210")


class Studio:
    """A publisher whose clock starts at `start_ms` (UTC). `run` makes media; sessions come one after the other."""

    def __init__(
        self,
        *,
        grid_ms: int = 1000,
        part_ms: int = 250,
        window_s: int = 60,
        start_ms: int = 1_700_000_000_000,
        tracks: tuple[str, ...] = ("v1", "a1"),
        asc: bytes = ASC,
        avcc: bytes = AVCC,
    ) -> None:
        self.grid_ms, self.part_ms, self.window_s = grid_ms, part_ms, window_s
        self.now_ms = start_ms
        self.formats: dict[str, Format] = {}
        for track in tracks:
            self.formats[track] = avc_format(avcc, VIDEO_SCALE) if track.startswith("v") else aac_format(asc)
        self.inits = {track: init_segment(fmt) for track, fmt in self.formats.items()}
        self.generations = {track: generation(init) for track, init in self.inits.items()}
        self.sessions = 0
        self.begin(next_number=0)

    @property
    def note(self) -> SessionNote:
        return SessionNote(
            session=f"s{self.sessions}",
            started_ms=self.now_ms,
            grid_ms=self.grid_ms,
            part_ms=self.part_ms,
            window_s=self.window_s,
            tracks=tuple(
                TrackNote(track=track, kind=fmt.kind, order=at) for at, (track, fmt) in enumerate(self.formats.items())
            ),
        )

    def begin(self, *, next_number: int, after_ms: int = 0) -> None:
        """A new publishing session, some time after the one before."""
        self.sessions += 1
        self.now_ms += after_ms
        self._segmenter = Segmenter(
            self.formats,
            self.generations,
            grid_ms=self.grid_ms,
            part_ms=self.part_ms,
            next_number=next_number,
            discontinuity=self.sessions > 1,
        )
        self._dts = {track: self.now_ms * fmt.timescale // 1000 for track, fmt in self.formats.items()}

    def run(self, ms: int) -> list[Part]:
        """The parts that are complete after so much more media."""
        self.now_ms += ms
        found: list[Part] = []
        while True:
            track = min(self._dts, key=lambda name: self._dts[name] / self.formats[name].timescale)
            fmt, dts = self.formats[track], self._dts[track]
            if dts * 1000 >= self.now_ms * fmt.timescale:
                return found
            step = fmt.sample_duration or fmt.timescale // RATE
            # a keyframe at each grid line or right after it
            sync = fmt.kind == "audio" or dts * 1000 % (fmt.timescale * self.grid_ms) < step * 1000
            data = self.sample(track, dts, sync)
            found += self._segmenter.push(track, Sample(dts=dts, sync=sync, data=data))
            self._dts[track] += step

    def sample(self, track: str, dts: int, sync: bool) -> bytes:
        """The octets of one sample."""
        video = self.formats[track].kind == "video"
        data = hashlib.sha256(f"{track} {dts}".encode()).digest() * (40 if sync and video else 6)
        return struct.pack(">I", len(data)) + data if video else data

    def finish(self) -> list[Part]:
        return self._segmenter.finish()


def segments(parts: list[Part]) -> dict[tuple[str, int], bytes]:
    """(track, number) -> octets, of the segments whose last part is among `parts`."""
    bodies: dict[tuple[str, int], list[bytes]] = {}
    whole = []
    for part in parts:
        bodies.setdefault((part.track, part.number), []).append(part.body)
        if part.note.last:
            whole.append((part.track, part.number))
    return {key: b"".join(bodies[key]) for key in whole}
