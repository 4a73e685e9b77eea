"""Dates as HTTP spells them (RFC 9110 5.6.7), read. Times in seconds since 1970; `now_ms` in ms."""

from __future__ import annotations

import calendar
import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IMF = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun), (\d\d) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) gmt")
_RFC850 = re.compile(r"[a-z]+day, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) gmt")
_ASCTIME = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})")


def http_date(text: str, now_ms: int) -> int | None:
    """Seconds since 1970 of any of the three spellings, or None. Zones other than GMT are invalid."""
    low = text.strip().lower()
    if found := _IMF.fullmatch(low):
        day, month, year, *clock = found.groups()
    elif found := _RFC850.fullmatch(low):
        day, month, year, *clock = found.groups()
        this_year = 1970 + int(now_ms / 31_556_952_000)
        full = this_year - this_year % 100 + int(year)
        year = str(full - 100 if full > this_year + 50 else full)
    elif found := _ASCTIME.fullmatch(low):
        month, day, *clock, year = found.groups()
    else:
        return None
    hour, minute, second = (int(part) for part in clock)
    if month not in _MONTHS or year == "0000" or not 1 <= int(day) <= 31 or hour > 23 or minute > 59 or second > 60:
        return None
    return calendar.timegm((int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second))
