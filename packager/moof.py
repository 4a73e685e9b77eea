"""Movie fragments: one moof with one traf and one trun, and the head of its mdat (ISO/IEC 14496-12 8.8).

Sample defaults are repeated in each traf and nothing leans on trex (`cmf2`, 23000-19 7.5.16, 7.5.17). What is the
same for all samples is said once in tfhd, so an audio sample costs four octets and a video sample at most sixteen.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.init import TRACK_ID

SYNC = 0x02000000  # depends on no other sample
NON_SYNC = 0x01010000  # depends on others, is not a sync sample (14496-12 8.8.3.1)

_BASE_IS_MOOF, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x20000, 0x2, 0x8, 0x10, 0x20
_OFFSET, _FIRST_FLAGS, _T_DURATION, _T_SIZE, _T_FLAGS, _T_CTO = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800

Column = npt.NDArray[np.integer[Any]]


class Sync(Enum):
    """Which samples of a fragment are sync samples, where it takes no column to say it."""

    ALL = 0
    FIRST = 1
    NONE = 2


# tfhd's default flags, and trun's first-sample-flags.
_FLAGS_OF = {Sync.ALL: (SYNC, b""), Sync.FIRST: (NON_SYNC, struct.pack(">I", SYNC)), Sync.NONE: (NON_SYNC, b"")}
_MFHD_TRAF = struct.Struct(">I4sI4sIII4s")  # moof's and mfhd's heads, the sequence number, traf's head
_TFHD = struct.Struct(">I4sIIII")  # with a default duration and default flags
_TFHD_NO_DURATION = struct.Struct(">I4sIII")
_TFDT_TRUN = struct.Struct(">I4sIQI4sIIi")  # tfdt, trun up to its data offset
_LARGEST = 0xFFFFFFFF


def moof_and_mdat_head(
    *,
    sequence: int,
    tfdt: int,
    duration: Column,
    size: Column,
    cto: Column,
    sync: npt.NDArray[np.bool_] | Sync,
    boxes: Callable[[int], bytes] | None = None,
    behind: bytes = b"",
    description: int = 0,
) -> bytes:
    """The octets before the media of one fragment. Columns have one row a sample, times in the track's timescale.

    `boxes` makes further boxes of the traf, which begin at the octet of the moof that it is given; `behind` are those
    of the moof behind it. `description`: the number of the sample entry in stsd, unless it is the only one.
    """
    count = len(size)
    assert count and tfdt >= 0
    columns: list[Column] = []
    trun_flags = _OFFSET | _T_SIZE
    step = int(duration[0])
    same = bool((duration == step).all())
    if not same:
        trun_flags |= _T_DURATION
        columns.append(duration)
    columns.append(size)
    if not isinstance(sync, Sync):
        known = _sync(sync)
        if known is None:
            trun_flags |= _T_FLAGS
            columns.append(np.where(sync, SYNC, NON_SYNC))
        sync = known or Sync.NONE
    default, first_flags = _FLAGS_OF[sync]
    if first_flags:
        trun_flags |= _FIRST_FLAGS
    if cto.any():
        trun_flags |= _T_CTO
        columns.append(cto)
    if len(columns) == 1:
        payload = size.astype(">u4").tobytes()
    else:
        rows = np.empty((count, len(columns)), ">i4")  # negative offsets as two's complement (trun v1)
        for at, column in enumerate(columns):
            rows[:, at] = column
        payload = rows.tobytes()
    if same:
        tfhd = _TFHD.pack(24, b"tfhd", _BASE_IS_MOOF | _DURATION | _FLAGS, TRACK_ID, step, default)
    else:
        tfhd = _TFHD_NO_DURATION.pack(20, b"tfhd", _BASE_IS_MOOF | _FLAGS, TRACK_ID, default)
    if description:
        flags = int.from_bytes(tfhd[8:12], "big") | _DESCRIPTION
        tfhd = struct.pack(">I4sIII", len(tfhd) + 4, b"tfhd", flags, TRACK_ID, description) + tfhd[16:]
    trun_size = 20 + len(first_flags) + len(payload)
    before = 32 + len(tfhd) + 20 + trun_size
    further = boxes(before) if boxes else b""
    traf_size = before + len(further) - 24
    moof_size = 24 + traf_size + len(behind)
    data = int(size.sum(dtype=np.int64))
    large = data + 8 > _LARGEST
    media_at = moof_size + (16 if large else 8)
    return b"".join(
        (
            _MFHD_TRAF.pack(moof_size, b"moof", 16, b"mfhd", 0, sequence & _LARGEST, traf_size, b"traf"),
            tfhd,
            _TFDT_TRUN.pack(20, b"tfdt", 1 << 24, tfdt, trun_size, b"trun", 1 << 24 | trun_flags, count, media_at),
            first_flags,
            payload,
            further,
            behind,
            struct.pack(">I4sQ", 1, b"mdat", data + 16) if large else struct.pack(">I4s", data + 8, b"mdat"),
        )
    )


def _sync(column: npt.NDArray[np.bool_]) -> Sync | None:
    """What the column says, if it takes none to say it."""
    if column.all():
        return Sync.ALL
    if column[1:].any():
        return None
    return Sync.FIRST if column[0] else Sync.NONE
