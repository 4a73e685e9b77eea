"""Whether a player may switch between the renditions of an asset: judged once, when the asset arrives.

A rendition is cut where the first one is, so it needs a keyframe at each of those cuts (Apple's HLS authoring 5.x
wants the same of a ladder; DASH calls it segmentAlignment with startWithSAP, ISO/IEC 23009-1 5.3.3.2). All times are
integers in the track's own timescale: a cut at tick t of another timescale is the first own tick at or after it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from base.reports import Alignment
from packager.index import IndexTrack
from packager.tables import FAR

I64 = npt.NDArray[np.int64]

_NEAR_MS = 2  # keyframes of renditions that are this near count as aligned
_ASPECT = 0.02  # pictures whose aspects differ by more are not the same picture: 1366x768 is still 16:9
_APART = Fraction(1, 2)  # seconds by which beginnings and ends may differ before it is said


def lines_of(ticks: I64, scale: int, timescale: int) -> I64:
    """Ticks of one timescale in another: the first at or after each."""
    if scale == timescale:
        return np.minimum(ticks, FAR)
    largest = int(np.abs(ticks).max(initial=0))
    if largest * timescale < FAR:
        found: I64 = -(-ticks * timescale // scale)
        return found
    return np.array([max(-FAR, min(-(-tick * timescale // scale), FAR)) for tick in ticks.tolist()], np.int64)


def aligned(track: IndexTrack, shown: I64, lines: I64) -> tuple[I64 | None, int]:
    """The track's own keyframes at the cuts and -1, or None and the number of the first cut without one.

    `shown` are its presentation ticks, `lines` the cuts in its timescale.
    """
    ticks = shown[track.sync]
    if not len(ticks):
        return None, 0
    slack = max(1, track.format.timescale * _NEAR_MS // 1000)
    at = np.searchsorted(ticks, lines - slack)
    missed = (at >= len(ticks)) | (np.abs(ticks[np.minimum(at, len(ticks) - 1)] - lines) > slack)
    if missed.any():
        return None, int(missed.argmax())
    first: I64 = track.sync[at].astype(np.int64)
    return first, -1


def judge(reference: IndexTrack, track: IndexTrack, shown: dict[str, I64], missed: Fraction | None) -> Alignment:
    """A rendition beside the first one. `missed`: seconds at which it has no keyframe though the first one has."""
    if missed is not None:
        return Alignment(track=track.name, switchable=False, because=_miss(reference, track, shown, missed))
    families = [t.format.codec.partition(".")[0] for t in (reference, track)]
    aspects = [Fraction(t.format.width, max(1, t.format.height)) for t in (reference, track)]
    steps = [_step(t) for t in (reference, track)]
    fast, slow = min(steps), max(steps)
    end, usual = (_end(t, shown[t.name]) for t in (track, reference))
    if families[0] != families[1]:
        because = f"its codec is {families[1]}, that of {reference.name} is {families[0]}: players stay with one"
    elif abs(aspects[1] / aspects[0] - 1) > _ASPECT if all(aspects) else False:
        because = f"its picture is {_size(track)}, that of {reference.name} {_size(reference)}: not the same shape"
    elif fast and abs(slow / fast - round(slow / fast)) > Fraction(1, 100):
        because = f"it has {_rate(steps[1])} pictures a second, {reference.name} has {_rate(steps[0])}"
    elif abs(end - usual) > _APART:
        because = f"it ends at {_at(end)}, {reference.name} at {_at(usual)}"
    else:
        return Alignment(track=track.name, switchable=True)
    return Alignment(track=track.name, switchable=False, because=because)


def timing(reference: IndexTrack, track: IndexTrack, shown: dict[str, I64]) -> Alignment | None:
    """Sound that begins or ends far from the picture: switchable all the same, but somebody should know."""
    found = []
    for word, here, there in (
        ("begins", _begin(track, shown[track.name]), _begin(reference, shown[reference.name])),
        ("ends", _end(track, shown[track.name]), _end(reference, shown[reference.name])),
    ):
        if abs(here - there) > _APART:
            found.append(f"{word} at {_at(here)}, the picture at {_at(there)}")
    return Alignment(track=track.name, switchable=True, because="it " + " and ".join(found)) if found else None


def _miss(reference: IndexTrack, track: IndexTrack, shown: dict[str, I64], missed: Fraction) -> str:
    ticks = shown[track.name][track.sync]
    if not len(ticks):
        return "it has no keyframe"
    scale = track.format.timescale
    at = int(np.searchsorted(ticks, int(missed * scale)))
    near = min((int(t) for t in ticks[max(0, at - 1) : at + 1]), key=lambda t: abs(t - missed * scale))
    return (
        f"its keyframes are not where those of {reference.name} are: none at {_at(missed)}, "
        f"the nearest is at {_at(Fraction(near, scale))}"
    )


def _begin(track: IndexTrack, shown: I64) -> Fraction:
    return Fraction(int(shown[:64].min()), track.format.timescale)


def _end(track: IndexTrack, shown: I64) -> Fraction:
    return Fraction(int(shown[-64:].max()) + track.last_duration, track.format.timescale)


def _step(track: IndexTrack) -> Fraction:
    """Seconds a picture, on the whole: a median would be a tick off where ticks do not divide evenly."""
    span = int(track.samples["dts"][-1]) - int(track.samples["dts"][0])
    return Fraction(span, track.format.timescale * max(1, len(track.samples) - 1))


def _rate(step: Fraction) -> str:
    return f"{float(1 / step):.5g}" if step else "0"


def _size(track: IndexTrack) -> str:
    return f"{track.format.width}x{track.format.height}"


def _at(seconds: Fraction) -> str:
    return f"{float(seconds):.3f} s"
