"""Playlists and manifests of what a query chooses: a clip of an asset, some of its tracks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from base.names import Leaf, Name
from base.reports import TrackReport
from base.select import Selection
from origin import views
from origin.assets import Asset
from packager import clip, thumbnails
from packager.clip import Span


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
    if not chosen:
        return views.text(name, asset, forms, sheets)
    cut = clip.span(asset.plan, chosen.start_ms, chosen.end_ms) if chosen.clips else None
    shown = None if cut else sheets
    match name.leaf:
        case Leaf.MANIFEST | Leaf.MANIFEST_NUMBER | Leaf.MANIFEST_ON_DEMAND:
            return views.text(name, narrowed(asset, chosen, cut), forms, shown, cut)
        case Leaf.MULTIVARIANT | Leaf.MULTIVARIANT_TS:
            printed = views.text(name, narrowed(asset, chosen, cut), forms, shown)
            return clip.multivariant(printed, chosen.query, cut)
        case _:
            printed = views.text(name, asset, forms, sheets)
            return clip.media_playlist(printed, cut) if cut else printed


def text_playlist(printed: bytes, asset: Asset, chosen: Selection) -> str:
    """The media playlist of a text track, cut as the media is."""
    cut = clip.span(asset.plan, chosen.start_ms, chosen.end_ms)
    return clip.media_playlist(printed.decode(), cut)


def narrowed(asset: Asset, chosen: Selection, cut: Span | None) -> Asset:
    """The asset with the tracks that are chosen and have something in the clip. Raises Problem unknown without any."""

    def kept(report: TrackReport) -> bool:
        track = asset.plan.track(report.track)
        assert track is not None
        there = cut is None or int(track.first[cut.last + 1]) > int(track.first[cut.first])
        return there and chosen.keeps(
            report.kind, name=report.track, codec=report.codec, language=report.language, height=report.height
        )

    names = {report.track for report in asset.tracks if kept(report)}
    if not names:
        listed = ", ".join(_said(report) for report in asset.tracks)
        raise views.unknown(f"no track is left to play: the asset has {listed}")
    return replace(
        asset,
        plan=replace(asset.plan, tracks=tuple(t for t in asset.plan.tracks if t.track.name in names)),
        tracks=tuple(report for report in asset.tracks if report.track in names),
        texts=tuple(t for t in asset.texts if chosen.keeps("text", name=t.name, language=t.text.language)),
    )


def _said(report: TrackReport) -> str:
    what = f"{report.height} lines" if report.kind == "video" else report.language
    return f"{report.track} ({report.kind}, {what}, {report.codec})"
