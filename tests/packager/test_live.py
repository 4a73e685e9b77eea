"""What a blocking reload waits for."""

import pytest

from base.reload import Reload
from packager.live import answers, too_far
from tests.packager.live_windows import FIRST, window

OPEN = window(open_parts=2)  # last whole segment 9; parts 0 and 1 of 10
CLOSED = window(open_parts=0)  # last whole segment 9, nothing of 10


@pytest.mark.rule(
    "RFC 8216bis 6.2.5.2", "a blocking reload is answered once the segment or part, or anything later, is listed"
)
@pytest.mark.parametrize(
    ("msn", "part", "while_open", "while_closed"),
    [
        (8, -1, True, True),
        (9, -1, True, True),
        (10, -1, False, False),
        (9, 0, True, True),
        (9, 3, True, True),
        (9, 4, True, False),  # past the last part of 9: part 0 of 10
        (10, 0, True, False),
        (10, 1, True, False),
        (10, 2, False, False),
        (11, 0, False, False),
    ],
)
def test_answers(msn: int, part: int, while_open: bool, while_closed: bool) -> None:
    ask = Reload(FIRST + msn, part)
    assert answers(OPEN.tracks["v1"], ask) is while_open
    assert answers(CLOSED.tracks["v1"], ask) is while_closed


@pytest.mark.rule("RFC 8216bis 6.2.5.2", "a segment more than two ahead, or a part past the advance limit, is refused")
@pytest.mark.parametrize(
    ("msn", "part", "refused"),
    [(9, -1, False), (11, -1, False), (12, -1, True), (10, 2, False), (10, 7, False), (10, 8, True), (11, 0, True)],
)
def test_too_far(msn: int, part: int, refused: bool) -> None:
    """Parts of 500 ms: the advance limit is 3 s / 0.5 s = 6 parts after the newest, part 1 of segment 10."""
    assert too_far(OPEN, OPEN.tracks["v1"], Reload(FIRST + msn, part)) is refused


def test_finding_a_segment() -> None:
    track = window(first=3).tracks["v1"]
    assert track.find(FIRST + 2) is None and track.find(FIRST + 99) is None
    found = track.find(FIRST + 3)
    assert found is not None and found.number == FIRST + 3
    assert track.last_closed == FIRST + 9 and track.last_part == (FIRST + 10, 1)
