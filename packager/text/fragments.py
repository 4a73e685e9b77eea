"""Segments of text in fMP4 (ISO/IEC 14496-30; CMAF, 23000-19 11): `wvtt` and `stpp`, made whole.

`wvtt`: a sample for each time in which the same is shown; one without cues (`vtte`) fills each gap. A cue that is in
several samples carries the same source id in all of them (`vsid`). `stpp`: one sample a segment, one document.
"""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np

from packager.boxes import box
from packager.moof import moof_and_mdat_head
from packager.text import imsc, markup, webvtt
from packager.text.cues import Cue
from packager.text.plan import TextPlan

_NOTHING = box(b"vtte")


def segment(kind: str, plan: TextPlan, number: int) -> bytes:
    """One segment; `kind`: one of init.FORMATS. The caller has checked that it lies in the plan."""
    samples = wvtt_samples(plan, number) if kind == "wvtt" else _stpp_samples(plan, number)
    count = len(samples)
    head = moof_and_mdat_head(
        sequence=number + 1,
        tfdt=plan.cuts[number],
        duration=np.array([length for length, _ in samples], np.int64),
        size=np.array([len(data) for _, data in samples], np.int64),
        cto=np.zeros(count, np.int64),
        sync=np.ones(count, np.bool_),
    )
    return b"".join((head, *(data for _, data in samples)))


def wvtt_samples(plan: TextPlan, number: int) -> list[tuple[int, bytes]]:
    """(ticks, octets) of each sample; together they last as long as the segment."""
    begin, end = plan.cuts[number], plan.cuts[number + 1]
    shown = [
        (max(begin, plan.ticks(cue.start)), min(end, plan.ticks(cue.end)), ordinal, cue)
        for ordinal, cue in plan.shown(number)
    ]
    bounds = sorted({begin, end, *(at for row in shown for at in row[:2])})
    samples: list[tuple[int, bytes]] = []
    waiting = list(reversed(shown))  # by their starts, the next one last
    now: list[tuple[int, int, int, Cue]] = []
    for start, stop in pairwise(bounds):
        now = [row for row in now if row[1] > start]
        while waiting and waiting[-1][0] <= start:
            now.append(waiting.pop())
        samples.append((stop - start, b"".join(_cue(plan, *row[2:], start, stop) for row in now) or _NOTHING))
    return samples


def _cue(plan: TextPlan, ordinal: int, cue: Cue, start: int, stop: int) -> bytes:
    """vttc: source id if the cue is in more samples than this one, settings, payload."""
    boxes = []
    if plan.ticks(cue.start) < start or plan.ticks(cue.end) > stop:
        boxes.append(box(b"vsid", struct.pack(">I", ordinal + 1)))
    if where := webvtt.settings(cue.place):
        boxes.append(box(b"sttg", where.encode()))
    boxes.append(box(b"payl", markup.written(cue.lines).encode()))
    return box(b"vttc", *boxes)


def _stpp_samples(plan: TextPlan, number: int) -> list[tuple[int, bytes]]:
    begin, end = plan.cuts[number], plan.cuts[number + 1]
    shown = [(max(begin, plan.ticks(cue.start)), min(end, plan.ticks(cue.end)), cue) for _, cue in plan.shown(number)]
    return [(end - begin, imsc.document(shown, plan.text.language))]
