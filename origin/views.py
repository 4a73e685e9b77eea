"""What can be printed of an asset: every playlist and manifest, by name. Pure; nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from base import lifetimes
from base.names import Kind, Leaf, Name
from base.problems import Problem
from base.reports import TrackReport
from origin.asset import Asset
from packager import dash_images, dash_static, describe, drm, hls, iframes, protected_rates, sample_aes, thumbnails, ts
from packager.clip import Span
from packager.methods import Method
from packager.plan import TrackPlan
from packager.text import tracks
from packager.text.dash import adaptation_sets
from packager.text.hls import GROUP, media_lines
from packager.text.tracks import WEBVTT, WEBVTT_TS


def text(
    name: Name,
    asset: Asset,
    forms: Sequence[str] = ("wvtt",),
    sheets: thumbnails.Sheets | None = None,
    cut: Span | None = None,
) -> str:
    """The playlist or manifest that a name stands for. `forms`: of subtitles, in a manifest. `sheets`: the thumbnails
    to speak of. `cut`: the segments to speak of, in a manifest. Raises Problem unknown."""
    match name.leaf:
        case Leaf.MULTIVARIANT:
            # an I-frame playlist takes ranges of clear segments
            trick_play = [] if asset.protection else _trick_play(asset)
            listed = hls.multivariant(
                asset.asset,
                Kind.VOD,
                asset.plan.edition,
                asset.tracks,
                iframes=trick_play,
                texts=_group(asset, WEBVTT),
                session_keys=_session_keys(asset),
            )
            return listed + _images(asset, sheets)
        case Leaf.MULTIVARIANT_TS:
            return hls.multivariant(
                asset.asset,
                Kind.VOD,
                asset.plan.edition,
                _carried(asset),
                playlists=Leaf.MEDIA_PLAYLIST_TS,
                texts=_group(asset, WEBVTT_TS),
            )
        case Leaf.MANIFEST:
            trick = [] if asset.protection else _trick_play(asset)
            sets = [*adaptation_sets(asset.asset, asset.texts, forms, asset.plan.origin)]
            if sheets is not None:
                sets.append(dash_images.adaptation_set(sheets, asset.plan.edition))
            return dash_static.static_manifest(
                asset.asset,
                asset.plan,
                asset.tracks,
                asset.generations,
                asset.protection,
                sets,
                cut,
                trick,
                asset.marks,
            )
        case Leaf.MANIFEST_NUMBER:
            return dash_static.number_manifest(asset.asset, asset.plan, asset.tracks, asset.generations, asset.marks)
        case Leaf.MANIFEST_ON_DEMAND:
            return dash_static.on_demand_manifest(asset.asset, asset.plan, asset.tracks, asset.inits, asset.marks)
        case Leaf.MEDIA_PLAYLIST:
            track = _track(name, asset)
            return hls.media_playlist(asset.plan, track, asset.generations[name.track], _keys(asset, track))
        case Leaf.MEDIA_PLAYLIST_TS:
            stream_of(name, asset)
            track = _track(name, asset)
            return hls.media_playlist(asset.plan, track, "", _keys(asset, track))
        case Leaf.IFRAME_PLAYLIST:
            track = _track(name, asset)
            if track.track.format.kind != "video":
                raise unknown("only video has I-frames")
            return iframes.playlist(asset.plan, track, asset.generations[name.track])
        case _:
            raise unknown("an asset has no such object")


def _group(asset: Asset, form: str) -> hls.TextGroup | None:
    """The subtitles of all variants."""
    if not asset.texts:
        return None
    rates = [tracks.report(text) for text in asset.texts]
    return hls.TextGroup(
        name=GROUP,
        lines=media_lines(asset.asset, asset.texts, form),
        bandwidth=max(t.bandwidth for t in rates),
        average=max(t.average for t in rates),
    )


def _images(asset: Asset, sheets: thumbnails.Sheets | None) -> str:
    """The line of the multivariant playlist that names the image playlist, empty without thumbnails."""
    if sheets is None:
        return ""
    playlist = Name(
        kind=Kind.VOD, title=asset.asset, edition=asset.plan.edition, track=sheets.track, leaf=Leaf.IMAGE_PLAYLIST
    )
    return thumbnails.image_stream_inf(sheets, playlist.relative) + "\n"


def _session_keys(asset: Asset) -> list[str]:
    return drm.session_keys(asset.protection) if asset.protection else []


def _keys(asset: Asset, track: TrackPlan) -> dict[int, str]:
    return drm.key_tags(asset.protection, track.track.format.kind) if asset.protection else {}


def stream_of(name: Name, asset: Asset) -> ts.Stream:
    """How a track goes into MPEG-TS. Raises Problem unknown with the reason if it does not."""
    try:
        return _carrier(_track(name, asset), asset)
    except Problem as problem:
        raise unknown(problem.detail) from problem


def _carrier(track: TrackPlan, asset: Asset) -> ts.Stream:
    if asset.protection and asset.protection.method is Method.SAMPLE_AES:
        return sample_aes.stream_of(track, asset.media_of(track.track.name))
    return ts.stream_of(track)


def unknown(why: str) -> Problem:
    return Problem("unknown", why, cache_control=lifetimes.not_found(2))


def _track(name: Name, asset: Asset) -> TrackPlan:
    track = asset.plan.track(name.track)
    if track is None:
        raise unknown(f"the asset has no track {name.track}")
    return track


def _trick_play(asset: Asset) -> list[TrackReport]:
    plans = {planned.track.name: planned for planned in asset.plan.tracks}
    return [iframes.report(asset.plan, plans[t.track], t) for t in asset.tracks if t.kind == "video"]


def _carried(asset: Asset) -> list[TrackReport]:
    """The tracks that MPEG-TS can carry; without the picture there is no such presentation."""
    refused: list[Problem] = []
    carried = []
    for planned, report in zip(asset.plan.tracks, asset.tracks, strict=True):
        try:
            stream = _carrier(planned, asset)
        except Problem as problem:
            refused.append(problem)
            continue
        sizes = ts.sizes(stream, planned)  # with packet heads: more than fMP4 needs
        if asset.protection:
            sizes = protected_rates.of_transport(sizes, asset.protection.method)
        rates = describe.rates(sizes, planned.durations.tolist(), asset.plan.target_duration)
        carried.append(msgspec.structs.replace(report, bandwidth=rates[0], average=rates[1], supplemental=""))
    wants_picture = any(t.kind == "video" for t in asset.tracks)
    if not carried or (wants_picture and not any(t.kind == "video" for t in carried)):
        raise unknown(refused[0].detail)
    return carried
