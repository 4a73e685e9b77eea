"""Playlists and manifests of what a query chooses: a clip of an asset, some of its tracks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from base.names import Leaf, Name
from base.reports import TrackReport
from base.select import Selection
from origin import track_filter, views
from origin.asset import Asset
from packager import clip, date_ranges, thumbnails
from packager.clip import Span
from packager.text.plan import TIMESCALE, TextPlan


def text(
    name: Name,
    asset: Asset,
    chosen: Selection,
    forms: Sequence[str] = ("wvtt",),
    sheets: thumbnails.Sheets | None = None,
) -> str:
    """As views.text, of what is chosen. Raises Problem malformed or unknown where that is nothing.

    A clip has no thumbnails: their sheets count from the beginning of the whole.
    """
    cut = clip.span(asset.plan, chosen.start_ms, chosen.end_ms) if chosen.clips else None
    shown = None if cut else sheets
    match name.leaf:
        case Leaf.MANIFEST | Leaf.MANIFEST_NUMBER | Leaf.MANIFEST_ON_DEMAND:
            return views.text(name, narrowed(asset, chosen, cut), forms, shown, cut)
        case Leaf.MULTIVARIANT | Leaf.MULTIVARIANT_TS:
            printed = views.text(name, narrowed(asset, chosen, cut), forms, shown)
            query = replace(chosen, marks=asset.marks.edition).query
            return clip.multivariant(printed, query, cut) if query else printed
        case _:
            printed = views.text(name, asset, forms, sheets)
            printed = clip.media_playlist(printed, cut) if cut else printed
            return _marked(printed, asset, cut, _begins(name, asset, cut)) if chosen.marks else printed


def text_playlist(printed: bytes, plan: TextPlan, asset: Asset, chosen: Selection) -> str:
    """The media playlist of a text track, cut as the media is, with the asset's marks if they are asked for."""
    cut = clip.span(asset.plan, chosen.start_ms, chosen.end_ms) if chosen.clips else None
    playlist = clip.media_playlist(printed.decode(), cut) if cut else printed.decode()
    if not chosen.marks:
        return playlist
    return _marked(playlist, asset, cut, Fraction(plan.cuts[cut.first if cut else 0], TIMESCALE) - asset.plan.origin)


def _marked(playlist: str, asset: Asset, cut: Span | None, begins: Fraction) -> str:
    """The same marks in all renditions: those of the span, wherever a track begins in it."""
    plan = asset.plan
    begin, end = (cut.begin - plan.origin, cut.end - plan.origin) if cut else (Fraction(0), plan.duration)
    return date_ranges.marked(playlist, asset.marks, begins, begin, end)


def _begins(name: Name, asset: Asset, cut: Span | None) -> Fraction:
    """The instant of the film at which a media playlist's first segment begins."""
    track = asset.plan.track(name.track)
    assert track is not None, "its playlist was printed"
    listed = cut.first if cut else 0
    if name.leaf is Leaf.IFRAME_PLAYLIST:  # it has no gaps
        listed = next(n for n in range(listed, asset.plan.count) if track.first[n + 1] > track.first[n])
    there = track.first[listed + 1] > track.first[listed]
    ticks = int((track.shown if there else track.start)[listed])
    return Fraction(ticks, track.track.format.timescale) - asset.plan.origin


def narrowed(asset: Asset, chosen: Selection, cut: Span | None) -> Asset:
    """The asset with the tracks that are chosen, of those that its filter leaves, and that have something in the clip.

    Raises Problem unknown without any.
    """
    left_out = asset.filter.left_out
    if not chosen and not left_out:
        return asset

    def kept(report: TrackReport) -> bool:
        track = asset.plan.track(report.track)
        assert track is not None
        there = cut is None or int(track.first[cut.last + 1]) > int(track.first[cut.first])
        return there and report.track not in left_out and track_filter.keeps(chosen, report)

    names = {report.track for report in asset.tracks if kept(report)}
    if not names:
        listed = track_filter.listed(report for report in asset.tracks if report.track not in left_out)
        raise views.unknown(f"no track is left to play: the asset has {listed or 'none that its operator shows'}")
    return replace(
        asset,
        plan=replace(asset.plan, tracks=tuple(t for t in asset.plan.tracks if t.track.name in names)),
        tracks=tuple(report for report in asset.tracks if report.track in names),
        texts=tuple(
            text
            for text, report in zip(asset.texts, asset.text_reports, strict=True)
            if report.track not in left_out and track_filter.keeps(chosen, report)
        ),
    )
