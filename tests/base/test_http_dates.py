"""Dates as HTTP spells them."""

from __future__ import annotations

import pytest

from base.http_dates import http_date

NOW = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),  # RFC 9110 5.6.7, its own examples
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("sun, 06 nov 1994 08:49:37 gmt", 784111777),  # 4.2: without case
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 36 Nov 1994 08:49:37 GMT", None),
        ("Sat, 01 Jan 0000 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(text: str, seconds: int | None) -> None:
    assert http_date(text, NOW) == seconds


def test_a_two_digit_year_lies_at_most_fifty_years_ahead() -> None:
    early, late = (http_date(f"Friday, 01-Jan-{year} 00:00:00 GMT", NOW) for year in ("73", "74"))
    assert early is not None and late is not None
    assert early > NOW / 1000 > late
