from dataclasses import replace

from base.desired import ChannelSpec
from control.desired import plan
from control.rows import Channel

ROW = Channel(
    channel="news",
    title="News",
    edition="e1",
    segment_ms=2000,
    part_ms=500,
    window_s=60,
    demo=False,
    enabled=True,
    created_ms=5,
    rev=7,
    key_hashes=("bb", "aa"),
)


def test_a_row_becomes_a_spec() -> None:
    found = plan(9, [ROW])
    assert found.seq == 9 and found.contract == 1
    assert found.channels == (
        ChannelSpec(
            channel="news",
            title="News",
            edition="e1",
            key_hashes=("aa", "bb"),
            segment_ms=2000,
            part_ms=500,
            window_s=60,
            demo=False,
        ),
    )


def test_equal_catalogs_give_equal_states_in_any_order() -> None:
    other = replace(ROW, channel="art")
    assert plan(1, [ROW, other]) == plan(1, [other, replace(ROW, key_hashes=("aa", "bb"))])


def test_a_disabled_channel_is_left_out() -> None:
    assert plan(1, [replace(ROW, enabled=False)]).channels == ()
