"""How tracks go into MPEG-TS, kept for those asked for lately: to count a whole track's packets takes long."""

from __future__ import annotations

import threading
from collections import OrderedDict

from base.names import Name
from origin import views
from origin.asset import Asset
from packager.ts import Stream

# 8 octets a segment each.
_MOST = 256


class Streams:
    """By path of a track. Blocking where it is not known yet, so called from threads, several at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # never held during work
        self._known: OrderedDict[str, tuple[Asset, Stream]] = OrderedDict()

    def of(self, name: Name, asset: Asset) -> Stream:
        """Raises Problem unknown with the reason if the track has no place in MPEG-TS."""
        key = name.path.rpartition("/")[0]
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] is asset:
                self._known.move_to_end(key)
                return known[1]
        made = views.stream_of(name, asset)
        with self._lock:
            self._known[key] = asset, made
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return made
