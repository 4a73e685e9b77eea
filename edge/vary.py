"""Which request fields choose among the variants of a key, and how their values compare (RFC 9111 4.1). Pure.

A request's *selection* is one text: the nominated fields with their values in the spelling by which they compare. Two
requests with the same selection get the same variant; the empty text is that of an answer that does not vary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LISTS = frozenset({"accept", "accept-language", "accept-charset", "te"})
_SPACE = re.compile(r"[ \t]+")
_REFUSAL = re.compile(r"q=0(?:\.0{0,3})?")
# RFC 9110 8.4.1.3: the older name of the same coding.
_SAME_CODING = {"x-gzip": "gzip", "x-compress": "compress"}
# An answer that varies by more is not kept.
MOST_NAMES = 16


def nominated(field: str | None) -> tuple[str, ...] | None:
    """The names in Vary, lower case, sorted, each once. None: `*`, which no request matches."""
    if not field:
        return ()
    names = {name.strip().lower() for name in field.split(",")} - {""}
    return None if "*" in names else tuple(sorted(names))


def selection(names: tuple[str, ...], ask: Mapping[str, str]) -> str:
    """The request's selection by these names. Absent matches only absent. `ask` has joined lines."""
    return "\n".join(f"{name}:{normal(name, ask[name])}" if name in ask else name for name in names)


def normal(name: str, value: str) -> str:
    """A field's value in one spelling: the same for values that mean the same by the field's own definition."""
    if name == "accept-encoding":
        return _codings(value)
    words = [_SPACE.sub(" ", member.strip()) for member in value.split(",")]
    if name in _LISTS:  # lists of names without case; weights are kept where they stand
        words = [member.lower().replace(" ;", ";").replace("; ", ";") for member in words]
    return ",".join(word for word in words if word)


def _codings(value: str) -> str:
    """RFC 9110 12.5.3 as the set of what is acceptable: any answer of the set suits whoever accepts that set, in
    whatever order of preference. A refusal counts where it forbids what would else be allowed."""
    taken: set[str] = set()
    refused: set[str] = set()
    for member in value.lower().split(","):
        coding, _, parameters = member.partition(";")
        coding = coding.strip()
        coding = _SAME_CODING.get(coding, coding)
        if coding:
            (refused if _REFUSAL.fullmatch(_SPACE.sub("", parameters)) else taken).add(coding)
    counting = refused if "*" in taken else refused & {"identity", "*"}
    return ",".join(sorted(taken) + sorted(f"{coding};q=0" for coding in counting))
