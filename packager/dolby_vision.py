"""Dolby Vision beside a base layer that any player of its codec shows: what playlists, manifests and brands say of it.

Dolby Vision Streams Within the ISO Base Media File Format: the record in `dvcC` or `dvvC` (3.1, 3.2), the codec string
(4.4) and the brands by which a base layer is compatible with HDR10, SDR or HLG. What has no such base layer (profile 5)
or a second layer (profile 7) is not told of here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from base.media import Format
from packager.boxes import walk
from packager.colour import cicp

FILE_BRAND = b"dby1"
_VISUAL_ENTRY = 86  # octets of it before its boxes
_NAMES = {"hvc1": "dvh1", "hev1": "dvhe", "avc1": "dva1", "avc3": "dvav", "av01": "dav1"}
_PROFILES = {8: ("hvc1", "hev1"), 9: ("avc1", "avc3"), 10: ("av01",)}
_HDR10, _SDR, _HLG = 1, 2, 4  # dv_bl_signal_compatibility_id
_RANGES = {_HDR10: "PQ", _SDR: "SDR", _HLG: "HLG"}
_RECORD = struct.Struct(">BBHB")  # its first octets
_BT2020_TRANSFER = 14  # ITU-T H.273: HLG that says so in a message of the stream


@dataclass(frozen=True, slots=True, kw_only=True)
class DolbyVision:
    """`codec`: as RFC 6381 strings go. `brand`: of the base layer. `video_range`: as it is shown to those without."""

    codec: str
    brand: str
    video_range: str


def of(fmt: Format) -> DolbyVision | None:
    """None where the track is no Dolby Vision, or none beside a base layer, or its record cannot be read."""
    if fmt.kind != "video":
        return None
    found = cicp(fmt)
    return _of_entry(bytes(fmt.entry), found[1] if found else 0)


@lru_cache(64)
def _of_entry(entry: bytes, transfer: int) -> DolbyVision | None:
    data = memoryview(entry)
    base = entry[4:8].decode("latin-1")
    records = [b for b in walk(data, min(_VISUAL_ENTRY, len(data)), len(data)) if b.type in ("dvcC", "dvvC")]
    if not records or records[0].end - records[0].body < _RECORD.size:
        return None
    # behind the version: profile 7 bits, level 6, flags of metadata, of a second layer and of a base; compatibility 4
    major, _, fields, compatibility = _RECORD.unpack_from(data, records[0].body)
    profile, level, enhanced, based = fields >> 9, fields >> 3 & 0x3F, fields & 2, fields & 1
    compatibility >>= 4
    if major != 1 or enhanced or not based or compatibility not in _RANGES or base not in _PROFILES.get(profile, ()):
        return None
    brand = {_HDR10: "db1p", _SDR: "db2g", _HLG: "db4g" if transfer == _BT2020_TRANSFER else "db4h"}[compatibility]
    return DolbyVision(
        codec=f"{_NAMES[base]}.{profile:02d}.{level:02d}", brand=brand, video_range=_RANGES[compatibility]
    )
