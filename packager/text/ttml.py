"""Reading TTML and the text profile of IMSC 1 (W3C TTML2, IMSC 1.1): times, lines, italic, bold, underline, region.

Times of an element count from its parent's start, or in `timeContainer="seq"` from the end of the element before
(TTML2 12.2). A paragraph whose spans have times of their own becomes a cue for each time in which the same of it is
shown. Animation (`set`, `animate`) and ruby annotations are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from base.problems import Problem
from packager.text.cues import LATEST_MS, MOST_CUES, Cue, Place, Run, Text, lines_of, tidy
from packager.text.ttml_regions import place_of, text_align
from packager.text.ttml_styles import Styles
from packager.text.ttml_times import Times, of_document
from packager.text.ttml_tree import Node, parse

_BLANKS = re.compile(r"[ \t\r\n]+")
_TIMED = ("body", "div", "p", "span", "br")
_MOST_PIECES = 100  # timed pieces of one paragraph: each costs a cue that repeats the others


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters of a paragraph, shown from begin to end (ms)."""

    begin: Fraction
    end: Fraction
    run: Run


@dataclass(frozen=True, slots=True)
class _Context:
    """What an element inherits. `keep`: xml:space is preserve. `floor`, `end`: ms between which it can be shown."""

    begin: Fraction
    end: Fraction
    style: dict[str, str]
    region: str
    keep: bool


def read(data: bytes) -> Text:
    """A whole document. Raises Problem unplayable with the line that cannot be read."""
    root = parse(data)
    head, body = root.find("head"), root.find("body")
    styles = Styles(root, head)
    times = of_document(root)
    cues: list[Cue] = []
    if body is not None:
        context = _Context(Fraction(0), Fraction(LATEST_MS + 1), {}, "", root.attributes.get("xml:space") == "preserve")
        for cue in _cues(body, _inherit(body, context, styles, times, Fraction(0)), styles, times):
            cues.append(cue)
            if len(cues) > MOST_CUES:
                raise Problem("unplayable", f"over {MOST_CUES} cues, more than can be served: is it subtitles?")
    if not cues and _has_images(root):
        raise Problem("unplayable", "line 1: the subtitles are images (IMSC image profile): only text can be served")
    kept, notes = tidy(cues)
    return Text(format="TTML", cues=kept, notes=notes, language=root.attributes.get("xml:lang", ""))


def _inherit(node: Node, parent: _Context, styles: Styles, times: Times, after: Fraction) -> _Context:
    """`after`: ms at which the element's own times begin to count."""

    def time(name: str) -> Fraction | None:
        text = node.attributes.get(name)
        return None if text is None else times.ms(text, node.line)

    begin = after + (time("begin") or 0)
    ends = [parent.end]
    if (end := time("end")) is not None:
        ends.append(after + end)
    if (lasts := time("dur")) is not None:
        ends.append(begin + lasts)
    space = node.attributes.get("xml:space")
    return _Context(
        max(begin, parent.begin),
        min(ends),
        styles.of(node, parent.style),
        node.attributes.get("region", parent.region),
        parent.keep if space is None else space == "preserve",
    )


def _children(node: Node, context: _Context, styles: Styles, times: Times) -> Iterator[tuple[Node, _Context]]:
    sequential = node.attributes.get("timeContainer") == "seq"
    after = context.begin
    for child in node.children:
        if isinstance(child, Node) and child.tag in _TIMED:
            inner = _inherit(child, context, styles, times, after)
            if sequential:
                after = max(after, inner.end)
            yield child, inner


def _cues(node: Node, context: _Context, styles: Styles, times: Times) -> Iterator[Cue]:
    if node.tag == "p":
        yield from _paragraph(node, context, styles, times)
        return
    for child, inner in _children(node, context, styles, times):
        yield from _cues(child, inner, styles, times)


def _paragraph(node: Node, context: _Context, styles: Styles, times: Times) -> Iterator[Cue]:
    pieces = list(_pieces(node, context, styles, times))
    if len(pieces) > _MOST_PIECES:
        raise Problem("unplayable", f"line {node.line}: a paragraph of over {_MOST_PIECES} spans: divide it")
    region = styles.region(context.region)
    if styles.hidden(region):
        return
    where = place_of(region, text_align(context.style, region), styles.root_size)
    bounds = sorted({at for piece in pieces for at in (piece.begin, piece.end) if piece.run.text.strip()})
    for begin, end in pairwise(bounds):
        shown = [piece.run for piece in pieces if piece.begin <= begin and end <= piece.end]
        if lines := lines_of(shown):
            yield _cue(begin, end, lines, where, node.line)


def _cue(begin: Fraction, end: Fraction, lines: tuple[tuple[Run, ...], ...], where: Place, line: int) -> Cue:
    if end > LATEST_MS:
        raise Problem("unplayable", f"line {line}: give the paragraph an end: without one it is shown for ever")
    return Cue(round(begin), round(end), lines, where)


def _pieces(node: Node, context: _Context, styles: Styles, times: Times) -> Iterator[_Piece]:
    inner = iter(_children(node, context, styles, times))
    for child in node.children:
        if isinstance(child, str):
            text = child if context.keep else _BLANKS.sub(" ", child)
            yield _piece(context, text)
        elif child.tag in _TIMED:
            element, within = next(inner)
            if element.tag == "br":
                yield _piece(within, "\n")
            elif within.style.get("ruby") not in ("text", "textContainer", "delimiter") and not styles.hidden(
                within.style
            ):
                yield from _pieces(element, within, styles, times)


def _piece(context: _Context, text: str) -> _Piece:
    style = context.style
    run = Run(
        text,
        italic=style.get("fontStyle") in ("italic", "oblique"),
        bold=style.get("fontWeight") == "bold",
        underline="underline" in style.get("textDecoration", "").split(),
    )
    return _Piece(context.begin, context.end, run)


def _has_images(root: Node) -> bool:
    """SMPTE-TT and IMSC 1 put images into elements and attributes of other namespaces: then there is no text."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.tag in ("div", "image") and not node.find("p"):
            return True
        waiting += [child for child in node.children if isinstance(child, Node)]
    return False
