"""Problems: RFC 9457."""

import pytest

from base.problems import KINDS, Problem


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_rendered_with_the_members_of_rfc_9457(name: str) -> None:
    """Section 3.1: type, title, status, detail, instance."""
    body = Problem(name, "do this").as_json("abc123")
    assert body == {
        "type": f"urn:headwater:problem:{name}",
        "title": KINDS[name].title,
        "status": KINDS[name].status,
        "detail": "do this",
        "instance": "urn:headwater:request:abc123",
    }


def test_further_members_are_added_and_no_instance_is_invented() -> None:
    body = Problem("busy", "later", limit=3).as_json()
    assert body["limit"] == 3
    assert "instance" not in body


def test_a_kind_that_is_not_in_the_table_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        Problem("strange", "")


def test_a_status_is_of_one_kind_only() -> None:
    """A client that knows the status alone must not be misled."""
    statuses = [kind.status for kind in KINDS.values()]
    assert len(statuses) == len(set(statuses))


def test_not_yet_and_no_longer_are_different_facts() -> None:
    assert KINDS["early"].retry and not KINDS["gone"].retry
    assert {kind.name for kind in KINDS.values() if kind.retry and kind.status >= 500} == {
        "busy",
        "fault",
        "upstream",
        "late",
    }
