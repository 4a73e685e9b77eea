"""What a playlist says of a track: rates, frame rate, range. Pure; from a plan (on demand) or from segments (live)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from base.media import Format
from base.reports import TrackReport
from packager import dolby_vision, languages
from packager.colour import cicp
from packager.plan import TrackPlan

# Frame rates that material has; a measured one within 0.5 % is one of these (ms timestamps jitter).
_RATES = tuple(Fraction(n, d) for n, d in (
    (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1),
    (100, 1), (120, 1), (15, 1), (10, 1), (12, 1), (20, 1),
))  # fmt: skip
_TRANSFER_RANGE = {16: "PQ", 18: "HLG"}  # RFC 8216bis 4.4.6.2, VIDEO-RANGE


def of_plan(plan: TrackPlan, target_duration: int) -> TrackReport:
    track = plan.track
    full = np.diff(plan.first) > 0
    peak, average = rates(plan.sizes[full].tolist(), plan.durations[full].tolist(), target_duration)
    rate = ""
    if track.format.kind == "video" and len(track.samples) > 1:
        step = float(np.median(np.diff(track.samples["dts"])))
        rate = frame_rate(Fraction(track.format.timescale) / Fraction(step)) if step else ""
    return report(track.name, track.format, peak, average, rate)


def report(name: str, fmt: Format, peak: int, average: int, rate: str = "", label: str = "") -> TrackReport:
    beside = dolby_vision.of(fmt)
    return TrackReport(
        track=name,
        kind=fmt.kind,
        codec=fmt.codec,
        bandwidth=peak,
        average=average,
        language=languages.tag(fmt.language),
        width=fmt.width,
        height=fmt.height,
        frame_rate=rate,
        channels=fmt.channels,
        sample_rate=fmt.sample_rate,
        video_range=video_range(fmt),
        cicp=cicp(fmt),
        supplemental=f"{beside.codec}/{beside.brand}" if beside else "",
        label=label,
    )


def rates(sizes: Sequence[int], durations: Sequence[float], target_duration: int) -> tuple[int, int]:
    """(peak, average) in bit/s. Peak: the largest over runs of whole segments that last 0.5 to 1.5 TD (+ 0.5 s), or the
    whole if it is shorter (RFC 8216bis 4.1)."""
    total = sum(durations)
    if total <= 0:
        return 0, 0
    average = math.ceil(sum(sizes) * 8 / total)
    least, most = 0.5 * target_duration, 1.5 * target_duration + 0.5
    peak = 0.0
    for start in range(len(sizes)):
        octets, span = 0, 0.0
        for at in range(start, len(sizes)):
            octets += sizes[at]
            span += durations[at]
            if span > most:
                break
            if span >= least:
                peak = max(peak, octets * 8 / span)
    return max(math.ceil(peak), average), average


def frame_rate(measured: Fraction) -> str:
    """`25` or `30000/1001`: the usual rate next to the measured one, else the measured one with a small denominator."""
    near = min(_RATES, key=lambda rate: abs(rate - measured))
    rate = near if abs(near - measured) <= near / 200 else measured.limit_denominator(1001)
    return str(rate)


def video_range(fmt: Format) -> str:
    """SDR, PQ or HLG, by the transfer characteristics; where none are said, by what Dolby Vision leans on."""
    if said := cicp(fmt):
        return _TRANSFER_RANGE.get(said[1], "SDR")
    beside = dolby_vision.of(fmt)
    return beside.video_range if beside else "SDR"
