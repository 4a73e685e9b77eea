"""Delivery directives: RFC 8216bis 6.2.5."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from base.reload import PLAIN, Reload, parse

NUMBERS = st.integers(0, 10**15 - 1)
ASKS = st.one_of(
    st.builds(Reload, msn=NUMBERS, part=st.one_of(st.just(-1), st.integers(0, 10**6)), skip=st.booleans()),
    st.builds(Reload, skip=st.booleans()),
)


@given(ASKS)
def test_the_key_of_a_request_reads_back_as_it(ask: Reload) -> None:
    assert parse(ask.key) == ask


@given(ASKS, st.dictionaries(st.text("abcCMD-", min_size=1), st.text(max_size=20), max_size=3), st.randoms())
def test_order_and_other_parameters_do_not_count(ask: Reload, others: dict[str, str], random: object) -> None:
    pairs = [*ask.key.split("&"), *urlencode(others).split("&")]
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert parse("&".join(pair for pair in pairs if pair)) == ask


@pytest.mark.parametrize("query", ["", "CMCD=bl%3D2000", "token=x&_HLS=1"])
def test_a_plain_reload_asks_for_nothing(query: str) -> None:
    assert parse(query) == PLAIN
    assert PLAIN.key == "" and not PLAIN.blocking


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_msn=",
        "_HLS_msn=-1",
        "_HLS_msn=1.5",
        "_HLS_msn=x",
        "_HLS_msn=" + "9" * 16,
        "_HLS_msn=٣",
        "_HLS_msn=1&_HLS_part=a",
    ],
)
def test_a_value_that_is_no_decimal_number_is_refused(query: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(query)
    assert refused.value.kind.status == 400


def test_a_part_needs_a_media_sequence_number() -> None:
    """RFC 8216bis 6.2.5.2: a part without _HLS_msn is answered with 400."""
    with pytest.raises(Problem, match="_HLS_msn"):
        parse("_HLS_part=2")


@pytest.mark.parametrize(("value", "skip"), [("YES", True), ("v2", True), ("NO", False), ("", False)])
def test_a_delta_update_is_asked_for_by_yes_or_v2(value: str, skip: bool) -> None:
    """RFC 8216bis 6.2.5.1."""
    assert parse(f"_HLS_skip={value}") == Reload(skip=skip)
