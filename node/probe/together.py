"""Rules that hold between the media playlists of one presentation (RFC 8216bis 6.2.4, 4.4.5.4, B.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urljoin, urlsplit

from node.probe.playlist import Media, Tag
from node.probe.rules import Finding

TIME_SLACK_S = 0.1  # dates have milliseconds, and audio frames do not begin with pictures


def check(found: Sequence[Media], subtitles: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """All media playlists of a presentation. `subtitles`: URLs whose target duration may differ on demand."""
    if len(found) < 2:
        return
    first = found[0]
    live = not all(media.ended for media in found)
    for media in found[1:]:
        free = not live and (media.iframes or media.url in subtitles)
        if media.target != first.target and not free:
            yield Finding("together-target", media.url, 0, f"{media.target:g} s", f"{first.target:g} s as {first.url}")
        if media.kind != first.kind:
            yield Finding("together-type", media.url, 0, media.kind or "none", first.kind or "none")
        if _control(media) != _control(first):
            said = media.control.value if media.control else "none"
            yield Finding("together-control", media.url, media.control.line if media.control else 0, said, "as others")
        if _dated(media) != _dated(first) and media.listed and first.listed:
            yield Finding("together-date", media.url, 0, "dates" if _dated(media) else "no dates", "as the others")
        yield from _moments(first, media)
    if live and any(media.low_latency for media in found):
        for media in found:
            yield from _reports(media, found)


def _control(media: Media) -> dict[str, str]:
    return dict(media.control.pairs) if media.control else {}


def _dated(media: Media) -> bool:
    return any(segment.dated for segment in media.listed)


def _moments(one: Media, other: Media) -> Iterator[Finding]:
    """Segments of the same date have the same discontinuity sequence number, where both have dates."""
    dates = [(s.date, s.discontinuity_number) for s in one.segments if s.date is not None]
    at = 0
    for segment in other.segments:
        if segment.date is None:
            continue
        while at + 1 < len(dates) and abs(dates[at + 1][0] - segment.date) <= abs(dates[at][0] - segment.date):
            at += 1
        if dates and abs(dates[at][0] - segment.date) < TIME_SLACK_S and dates[at][1] != segment.discontinuity_number:
            said = f"{segment.discontinuity_number} for segment {segment.number}"
            yield Finding("together-discontinuity", other.url, segment.line, said, f"{dates[at][1]} as {one.url}")
            return


def _reports(media: Media, found: Sequence[Media]) -> Iterator[Finding]:
    told = {_bare(urljoin(media.url, tag.get("URI"))) for tag in media.document.all("EXT-X-RENDITION-REPORT")}
    for other in found:
        if other is not media and not other.iframes and not media.iframes and _bare(other.url) not in told:
            yield Finding("report-missing", media.url, 0, f"no report on {other.url}")


def _bare(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def reports(media: Media, later: Mapping[str, Media]) -> Iterator[Finding]:
    """`later`: by URL, the other playlists as they were read after `media` came."""
    others = {_bare(url): other for url, other in later.items()}
    for tag in media.document.all("EXT-X-RENDITION-REPORT"):
        other = others.get(_bare(urljoin(media.url, tag.get("URI"))))
        if other is None:
            continue
        number, part = _told(tag, media)
        if not other.has(number, part):
            said = f"LAST-MSN={number},LAST-PART={part}"
            yield Finding("report-ahead", media.url, tag.line, said, f"{other.last} as {other.url}")


def _told(tag: Tag, media: Media) -> tuple[int, int]:
    """4.4.5.4: an attribute that equals ours may be left out."""
    number, part = media.last
    given = dict(tag.pairs)
    return (
        int(given["LAST-MSN"]) if given.get("LAST-MSN", "").isdecimal() else number,
        int(given["LAST-PART"]) if given.get("LAST-PART", "").isdecimal() else part,
    )


def times(offsets: Mapping[str, Sequence[tuple[int, float]]]) -> Iterator[Finding]:
    """`offsets`: by URL, (discontinuity number, date - media time in seconds) of segments that were read.

    Equal for all renditions in one run: only then do pictures and sound that belong together have one time.
    """
    first: dict[int, tuple[float, str]] = {}
    for url, rows in offsets.items():
        for run, offset in rows:
            known, where = first.setdefault(run, (offset, url))
            if where != url and abs(offset - known) > TIME_SLACK_S:
                yield Finding("together-time", url, 0, f"{offset - known:+.3f} s", f"0 beside {where}")
                break
