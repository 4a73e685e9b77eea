"""Rows of elements, and any range of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from packager.layout import cut, edges, trimmed

LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=20)


@given(LENGTHS, st.data())
def test_a_range_is_cut_into_its_elements(lengths: list[int], data: st.DataObject) -> None:
    """Elements without octets take part in nothing."""
    at = edges(lengths)
    start = data.draw(st.integers(0, int(at[-1])))
    stop = data.draw(st.integers(start, int(at[-1])))
    whole = [(element, octet) for element, length in enumerate(lengths) for octet in range(length)]
    found = [(element, octet) for element, first, last in cut(at, start, stop) for octet in range(first, last)]
    assert found == whole[start:stop]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 9)), max_size=9), st.integers(0, 90), st.integers(0, 90))
def test_ranges_of_a_file_are_trimmed(ranges: list[tuple[int, int]], start: int, stop: int) -> None:
    octets = [offset + n for offset, size in ranges for n in range(size)]
    found = [offset + n for offset, size in trimmed(ranges, start, stop) for n in range(size)]
    assert found == octets[start:stop]


def test_edges_are_where_elements_begin_and_the_end() -> None:
    assert edges(np.array([3, 0, 1 << 40])).tolist() == [0, 3, 3, 3 + (1 << 40)]
