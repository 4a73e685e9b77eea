"""Which pictures there are, by the settings: what playlists and manifests say of them before any is decoded."""

from __future__ import annotations

from base import lifetimes, names
from base.media import Format
from base.names import Leaf, Name
from base.problems import Problem
from node.settings import Settings, grid, widths
from origin.asset import Asset
from packager import thumbnails
from packager.thumbnails import Sheets, Wish


class OfferedPictures:
    """`on` is false where the settings have it off: then there are none."""

    def __init__(self, settings: Settings) -> None:
        self.on = settings.flag("pictures.on")
        self.of_protected = settings.flag("pictures.protected")
        self._clear = settings.flag("origin.clear")
        self._widths = widths(settings.text("pictures.widths"))
        shape = grid(settings.text("pictures.tiles"))
        assert shape is not None and self._widths, "settings are checked when they are read"
        self._wish = Wish(
            interval_ms=1000 * settings.number("pictures.interval"),
            columns=shape[0],
            rows=shape[1],
            width=self._widths[0],
        )

    def check(self, name: Name) -> None:
        """Raises Problem unknown or forbidden if there are no pictures, or none of what is protected."""
        if not self.on:
            raise unknown("no pictures are made here (setting pictures.on)")
        if not self._shown(name):
            raise Problem("forbidden", "pictures are clear, the film is not: set pictures.protected to have them shown")

    def _shown(self, name: Name) -> bool:
        protected = bool(name.protection) or (name.kind is names.Kind.VOD and not self._clear)
        return self.of_protected or not protected

    def sheets(self, name: Name, asset: Asset) -> Sheets | None:
        """The thumbnails that the playlists and manifests of an asset speak of; None: they speak of none."""
        if not (self.on and self._shown(name)) or (
            name.protection and Leaf.TILES not in names.PROTECTED[name.protection]
        ):
            return None
        found = best(asset, self._wish.width)
        return thumbnails.of_asset(found[0], found[1], asset.plan.duration, self._wish) if found else None


def best(asset: Asset, width: int) -> tuple[str, Format] | None:
    """The track to take pictures of this width from, of those that viewers get."""
    shown = [(t.track.name, t.track.format) for t in asset.plan.tracks if t.track.name not in asset.filter.left_out]
    return thumbnails.best(shown, width)


def unknown(why: str) -> Problem:
    return Problem("unknown", why, cache_control=lifetimes.not_found(2))
