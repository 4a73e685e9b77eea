from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edge.vary import nominated, normal, selection


@pytest.mark.rule("RFC 9111 4.1", "the names in Vary; `*` anywhere matches no request")
def test_names() -> None:
    assert nominated("B, a,, b") == ("a", "b")
    assert nominated(None) == nominated("") == ()
    assert nominated("*") is nominated("a, *") is None


@pytest.mark.rule("RFC 9111 4.1", "values compare by what their field means")
@pytest.mark.parametrize(
    ("name", "one", "same"),
    [
        ("accept-encoding", "gzip, br", "br;q=0.1,  GZIP"),
        ("accept-encoding", "x-gzip", "gzip, deflate;q=0"),
        ("accept-encoding", "", "deflate;q=0.000"),
        ("accept-language", "de, en;q=0.5", "DE ,en ; q=0.5"),
        ("cookie", "a=b; c=d", "a=b;   c=d"),
    ],
)
def test_the_same(name: str, one: str, same: str) -> None:
    assert normal(name, one) == normal(name, same)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("accept-encoding", "gzip", "gzip, br"),
        ("accept-encoding", "gzip", "gzip, identity;q=0"),
        ("accept-encoding", "*", "*, gzip;q=0"),
        ("accept-encoding", "", "*;q=0"),
        ("accept-language", "de, en", "en, de"),
        ("user-agent", "A", "a"),
    ],
)
def test_not_the_same(name: str, one: str, other: str) -> None:
    assert normal(name, one) != normal(name, other)


@pytest.mark.rule("RFC 9111 4.1", "absent matches only absent")
def test_absent_is_not_empty() -> None:
    assert selection(("cookie",), {}) != selection(("cookie",), CIMultiDict(Cookie=""))
    assert selection((), {"Cookie": "x"}) == ""


CODINGS = st.sampled_from(["gzip", "br", "zstd", "deflate", "identity", "*"])
MEMBERS = st.lists(st.tuples(CODINGS, st.sampled_from(["", ";q=0", ";q=1", "; q=0.5"])), max_size=6)


@given(MEMBERS, st.randoms(use_true_random=False))
def test_order_and_space_in_accept_encoding_mean_nothing(members: list[tuple[str, str]], random: object) -> None:
    words = [f"{coding}{weight}" for coding, weight in members]
    shuffled = list(words)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert normal("accept-encoding", ", ".join(words)) == normal("accept-encoding", ",".join(shuffled).upper())


def accepts(members: dict[str, str], coding: str) -> bool:
    """RFC 9110 12.5.3 in its own words."""
    weight = members.get(coding)
    if weight is not None:
        return weight != ";q=0"
    if "*" in members:
        return members["*"] != ";q=0"
    return coding == "identity"


@given(st.dictionaries(CODINGS, st.sampled_from(["", ";q=0", ";q=0.5"])), st.dictionaries(CODINGS, st.just("")))
def test_who_shares_a_variant_accepts_the_same(one: dict[str, str], other: dict[str, str]) -> None:
    spelt = [normal("accept-encoding", ",".join(k + v for k, v in members.items())) for members in (one, other)]
    if spelt[0] == spelt[1]:
        for coding in ("gzip", "br", "zstd", "deflate", "identity"):
            assert accepts(one, coding) == accepts(other, coding), coding


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text("xy ,\t", max_size=5)))
def test_selections_differ_where_a_nominated_field_does(ask: dict[str, str]) -> None:
    names = ("a", "b", "c")
    changed = ask | {"a": ask.get("a", "") + "z"}
    assert selection(names, ask) != selection(names, changed)
    assert selection(("b", "c"), ask) == selection(("b", "c"), changed)
