"""Movie fragments: one moof with one traf and one trun, and the head of its mdat (ISO/IEC 14496-12 8.8).

Sample defaults are repeated in each traf and nothing leans on trex (`cmf2`, 23000-19 7.5.16, 7.5.17). What is the
same for all samples is said once in tfhd, so an audio sample costs four octets and a video sample at most sixteen.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from packager.boxes import box, fullbox
from packager.init import TRACK_ID

SYNC = 0x02000000  # depends on no other sample
NON_SYNC = 0x01010000  # depends on others, is not a sync sample (14496-12 8.8.3.1)

_BASE_IS_MOOF, _DURATION, _SIZE, _FLAGS = 0x20000, 0x8, 0x10, 0x20
_OFFSET, _FIRST_FLAGS, _T_DURATION, _T_SIZE, _T_FLAGS, _T_CTO = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800

Column = npt.NDArray[np.int64]


def moof_and_mdat_head(
    *,
    sequence: int,
    tfdt: int,
    duration: Column,
    size: Column,
    cto: Column,
    sync: npt.NDArray[np.bool_],
    boxes: Callable[[int], bytes] | None = None,
) -> bytes:
    """The octets before the media of one fragment. Columns have one row a sample, times in the track's timescale.

    `boxes` makes further boxes of the traf, which begin at the octet of the moof that it is given.
    """
    count = len(size)
    assert count and tfdt >= 0
    tfhd_flags, tfhd = _BASE_IS_MOOF, []
    trun_flags, columns = _OFFSET, []
    if (duration == duration[0]).all():
        tfhd_flags |= _DURATION
        tfhd.append(int(duration[0]))
    else:
        trun_flags |= _T_DURATION
        columns.append(duration)
    trun_flags |= _T_SIZE
    columns.append(size)
    tfhd_flags |= _FLAGS
    first_flags = b""
    if sync.all():
        tfhd.append(SYNC)
    elif not sync[1:].any():
        tfhd.append(NON_SYNC)
        if sync[0]:
            trun_flags |= _FIRST_FLAGS
            first_flags = struct.pack(">I", SYNC)
    else:
        tfhd.append(NON_SYNC)
        trun_flags |= _T_FLAGS
        columns.append(np.where(sync, SYNC, NON_SYNC))
    if cto.any():
        trun_flags |= _T_CTO
        columns.append(cto)
    rows = np.empty((count, len(columns)), ">u4")
    for at, column in enumerate(columns):
        rows[:, at] = column.astype(np.int64) & 0xFFFFFFFF  # negative offsets as two's complement (trun v1)
    data = int(size.sum())
    mfhd = fullbox(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF))
    head = fullbox(b"tfhd", 0, tfhd_flags, struct.pack(f">{1 + len(tfhd)}I", TRACK_ID, *tfhd))
    time = fullbox(b"tfdt", 1, 0, struct.pack(">Q", tfdt))
    payload = rows.tobytes()
    trun_size = 12 + 8 + len(first_flags) + len(payload)
    moof_size = 8 + len(mfhd) + 8 + len(head) + len(time) + trun_size
    further = boxes(moof_size) if boxes else b""
    moof_size += len(further)
    large = data + 8 >= 1 << 32
    media_at = moof_size + (16 if large else 8)
    trun = fullbox(b"trun", 1, trun_flags, struct.pack(">Ii", count, media_at), first_flags, payload)
    moof = box(b"moof", mfhd, box(b"traf", head, time, trun, further))
    assert len(moof) == moof_size
    mdat = struct.pack(">I4sQ", 1, b"mdat", data + 16) if large else struct.pack(">I4s", data + 8, b"mdat")
    return moof + mdat
