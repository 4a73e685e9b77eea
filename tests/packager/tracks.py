"""Index tracks written by hand: tables for a plan, without a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from base.media import Format
from packager.index import FileKey, Index, IndexTrack
from packager.tables import SAMPLE

KEY = FileKey(1, 2, 3)


def table(durations: Sequence[int], *, start: int = 0, cto: Sequence[int] = (), size: int = 100) -> np.ndarray:
    """Samples of these durations that lie one behind the other."""
    made = np.zeros(len(durations), SAMPLE)
    made["dts"] = start + np.concatenate(([0], np.cumsum(durations)[:-1]))
    made["size"] = size
    made["offset"] = np.arange(len(durations)) * size
    if len(cto):
        made["cto"] = cto
    return made


def video(
    keys: Sequence[int], count: int, *, name: str = "v1", step: int = 512, scale: int = 12800, shift: int = 0,
    cto: Sequence[int] = (), start: int = 0,
) -> IndexTrack:  # fmt: skip
    """`count` pictures of which those in `keys` are keyframes; 25 a second unless told."""
    return IndexTrack(
        name=name,
        format=Format(kind="video", codec="avc1.42c01e", timescale=scale, entry=b"", width=320, height=180),
        samples=table([step] * count, cto=cto, start=start),
        sync=np.array(keys, np.uint32),
        last_duration=step,
        shift=shift,
    )


def audio(
    count: int, *, name: str = "a1", scale: int = 48000, shift: int = 0, durations: Sequence[int] = (), start: int = 0
) -> IndexTrack:
    durations = durations or [1024] * count
    return IndexTrack(
        name=name,
        format=Format(
            kind="audio", codec="mp4a.40.2", timescale=scale, entry=b"", channels=2, sample_rate=scale,
            sample_duration=1024,
        ),
        samples=table(durations, start=start),
        sync=np.arange(len(durations), dtype=np.uint32),
        last_duration=int(durations[-1]),
        shift=shift,
    )  # fmt: skip


def index(*tracks: IndexTrack, key: FileKey = KEY) -> Index:
    return Index(key=key, tracks=tracks)
