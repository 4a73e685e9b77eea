"""Commands one by one, where the samples do not reach."""

from __future__ import annotations

import pytest

from base.problems import Problem
from base.scte35.commands import (
    BreakDuration,
    Component,
    PrivateCommand,
    ScheduledSplice,
    SpliceInsert,
    SpliceSchedule,
    type_of,
    write,
)
from base.scte35.section import parse
from base.scte35.section import write as write_section
from tests.base.scte35.test_section import signed
from tests.base.scte35.vectors import sample


def test_the_sample_insert() -> None:
    assert parse(sample("14.2 splice_insert")).command == SpliceInsert(
        event_id=0x4800008F, time=0x07369C02E, duration=BreakDuration(0x0052CCF5, auto_return=True)
    )


def test_fields_stand_where_the_standard_has_them() -> None:
    """SCTE 35 9.7.3.1, counted by hand."""
    insert = SpliceInsert(event_id=1, out_of_network=False, time=1 << 32, avail_num=2, avails_expected=3)
    assert write(insert).hex() == "000000017f4fff0000000000000203"
    assert write(SpliceInsert(event_id=1, cancel=True)).hex() == "00000001ff"
    parts = SpliceInsert(event_id=1, program=False, components=(Component(7, 5), Component(8, None)))
    assert write(parts).hex() == "000000017f8f0207fe00000005087f00000000"
    planned = SpliceSchedule((ScheduledSplice(event_id=2, utc_time=9, duration=BreakDuration(1, auto_return=False)),))
    assert write(planned).hex() == "01000000027fff000000097e0000000100000000"
    assert type_of(PrivateCommand(1, b"")) == 0xFF


def test_a_private_command_has_an_owner() -> None:
    null = sample("null")
    octets = signed(null[:12] + b"\x02\xffAB" + null[14:-4])
    with pytest.raises(Problem, match="identifier"):
        parse(octets)
    octets = signed(null[:12] + b"\x06\xffABCDxy" + null[14:-4])
    assert parse(octets).command == PrivateCommand(0x41424344, b"xy")
    assert write_section(parse(octets)) == octets


def test_a_private_command_of_unknown_length_is_refused() -> None:
    null = sample("null")
    with pytest.raises(Problem, match="how long"):
        parse(signed(null[:11] + b"\xff\xff\xffABCD" + null[14:-4]))
