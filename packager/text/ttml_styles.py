"""Styles and regions of a TTML document (TTML2 10.4): references, chains of them, and what is inherited."""

from __future__ import annotations

import re

from base.problems import Problem
from packager.text.ttml_tree import Node

# What elements inherit of what is read here (TTML2 10.2); the rest belongs to the element that has it.
_INHERITED = ("fontStyle", "fontWeight", "textDecoration", "textAlign", "direction", "visibility")
_DEEPEST = 32  # styles that refer to styles
_PIXELS = re.compile(r"([1-9]\d{0,5})px\s+([1-9]\d{0,5})px")
_CELLS = re.compile(r"\s*([1-9]\d{0,3})\s+([1-9]\d{0,3})\s*")


class Styles:
    """`root_size`: (pixels, pixels, columns, rows) of the root container, pixels 0 where the document has none."""

    def __init__(self, root: Node, head: Node | None) -> None:
        styling = head.find("styling") if head else None
        layout = head.find("layout") if head else None
        self._styles = {
            name: node for node in (styling.all("style") if styling else ()) if (name := node.attributes.get("xml:id"))
        }
        self._made: dict[str, dict[str, str]] = {}
        self._regions: dict[str, dict[str, str]] = {}
        for node in layout.all("region") if layout else ():
            found = self.of(node, {})
            for nested in node.all("style"):
                found |= self.of(nested, {})
            self._regions[node.attributes.get("xml:id", "")] = found | _own(node)
        pixels = _PIXELS.fullmatch(root.attributes.get("tts:extent", "").strip())
        cells = _CELLS.fullmatch(root.attributes.get("ttp:cellResolution", "32 15"))
        across, down = (int(pixels[1]), int(pixels[2])) if pixels else (0, 0)
        columns, rows = (int(cells[1]), int(cells[2])) if cells else (32, 15)
        self.root_size = (across, down, columns, rows)

    def of(self, node: Node, inherited: dict[str, str]) -> dict[str, str]:
        """What holds for an element: inherited, then referred to in order, then its own (10.4.4)."""
        found = {name: value for name, value in inherited.items() if name in _INHERITED}
        for name in node.attributes.get("style", "").split():
            found |= self._named(name, node.line, 0)
        return found | _own(node)

    def region(self, name: str) -> dict[str, str]:
        """The styles of a region, empty for one that is not there."""
        return self._regions.get(name, {})

    def hidden(self, style: dict[str, str]) -> bool:
        return style.get("display") == "none" or style.get("visibility") == "hidden" or style.get("opacity") == "0"

    def _named(self, name: str, line: int, depth: int) -> dict[str, str]:
        if name in self._made:
            return self._made[name]
        if depth > _DEEPEST:
            raise Problem("unplayable", f"line {line}: style {name[:40]} refers to itself, or to too many others")
        node = self._styles.get(name)
        if node is None:
            return {}
        found: dict[str, str] = {}
        for other in node.attributes.get("style", "").split()[:_DEEPEST]:
            found |= self._named(other, node.line, depth + 1)
        self._made[name] = found | _own(node)
        return self._made[name]


def _own(node: Node) -> dict[str, str]:
    return {name[4:]: value.strip() for name, value in node.attributes.items() if name.startswith("tts:")}
