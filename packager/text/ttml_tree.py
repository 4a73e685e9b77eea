"""XML of a TTML document as a plain tree with line numbers. No entity of its own is ever expanded: no declarations."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from base.problems import Problem

TT = "http://www.w3.org/ns/ttml"
PARAMETER = f"{TT}#parameter"
STYLING = f"{TT}#styling"
XML = "http://www.w3.org/XML/1998/namespace"
# Documents of before the recommendation: the same words under older names.
_OLDER = ("http://www.w3.org/2006/10/ttaf1", "http://www.w3.org/2006/04/ttaf1")

MOST_ELEMENTS, DEEPEST = 400_000, 64


@dataclass(slots=True)
class Node:
    """An element: `tag` is its local name in TTML's namespace, empty in another. Children are elements and strings.

    `attributes`: by local name; those of the parameter and styling namespaces have `ttp:` and `tts:` in front,
    `xml:` those of XML. Others are left out.
    """

    tag: str
    line: int
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def find(self, tag: str) -> Node | None:
        return next((child for child in self.children if isinstance(child, Node) and child.tag == tag), None)

    def all(self, tag: str) -> list[Node]:
        return [child for child in self.children if isinstance(child, Node) and child.tag == tag]


def parse(data: bytes) -> Node:
    """The root element. Raises Problem unplayable with the line: no XML, a DOCTYPE, too large or too deep."""
    reader = expat.ParserCreate(namespace_separator=" ")
    reader.buffer_text = True
    roots: list[Node] = []
    open_nodes: list[Node] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS or len(open_nodes) >= DEEPEST:
            raise _refused(reader, f"more than {MOST_ELEMENTS} elements, or more than {DEEPEST} in one another")
        space, tag = _name(name)
        kept = {spelt: value for key, value in attributes.items() if (spelt := _attribute(key))}
        node = Node(tag if space == TT else "", reader.CurrentLineNumber, kept)
        (open_nodes[-1].children if open_nodes else roots).append(node)
        open_nodes.append(node)

    def end(_: str) -> None:
        open_nodes.pop()

    def text(words: str) -> None:
        if open_nodes:
            open_nodes[-1].children.append(words)

    def declared(*_: object) -> None:
        raise _refused(reader, "a document type declaration is not allowed: remove <!DOCTYPE ...>")

    reader.StartElementHandler, reader.EndElementHandler, reader.CharacterDataHandler = start, end, text
    reader.StartDoctypeDeclHandler = declared
    try:
        reader.Parse(data, True)
    except expat.ExpatError as fault:
        raise Problem(
            "unplayable", f"line {fault.lineno}: no well-formed XML ({expat.ErrorString(fault.code)})"
        ) from None
    except (ValueError, LookupError) as fault:
        raise Problem("unplayable", f"line 1: the XML's encoding cannot be read ({fault})") from None
    if roots[0].tag != "tt":
        raise _refused(reader, "the document's element is not tt of TTML", line=roots[0].line)
    return roots[0]


def _name(name: str) -> tuple[str, str]:
    space, _, local = name.rpartition(" ")
    for older in _OLDER:
        if space.startswith(older):
            return TT + space[len(older) :].replace("#style", "#styling").replace("#stylinging", "#styling"), local
    return space, local


def _attribute(name: str) -> str:
    space, local = _name(name)
    prefix = {"": "", TT: "", PARAMETER: "ttp:", STYLING: "tts:", XML: "xml:"}.get(space)
    return "" if prefix is None else prefix + local


def _refused(reader: expat.XMLParserType, why: str, line: int = 0) -> Problem:
    return Problem("unplayable", f"line {line or reader.CurrentLineNumber}: {why}")
