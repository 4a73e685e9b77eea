"""Reading manifests."""

import pytest

from node.probe import mpd
from tests.node.probe.manifests import DYNAMIC, NOW, STATIC, made

SIMPLE = (
    '<S t="40000" d="2000" r="9"/>',
    "",
    "<SegmentTimeline></SegmentTimeline>",
    "",
    'startNumber="20"',
    'startNumber="1" duration="2000"',
)


def test_a_timeline_is_read() -> None:
    one = made(STATIC).representations[0]
    slots = one.slots(0.0)
    assert [(s.number, s.time, s.duration) for s in slots] == [(0, 0, 2000), (1, 2000, 2000), (2, 4000, 2000)]
    assert one.url(one.template["media"], slots[2]) == "http://origin.example/vod/a/v1/2.m4s"
    assert one.url(one.template["initialization"]) == "http://origin.example/vod/a/v1/init.mp4"


def test_lines_are_those_of_the_text() -> None:
    assert [slot.line for slot in made(STATIC).representations[0].slots(0.0)] == [10, 10, 11]


@pytest.mark.parametrize(
    ("old", "new", "times"),
    [
        ('r="1"', 'r="-1"', [0, 2000, 4000, 6000]),  # the row behind adds one
        ('<S d="2000"/>', '<S t="5000" d="1000"/>', [0, 2000, 5000]),
        ('t="0" d="2000" r="1"', 't="500" d="0"', [500]),
    ],
)
def test_repeats(old: str, new: str, times: list[int]) -> None:
    """ISO/IEC 23009-1 5.3.9.6."""
    assert [slot.time for slot in made(STATIC, old, new).representations[0].slots(0.0)] == times


def test_an_open_repeat_ends_now() -> None:
    one = made(DYNAMIC, 'r="9"', 'r="-1"').representations[0]
    assert [slot.number for slot in one.slots(NOW)] == list(range(20, 30))


def test_numbers_of_the_timeline() -> None:
    slots = made(STATIC, '<S d="2000"/>', '<S n="7" d="2000"/>').representations[0].slots(0.0)
    assert [slot.number for slot in slots] == [0, 1, 7]


def test_simple_addressing_follows_the_clock() -> None:
    """DASH-IF timing 13.3: a segment is there when it has ended, and until it has left the buffer."""
    one = made(DYNAMIC, *SIMPLE).representations[0]
    slots = one.slots(NOW)
    assert (slots[0].number, slots[-1].number) == (21, 30) and slots[0].time == 40000


def test_simple_addressing_on_demand_ends_with_the_period() -> None:
    one = made(
        STATIC,
        "<SegmentTimeline>",
        "<X>",
        "</SegmentTimeline>",
        "</X>",
        'timescale="1000"',
        'duration="4000" timescale="1000"',
    )
    assert [slot.time for slot in one.representations[0].slots(0.0)] == [0, 4000]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT2S", 2.0),
        ("PT1H1M1.5S", 3661.5),
        ("P1DT1S", 86401.0),
        ("P", None),
        ("PT", None),
        ("2", None),
        ("P1DT", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert mpd.duration(text) == seconds


def test_widths_and_dollars_in_templates() -> None:
    """ISO/IEC 23009-1 5.3.9.4.4."""
    one = made(STATIC).representations[0]
    assert one.url("a$$b/$Number%05d$-$Bandwidth$.m4s", mpd.Slot(7, 0, 1, 0)).endswith("/a$b/00007-1000.m4s")


def test_base_urls_add_up() -> None:
    found = made(STATIC, '<Period id="0"', '<BaseURL>http://cdn.example/x/</BaseURL><Period id="0"')
    assert found.representations[0].url("1.m4s") == "http://cdn.example/x/1.m4s"


def test_periods_end_where_the_next_begins() -> None:
    second = '<Period id="1" start="PT4S"><AdaptationSet/></Period></MPD>'
    found = made(STATIC, "</MPD>", second)
    assert [(p.start, p.duration) for p in found.periods] == [(0.0, 4.0), (4.0, 2.0)]


@pytest.mark.parametrize("body", [b"", b"<MPD>", b"no", b"<!DOCTYPE a><a/>", b"<a>" * 100])
def test_what_is_no_manifest_says_why(body: bytes) -> None:
    with pytest.raises(mpd.Malformed, match=r"\w"):
        mpd.parse(body)
