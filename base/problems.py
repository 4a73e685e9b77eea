"""What a peer can cause, as one exception with a kind from a table; rendered as RFC 9457 by the web rim.

Not yet there (`early`) and no longer there (`gone`) are different facts. A fault of ours (`fault`, `upstream`)
and a fault of theirs never share a kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One row of the table. `retry`: does asking again unchanged make sense?"""

    name: str
    status: int
    title: str
    retry: bool
    meaning: str


_ROWS = (
    ProblemKind("malformed", 400, "The request cannot be understood", False, "syntax or a value out of range"),
    ProblemKind("unauthorised", 401, "A valid key or token is needed", False, "no credential, or a wrong one"),
    ProblemKind("forbidden", 403, "Not allowed", False, "the credential does not cover this"),
    ProblemKind("unknown", 404, "There is nothing by this name", False, "a name that never meant anything"),
    ProblemKind("method", 405, "This name does not take that method", False, "see the Allow field"),
    ProblemKind("conflict", 409, "It clashes with what is there", False, "a second publisher, a name in use"),
    ProblemKind("gone", 410, "It is no longer here", False, "left the window, or was removed"),
    ProblemKind("precondition", 412, "Something has to come first", False, "a part before its init segment"),
    ProblemKind("too-large", 413, "Too large", False, "a body or header over the limit"),
    ProblemKind("unsupported", 415, "This sort of media is not taken here", False, "pushed media: codec, container"),
    ProblemKind("unplayable", 422, "The media cannot be played", False, "codec, truncated, not media, no keyframe"),
    ProblemKind("early", 425, "It does not exist yet", True, "a part or segment ahead of the live edge"),
    ProblemKind("busy", 503, "Not now", True, "draining, or a limit is reached"),
    ProblemKind("fault", 500, "A fault of ours", True, "a bug or a broken device: the log has the request id"),
    ProblemKind("upstream", 502, "The next node does not answer", True, "origin, parent or control away"),
    ProblemKind("loop", 508, "It goes round in circles", False, "a node's upstream leads back to the node"),
    ProblemKind("late", 504, "The next node took too long", True, "a deadline passed"),
)
KINDS: dict[str, ProblemKind] = {row.name: row for row in _ROWS}


class Problem(Exception):
    """A refusal with a kind and a sentence that says what to do.

    >>> raise Problem("unplayable", "codec vp8 is not supported: transcode to H.264, HEVC or AV1")
    """

    def __init__(self, kind: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.kind = KINDS[kind]
        self.detail = detail
        self.extra = extra

    def as_json(self, instance: str = "") -> dict[str, Any]:
        """The members of RFC 9457 section 3.1; `instance` is the request id."""
        body: dict[str, Any] = {
            "type": f"urn:headwater:problem:{self.kind.name}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if instance:
            body["instance"] = f"urn:headwater:request:{instance}"
        return body | self.extra
