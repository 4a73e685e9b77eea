"""Assets under protection: the view of an asset for each method, and its segments, ciphered on the way out."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace

from origin.asset import Asset
from origin.keys import KeySource
from packager import aes128, protected_rates, sample_aes, ts
from packager.crypto_periods import Policy, periods
from packager.index import FileKey
from packager.init import generation
from packager.methods import Method
from packager.protect import Ciphered, Protection, protected_init, protected_segment
from packager.slices import Ranges

# Views are small. Ranges are 24 octets a slice: 8192 segments of 100 pictures are 20 MB.
_MOST_VIEWS, _MOST_RANGES = 1024, 8192


class Protector:
    """Blocking, so called from threads, several at once."""

    def __init__(
        self, source: KeySource, policy: Policy | None = None, *, clearkey: bool = False, licence_url: str = ""
    ) -> None:
        """`clearkey` and `licence_url`: what manifests say (packager.protect.Protection)."""
        self._source = source
        self._policy = policy or Policy()
        self._clearkey = clearkey
        self._licence_url = licence_url
        self._lock = threading.Lock()  # of both tables, never held during work
        self._views: OrderedDict[tuple[str, Method], tuple[Asset, Asset]] = OrderedDict()
        self._ranges: OrderedDict[tuple[FileKey, str, int, int], Ranges] = OrderedDict()

    def view(self, asset: Asset, method: Method) -> Asset:
        """The asset as it is under a method. Raises Problem unplayable where a codec cannot be protected."""
        with self._lock:
            known = self._views.get((asset.asset, method))
            if known is not None and known[0] is asset:
                self._views.move_to_end((asset.asset, method))
                return known[1]
        found = periods(asset.plan, self._policy)
        protection = Protection(
            method=method,
            keys=self._source.keys(asset.asset, asset.index.key, method, found.count),
            periods=found,
            clearkey=self._clearkey,
            licence_url=self._licence_url,
        )
        inits = asset.inits  # of segments that are ciphered as wholes: they stay clear
        if method.scheme is not None:
            inits = {t.track.name: protected_init(t.track.format, protection) for t in asset.plan.tracks}
        # What a segment's name means depends on the keys, so they are part of its edition.
        edition = "p" + hashlib.sha256(asset.plan.edition.encode() + protection.digest).hexdigest()[:15]
        made = replace(
            asset,
            plan=replace(asset.plan, edition=edition),
            tracks=tuple(
                protected_rates.report(plain, planned, method, asset.plan.target_duration)
                for plain, planned in zip(asset.tracks, asset.plan.tracks, strict=True)
            ),
            inits=inits,
            generations={name: generation(init) for name, init in inits.items()},
            protection=protection,
        )
        with self._lock:
            self._views[asset.asset, method] = asset, made
            while len(self._views) > _MOST_VIEWS:
                self._views.popitem(last=False)
        return made

    def segment(self, view: Asset, track: str, number: int) -> Ciphered:
        """Raises Problem unplayable if the media is damaged."""
        planned, protection = view.plan.track(track), view.protection
        assert planned is not None and protection is not None
        key = protection.key(planned.track.format.kind, number)
        if protection.method is Method.AES_128:
            return aes128.segment(planned, number, view.media_of(track), key)
        ordinal = [t.name for t in view.index.tracks].index(track) + 1
        place = (view.index.key, track, int(planned.first[number]), int(planned.first[number + 1]))
        with self._lock:
            found = self._ranges.get(place)
        made = protected_segment(planned, number, ordinal, view.media_of(track), protection, found)
        if found is None and made.ranges is not None:
            with self._lock:
                self._ranges[place] = made.ranges
                while len(self._ranges) > _MOST_RANGES:
                    self._ranges.popitem(last=False)
        return made

    def ts_segment(self, view: Asset, stream: ts.Stream, track: str, number: int) -> bytearray | memoryview:
        """Segment `number` of a track as MPEG-TS. Raises Problem unplayable if the media is damaged."""
        planned, protection = view.plan.track(track), view.protection
        assert planned is not None and protection is not None
        key = protection.key(planned.track.format.kind, number)
        if protection.method is Method.SAMPLE_AES:
            return sample_aes.segment(stream, planned, number, view.media_of(track), key)
        body = ts.segment(stream, planned, number, view.media_of(track))
        if key is None:
            return body
        return aes128.encrypted([body], len(body), key, number)

    def forget(self, asset: str) -> None:
        """The asset was removed: so are its keys."""
        self._source.forget(asset)
        with self._lock:
            for method in Method:
                self._views.pop((asset, method), None)
