import pytest

from base.problems import Problem
from control.rows import check_revs


def test_no_condition_and_a_known_revision_pass() -> None:
    check_revs(7, None)
    check_revs(7, frozenset({6, 7}))


@pytest.mark.parametrize("wanted", [frozenset({6}), frozenset[int]()])
def test_another_revision_is_refused_with_the_present_tag(wanted: frozenset[int]) -> None:
    with pytest.raises(Problem) as refused:
        check_revs(7, wanted)
    assert refused.value.kind.status == 412
    assert refused.value.extra["etag"] == '"7"'
