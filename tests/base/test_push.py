"""The notes between ingest and origin."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from base.push import PartNote, SessionGrant, SessionNote, TrackNote, parse_part_note

NOTES = st.builds(
    PartNote,
    init=st.from_regex(r"[0-9a-f]{8,64}", fullmatch=True),
    last=st.booleans(),
    discontinuity=st.booleans(),
)


@given(NOTES)
def test_a_part_note_reads_back_as_itself(note: PartNote) -> None:
    assert parse_part_note(note.field()) == note


def test_a_part_note_is_spelt_as_a_structured_field_dictionary() -> None:
    """RFC 9651 section 3.2: members by comma and space, a bare key is true."""
    assert PartNote(init="00ff00ff", last=True, discontinuity=True).field() == 'init="00ff00ff", last, discontinuity'


@pytest.mark.parametrize(
    "field",
    [
        "",
        "last",
        'init="xyz"',
        'init="00ff00ff" , last',
        'init="00ff00ff", first',
        'init="00ff00ff",last',
        "init=00ff00ff",
    ],
)
def test_another_spelling_is_refused(field: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_part_note(field)
    assert refused.value.kind.name == "malformed"


@given(
    st.builds(
        SessionNote,
        session=st.text(max_size=20),
        state=st.sampled_from(["live", "ended"]),
        started_ms=st.integers(0, 2**53),
        grid_ms=st.integers(1, 60_000),
        part_ms=st.integers(1, 60_000),
        tracks=st.tuples(st.builds(TrackNote, track=st.just("v1"), kind=st.just("video"))),
    )
)
def test_a_session_note_survives_json(note: SessionNote) -> None:
    assert msgspec.json.decode(msgspec.json.encode(note), type=SessionNote) == note


def test_a_note_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="last_number"):
        msgspec.json.decode(b"{}", type=SessionGrant)
