from __future__ import annotations

import pytest

from ingest.ts.streams import Event, Pid, Splice, Splices, Tables, Timing, signed
from ingest.ts.tables import Stream
from tests.kit.ts_packets import pat, section

TURN = 1 << 33


class Nobody:
    def begins(self, payload: bytes) -> None: ...

    def more(self, payload: bytes) -> None: ...

    def lost(self) -> None: ...


@pytest.mark.rule("H.222.0 2.4.3.3", "the counter of a PID goes up by one with each payload; a packet may come twice")
def test_continuity() -> None:
    pid = Pid(Nobody())
    head = 0x47010010
    assert pid.follows(head | 3, 4) == (False, False)  # 3 4 5 6
    assert pid.follows(head | 7, 12) == (False, False)  # on to 2, with a wrap
    assert pid.follows(head | 2, 1) == (False, True)
    assert pid.follows(head | 2, 1) == (True, False), "twice, not three times"
    assert pid.follows(head | 4, 1) == (True, False)
    assert pid.follows(head | 4, 3) == (False, True)  # 4 again, then 5 6
    assert pid.follows(head | 7, 1) == (False, False)
    assert pid.follows(head | 0x400000 | 7, 1) == (True, False), "another header is no repetition"


def test_all_tracks_and_the_clock_share_one_time_line() -> None:
    timing = Timing()
    assert timing.now() is None
    timing.clock(TURN - 500)
    assert timing.now() is None
    assert timing.decoding(TURN - 100) == TURN - 100
    assert timing.now() == TURN - 500
    assert timing.decoding(50) == TURN + 50
    assert timing.decoding(TURN - 90) == TURN - 90, "another track is still before the wrap"
    timing.clock(20)
    assert timing.now() == TURN + 20


def test_differences_are_signed() -> None:
    assert (signed(5), signed(-5), signed(TURN - 5), signed(5 - TURN)) == (5, -5, -5, 5)


def test_a_table_is_heard_when_it_changes() -> None:
    heard: list[bytes] = []
    tables = Tables(heard.append)
    one, two = pat({1: 0x100}), pat({1: 0x101}, version=1)
    for table in (one, one, two, two, one):
        tables.begins(b"\0" + table)
    assert heard == [one, two, one]


def test_splice_sections_are_handed_on_whole_with_the_time_of_arrival() -> None:
    events: list[Event] = []
    timing = Timing()
    splices = Splices(Stream(pid=0x1F0, codec="scte-35"), timing, events.append)
    cue = section(0xFC, 1, bytes(300))
    splices.begins(b"\0" + cue[:183])
    timing.decoding(90000)
    splices.more(cue[183:].ljust(184, b"\xff"))
    splices.begins(b"\0" + cue[:183])
    splices.lost()
    splices.more(cue[183:].ljust(184, b"\xff"))
    assert events == [Splice(section=cue, pts=90000)]
