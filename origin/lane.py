"""The origin's express lane (node.express): clear segments on demand that are in memory, and printed playlists.

What the full path has answered once for a track, the lane may answer from then on: the table maps the path of a track
to what all its segments share. The head of a segment is made anew for each request, it costs less than to keep it. A
segment with a page that has to be read from disk is left to the full path, which reads it in a thread. Playlists and
manifests without a query are answered as they were printed for the full path.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from email.utils import formatdate

from base import lifetimes
from base.content_types import CONTENT_TYPE
from base.names import Leaf, Name
from node.clock import Clock
from node.express import VERSION, PlainHeads
from node.metrics import Metrics
from origin.asset import Asset
from origin.assets import Assets
from origin.pages import Pages
from origin.printed import Shelf
from packager.segment import segment

_MOST_TRACKS = 1024
# Up to this a segment is joined: a copy of some kilobytes costs less than a vector of two hundred.
_JOINED = 128 << 10
_VECTOR = 1000  # ranges a write; IOV_MAX is 1024
_EXTENSION = b".m4s"
_DIGITS = 9


class _Track:
    """What all segments of a track share."""

    __slots__ = ("asset", "count", "first", "head", "media", "pages", "plan")

    def __init__(self, name: Name, asset: Asset) -> None:
        plan = asset.plan.track(name.track)
        assert plan is not None
        self.asset, self.plan = asset, plan
        self.media = asset.media_of(name.track)
        self.pages = Pages(self.media)
        self.count = len(plan.first) - 1
        self.head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE[Leaf.SEGMENT]}\r\nCache-Control: {lifetimes.IMMUTABLE}\r\n"
            f'Server: Headwater\r\nETag: "{name.edition}-{name.track}-'
        ).encode()


class Lane:
    """The table of tracks, least recently asked for first."""

    def __init__(self, assets: Assets, shelf: Shelf, clock: Clock, metrics: Metrics) -> None:
        self._assets = assets
        self._shelf = shelf
        self._clock = clock
        self._tracks: OrderedDict[bytes, _Track] = OrderedDict()
        self._plain = PlainHeads()
        self._requests = metrics.counter("http_requests", role="origin", method="GET", status="200")
        self._octets = metrics.counter("origin_bytes", leaf=Leaf.SEGMENT.value)
        self._texts = metrics.counter("origin_bytes", leaf="printed")
        self._express = metrics.counter("origin_express")
        self._date_s, self._date = -1, b""

    def learn(self, name: Name, asset: Asset) -> Pages:
        """The full path answers with a clear segment of this track; the pages of its file."""
        prefix = name.path.rpartition("/")[0].encode()
        known = self._tracks.get(prefix)
        if known is None or known.asset is not asset:
            known = self._tracks[prefix] = _Track(name, asset)
            if len(self._tracks) > _MOST_TRACKS:
                self._tracks.popitem(last=False)
        return known.pages

    def answer(self, data: bytes, transport: asyncio.WriteTransport) -> bool:
        """Write the answer if `data` is one plain GET of what is at hand."""
        end = data.find(VERSION)
        if end < 0 or not data.startswith(b"GET /"):
            return False
        target = data[4:end]
        plain = data[end + len(VERSION) :] in self._plain
        return plain and (self._segment(target, transport) or self._text(target, transport))

    def _segment(self, target: bytes, transport: asyncio.WriteTransport) -> bool:
        prefix, _, file = target.rpartition(b"/")
        track = self._tracks.get(prefix)
        if track is None:
            return False
        number = _number(file)
        if not 0 <= number < track.count or track.plan.first[number] == track.plan.first[number + 1]:
            return False
        if self._assets.at_hand(track.asset.asset) is not track.asset:
            del self._tracks[prefix]
            return False
        body = segment(track.plan, number)
        if len(body.ranges) > _VECTOR or not track.pages.resident(body.ranges):
            return False
        self._tracks.move_to_end(prefix)
        media = track.media
        vector: list[bytes | memoryview] = [
            b'%b%b"\r\nContent-Length: %d\r\nDate: %b\r\n\r\n' % (track.head, file, body.length, self._now()),
            body.head,
            *[media[at : at + size] for at, size in body.ranges],
        ]
        if body.length <= _JOINED:
            transport.write(b"".join(vector))
        else:
            transport.writelines(vector)
        self._requests.inc()
        self._express.inc()
        self._octets.inc(body.length)
        return True

    def _text(self, target: bytes, transport: asyncio.WriteTransport) -> bool:
        key = target.decode("latin-1")
        kept = self._shelf.holds(key)
        if kept is None or self._shelf.find(key, self._assets.at_hand(kept.asset.asset)) is None:
            return False
        fields = "".join([f"{name}: {value}\r\n" for name, value in kept.fields.items()])
        head = f"HTTP/1.1 200 OK\r\n{fields}Server: Headwater\r\nContent-Length: {len(kept.body)}\r\nDate: "
        transport.write(b"%b%b\r\n\r\n%b" % (head.encode(), self._now(), kept.body))
        self._requests.inc()
        self._express.inc()
        self._texts.inc(len(kept.body))
        return True

    def _now(self) -> bytes:
        """The Date field's value (RFC 9110 6.6.1), made once a second."""
        seconds = self._clock.now_ms() // 1000
        if seconds != self._date_s:
            self._date_s, self._date = seconds, formatdate(seconds, usegmt=True).encode()
        return self._date


def _number(file: bytes) -> int:
    """The segment number as base.names spells it, -1 if it is none."""
    digits = file[: -len(_EXTENSION)]
    if not file.endswith(_EXTENSION) or not digits.isdigit() or len(digits) > _DIGITS:
        return -1
    return -1 if digits[:1] == b"0" and digits != b"0" else int(digits)
