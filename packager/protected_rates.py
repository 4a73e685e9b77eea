"""Rates of protected tracks: what ciphering adds to each segment counts in BANDWIDTH (RFC 8216bis 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from base.reports import TrackReport
from packager import describe
from packager.aes128 import ciphered_size
from packager.methods import Method
from packager.plan import TrackPlan

# Boxes of a fragment that do not grow with its samples: saiz, saio, senc, and where keys change sgpd, sbgp, pssh.
_BOXES = 256
# Of a picture: how many subsamples there are, and two of them (most have one); in cenc its IV too.
_PICTURE, _IV = 2 + 2 * 6, 8
# SAMPLE-AES in MPEG-TS: packets up to a multiple of sixteen, and one octet of emulation prevention in so many
_SPREAD, _ESCAPES = 15 * 188, 500
# What is said of a picture or a frame in saiz where it is not the same for all.
_SIZE = 1


def report(plain: TrackReport, plan: TrackPlan, method: Method, target_duration: int) -> TrackReport:
    """`plain` with the rates of the track as it is under `method`. Pictures of many slices add a little more."""
    full = np.diff(plan.first) > 0
    octets = plan.sizes[full] + added(plan, method)[full]
    if method is Method.AES_128:
        octets = np.array([ciphered_size(size) for size in octets.tolist()], np.int64)
    peak, average = describe.rates(octets.tolist(), plan.durations[full].tolist(), target_duration)
    return msgspec.structs.replace(plain, bandwidth=peak, average=average)


def added(plan: TrackPlan, method: Method) -> npt.NDArray[np.int64]:
    """Octets that boxes about ciphering add to each segment."""
    if method.scheme is None:
        return np.zeros(len(plan.first) - 1, np.int64)
    sample = _IV if method is Method.CENC else 0
    if plan.track.format.kind == "video":
        sample += _PICTURE
    if sample:
        sample += _SIZE
    octets: npt.NDArray[np.int64] = np.diff(plan.first) * sample + _BOXES
    return octets


def of_transport(sizes: Sequence[int], method: Method) -> list[int]:
    """Octets of each segment of MPEG-TS under `method`; at most so many in SAMPLE-AES (they depend on the cipher)."""
    if method is Method.SAMPLE_AES:
        return [size + size // _ESCAPES + _SPREAD if size else 0 for size in sizes]
    return [ciphered_size(size) if size else 0 for size in sizes]
