from __future__ import annotations

import pytest

from base.problems import Problem
from packager.policy import Last, Policy, bootstrap_of, last_of, parse

USUAL = Policy(target_ms=4000)


def test_words_that_are_not_given_are_the_usual() -> None:
    usual = Policy(target_ms=6000, last=Last.LONG, bootstrap_ms=(1000,))
    assert parse("", "", "", usual) == usual
    assert parse("2000", "short", "500,1000", usual) == Policy(
        target_ms=2000, last=Last.SHORT, bootstrap_ms=(500, 1000)
    )


@pytest.mark.parametrize("words", [("999", "", ""), ("20001", "", ""), ("2.5", "", ""), ("-1", "", ""),
                                   ("", "longest", ""), ("", "", "199"), ("", "", "1000,"), ("", "", "1 000"),
                                   ("", "", ",".join(["1000"] * 9)), ("", "", "99999")])  # fmt: skip
def test_what_makes_no_sense_is_malformed(words: tuple[str, str, str]) -> None:
    with pytest.raises(Problem) as problem:
        parse(*words, USUAL)
    assert problem.value.kind.name == "malformed"


def test_the_first_segments_have_targets_of_their_own() -> None:
    policy = Policy(target_ms=4000, bootstrap_ms=(1000, 2000))
    assert [policy.target(n) for n in range(4)] == [1000, 2000, 4000, 4000]


def test_identities_differ_and_that_of_a_target_alone_is_what_it_always_was() -> None:
    assert USUAL.identity == b"plan 1 4000\n"
    policies = [
        Policy(target_ms=4000, last=last, bootstrap_ms=bootstrap)
        for last in Last
        for bootstrap in ((), (1000,), (1000, 2000), (100, 0))
    ]
    assert len({policy.identity for policy in policies}) == len(policies)


def test_single_words() -> None:
    assert last_of("rounded") is Last.ROUNDED and bootstrap_of("200") == (200,)
