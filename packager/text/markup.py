"""Markup within a cue: WebVTT's cue text (WebVTT 4.2, 6.4) and what SubRip files have of it, to runs and back."""

from __future__ import annotations

import re

from packager.text.cues import Line, Place, Run, lines_of, place

# WebVTT's tags, with classes and an annotation; and those that SubRip files have on top.
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>i|b|u|c|v|lang|ruby|rt|font|s|em|strong)(?:[.\s][^<>]*)?/?>"
    r"|<(?P<break>br)\s*/?>|<\d[\d:.]*>",
    re.IGNORECASE,
)
_UNKNOWN_TAG = re.compile(r"</?[A-Za-z][^<>]*>|</?>")
_OVERRIDE = re.compile(r"\{\\([^{}]*)\}")
_CODE = re.compile(r"\\?(an[1-9]|a\d{1,2}|[ibu][01])")
_ENTITY = re.compile(r"&(?:amp|lt|gt|nbsp|lrm|rlm|quot|apos|#39);")
_ENTITIES = {
    "&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": "\u00a0", "&lrm;": "\u200e", "&rlm;": "\u200f",
    "&quot;": '"', "&apos;": "'", "&#39;": "'",
}  # fmt: skip
_STYLES = {"i": "italic", "em": "italic", "b": "bold", "strong": "bold", "u": "underline"}


def read(text: str, *, webvtt: bool) -> tuple[tuple[Line, ...], Place]:
    """The lines of a cue and the place that its text asks for (SubRip's `{\\an8}`).

    In WebVTT what stands in angle brackets is a tag, known or not; elsewhere only what is known is one.
    """
    where: Place = Place()
    depth = dict.fromkeys(("italic", "bold", "underline"), 0)
    forced = dict.fromkeys(depth, False)
    runs: list[Run] = []
    ruby = 0  # within an annotation: left out

    def add(piece: str) -> None:
        if piece and not ruby:
            plain = _ENTITY.sub(lambda found: _ENTITIES[found[0]], piece)
            runs.append(Run(plain, **{name: depth[name] > 0 or forced[name] for name in depth}))

    if not webvtt:
        for codes in _OVERRIDE.findall(text):
            for code in _CODE.findall(codes):
                if code.startswith("a"):
                    where = _alignment(code) or where
    at = 0
    for found in (_WEBVTT if webvtt else _SUBRIP).finditer(text):
        add(text[at : found.start()])
        at = found.end()
        name = (found["name"] or "").lower()
        if found["break"]:
            add("\n")
        elif name == "rt":
            ruby = max(0, ruby + (-1 if found["end"] else 1))
        elif style := _STYLES.get(name):
            depth[style] = max(0, depth[style] + (-1 if found["end"] else 1))
        elif found[0].startswith("{"):
            for code in _CODE.findall(found[0][2:-1]):
                if code[0] in "ibu" and len(code) == 2:
                    forced[_STYLES[code[0]]] = code[1] == "1"
    add(text[at:])
    return lines_of(runs), where


_WEBVTT = re.compile(f"{_TAG.pattern}|{_UNKNOWN_TAG.pattern}", re.IGNORECASE)
_SUBRIP = re.compile(f"{_TAG.pattern}|{_OVERRIDE.pattern}", re.IGNORECASE)


def _alignment(code: str) -> Place | None:
    """`an8`: as on a number pad. `a6`: the older code, 1 to 3 below, 5 to 7 above, 9 to 11 in the middle."""
    number = int(code.lstrip("an"))
    if code.startswith("an"):
        row, column = divmod(number - 1, 3)
    elif 1 <= number <= 11 and number % 4:
        row, column = {0: 0, 1: 2, 2: 1}[number // 4], number % 4 - 1
    else:
        return None
    line = {1: "50%,center", 2: "0"}.get(row, "")
    return place(line=line, align={0: "left", 2: "right"}.get(column, ""))


def written(lines: tuple[Line, ...]) -> str:
    """WebVTT cue text. A `-->` cannot come to be in it, since `>` is escaped."""
    return "\n".join("".join(map(_run, line)) for line in lines)


def _run(run: Run) -> str:
    made = run.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for tag, wanted in (("u", run.underline), ("b", run.bold), ("i", run.italic)):
        if wanted:
            made = f"<{tag}>{made}</{tag}>"
    return made
