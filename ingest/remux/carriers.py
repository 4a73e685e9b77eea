"""How packets of each codec become samples of an MP4 track, and how long each lasts. No codec is decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from base.problems import Problem
from ingest import annexb
from ingest.remux import frames
from packager import aac
from packager.codecs import PLAYABLE

VIDEO = frozenset(("h264", "hevc", "av1"))
_SAMPLES: dict[str, Callable[[bytes], int]] = {
    "ac3": frames.ac3,
    "eac3": frames.eac3,
    "opus": frames.opus,
    "flac": frames.flac,
    "mp3": frames.mp3,
}
AUDIO = frozenset((*_SAMPLES, "aac"))


def refuse(codec: str) -> Problem:
    return Problem("unplayable", f"codec {codec} cannot be carried in MP4 by this version: transcode to {PLAYABLE}")


@dataclass(slots=True, kw_only=True)
class Carrier:
    """Of one stream. `sample`: the packet as a sample; `lasts`: ticks of the sample rate, 0 for pictures and for what
    belongs to the sample before. `rate` is known of sound once a packet was seen."""

    codec: str
    extradata: bytes
    rate: int = 0
    _sets: set[bytes] = field(default_factory=set)
    _samples: int = 0

    def __post_init__(self) -> None:
        if self.byte_stream:
            self._sets = set(annexb.nal_units(self.extradata))
        if self.codec == "aac" and self.extradata:
            self._learn(self.extradata)

    @property
    def byte_stream(self) -> bool:
        """True for pictures that come with start codes: their configuration does not begin with its version, 1."""
        return self.codec in ("h264", "hevc") and self.extradata[:1] != b"\x01"

    def sample(self, packet: bytes) -> bytes:
        """Raises Problem unplayable."""
        if self.byte_stream:
            sample, sets = annexb.split(packet, hevc=self.codec == "hevc")
            if not self._sets.issuperset(sets):
                raise Problem("unplayable", "its picture changes its configuration in mid-file: cut the file there")
            return sample
        if self.codec == "aac" and not self.extradata:
            if not self._samples:
                self._learn(frames.adts_config(packet))
            return frames.without_adts(packet)
        return packet

    def lasts(self, packet: bytes) -> int:
        if self.codec == "aac":
            return self._samples
        read = _SAMPLES.get(self.codec)
        return read(packet) if read else 0

    def _learn(self, asc: bytes) -> None:
        config = aac.audio_specific_config(asc)
        self.rate, self._samples = config.sample_rate, config.samples
