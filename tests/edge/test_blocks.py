from __future__ import annotations

import pytest

from edge import blocks
from edge.blocks import SIZE, Span
from edge.store import Stored


@pytest.mark.rule("RFC 9110 14.1.2", "the block in which a range begins; the last bytes need the length first")
def test_where_a_range_begins() -> None:
    assert [blocks.first_of(f"bytes={text}") for text in ("0-", "5-9", f"{SIZE}-", f"{3 * SIZE - 1}-", "-7")] == [
        *(0, 0, 1, 2, 0)
    ]
    assert [blocks.first_of(text) for text in ("bytes=0-1,4-5", "bytes=-", "lines=0-", "bytes=x-", "")] == [None] * 5


@pytest.mark.rule("RFC 9110 14.4", "what comes is put beside other parts only if it is what was asked for")
@pytest.mark.parametrize(
    ("status", "field", "index", "expected"),
    [
        (206, f"bytes 0-{SIZE - 1}/{SIZE * 9}", 0, Span(start=0, stop=SIZE, total=SIZE * 9)),
        (206, f"bytes {SIZE}-{SIZE + 4}/{SIZE + 5}", 1, Span(start=SIZE, stop=SIZE + 5, total=SIZE + 5)),
        (206, "bytes 0-4/5", 0, Span(start=0, stop=5, total=5)),
        (200, "bytes 0-4/5", 0, None),
        (206, "bytes 0-4/*", 0, None),
        (206, "bytes 0-4/9", 0, None),
        (206, "bytes 1-4/5", 0, None),
        (206, "bytes 4-0/5", 0, None),
        (206, "bytes 0-9/5", 0, None),
        (206, "lines 0-4/5", 0, None),
        (206, "", 0, None),
    ],
)
def test_spans(status: int, field: str, index: int, expected: Span | None) -> None:
    assert blocks.span(status, field, index) == expected


@pytest.mark.rule("RFC 9111 3.4", "parts are put together under one strong validator only")
def test_generations_are_apart() -> None:
    partial = Stored(key=blocks.partial_key("h/a"), status=206, fields=(), body=b"", etag='"1"', born=0.0, fresh_s=1.0)
    other = Stored(key=blocks.partial_key("h/a"), status=206, fields=(), body=b"", etag='"2"', born=0.0, fresh_s=1.0)
    assert blocks.block_key(partial, 0) != blocks.block_key(other, 0) != blocks.block_key(other, 1)
    assert blocks.is_strong('"a"') and not blocks.is_strong('W/"a"') and not blocks.is_strong("")
    whole = blocks.whole_of(partial, b"all")
    assert (whole.key, whole.status, whole.body) == ("h/a", 200, b"all")
    assert blocks.asked(1) == f"bytes={SIZE}-{2 * SIZE - 1}"
