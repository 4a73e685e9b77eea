"""Cues for tests: strategies for any cue, and text plans over films written by hand."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from packager.plan import Plan, make_plan
from packager.text.cues import Cue, Place, Run, lines_of, place
from packager.text.plan import Sidecar, TextPlan, make_text_plan
from tests.packager.tracks import audio, index, video

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn", "Co")), min_size=1, max_size=12
).filter(str.strip)
RUNS = st.builds(Run, WORDS, st.booleans(), st.booleans(), st.booleans())
PLACES = st.builds(
    lambda line, position, align, vertical: place(line=line, position=position, align=align, vertical=vertical),
    st.sampled_from(["", "0", "-1", "12.5%", "50%,center", "80%,end"]),
    st.sampled_from(["", "20%", "10%,line-left", "90%,line-right"]),
    st.sampled_from(["", "start", "center", "end", "left", "right"]),
    st.sampled_from(["", "rl", "lr"]),
)


def lines(run: st.SearchStrategy[Run] = RUNS) -> st.SearchStrategy[tuple[tuple[Run, ...], ...]]:
    """As lines_of leaves them: neighbours of one style joined."""
    raw = st.lists(st.lists(run, min_size=1, max_size=3), min_size=1, max_size=3)
    return raw.map(
        lambda rows: lines_of([run for at, row in enumerate(rows) for run in ([Run("\n")] if at else []) + row])
    ).filter(bool)


CUES = st.builds(
    lambda start, length, lines, where: Cue(start, start + length, lines, where),
    st.integers(0, 11_000), st.integers(1, 4000), lines(), PLACES,
)  # fmt: skip


def cue(start: int, end: int, text: str = "text", where: Place | None = None) -> Cue:
    return Cue(start, end, lines_of([Run(text)]), where or Place())


def film(shift: int = 0) -> Plan:
    """8 s of 25 pictures a second with sound, cut each 2 s. `shift`: of the picture, in ticks of 12800."""
    return make_plan(index(video([0, 50, 100, 150], 200, shift=shift), audio(375)), 2000)


def sidecar(cues: Sequence[Cue], **changed: object) -> Sidecar:
    values = {
        "language": "de", "role": "subtitles", "label": "", "forced": False, "default": False, "format": "WebVTT",
        "notes": (), "cues": tuple(sorted(cues, key=lambda cue: (cue.start, cue.end))),
    }  # fmt: skip
    return Sidecar(**(values | changed))


def text_plan(cues: Sequence[Cue], plan: Plan | None = None, name: str = "s1", **changed: object) -> TextPlan:
    return make_text_plan(plan or film(), name, sidecar(cues, **changed))
