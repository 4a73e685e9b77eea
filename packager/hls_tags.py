"""HLS tags, each spelt once, with its section of RFC 8216bis (draft-pantos-hls-rfc8216bis-22), and attribute lists."""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    M3U = "#EXTM3U"  # 4.4.1.1
    VERSION = "#EXT-X-VERSION"  # 4.4.1.2
    INDEPENDENT_SEGMENTS = "#EXT-X-INDEPENDENT-SEGMENTS"  # 4.4.2.1
    START = "#EXT-X-START"  # 4.4.2.2
    TARGETDURATION = "#EXT-X-TARGETDURATION"  # 4.4.3.1
    MEDIA_SEQUENCE = "#EXT-X-MEDIA-SEQUENCE"  # 4.4.3.2
    DISCONTINUITY_SEQUENCE = "#EXT-X-DISCONTINUITY-SEQUENCE"  # 4.4.3.3
    ENDLIST = "#EXT-X-ENDLIST"  # 4.4.3.4
    PLAYLIST_TYPE = "#EXT-X-PLAYLIST-TYPE"  # 4.4.3.5
    I_FRAMES_ONLY = "#EXT-X-I-FRAMES-ONLY"  # 4.4.3.6
    PART_INF = "#EXT-X-PART-INF"  # 4.4.3.7
    SERVER_CONTROL = "#EXT-X-SERVER-CONTROL"  # 4.4.3.8
    INF = "#EXTINF"  # 4.4.4.1
    BYTERANGE = "#EXT-X-BYTERANGE"  # 4.4.4.2
    DISCONTINUITY = "#EXT-X-DISCONTINUITY"  # 4.4.4.3
    KEY = "#EXT-X-KEY"  # 4.4.4.4
    MAP = "#EXT-X-MAP"  # 4.4.4.5
    PROGRAM_DATE_TIME = "#EXT-X-PROGRAM-DATE-TIME"  # 4.4.4.6
    GAP = "#EXT-X-GAP"  # 4.4.4.7
    PART = "#EXT-X-PART"  # 4.4.4.9
    DATERANGE = "#EXT-X-DATERANGE"  # 4.4.5.1
    SKIP = "#EXT-X-SKIP"  # 4.4.5.2
    PRELOAD_HINT = "#EXT-X-PRELOAD-HINT"  # 4.4.5.3
    RENDITION_REPORT = "#EXT-X-RENDITION-REPORT"  # 4.4.5.4
    MEDIA = "#EXT-X-MEDIA"  # 4.4.6.1
    STREAM_INF = "#EXT-X-STREAM-INF"  # 4.4.6.2
    I_FRAME_STREAM_INF = "#EXT-X-I-FRAME-STREAM-INF"  # 4.4.6.3
    # of the image media playlist 0.4, which is no part of the RFC
    IMAGE_STREAM_INF = "#EXT-X-IMAGE-STREAM-INF"
    IMAGES_ONLY = "#EXT-X-IMAGES-ONLY"
    TILES = "#EXT-X-TILES"


def quoted(text: str) -> str:
    """A quoted-string: never a line break or a quotation mark (4.2)."""
    return '"' + "".join(c for c in text if c not in '"\r\n' and c >= " ") + '"'


def attributes(tag: Tag, **pairs: str | int | None) -> str:
    """`#TAG:NAME=value,...` (4.2). Keyword PART_TARGET spells PART-TARGET; None is left out."""
    listed = ",".join(f"{name.replace('_', '-')}={value}" for name, value in pairs.items() if value is not None)
    return f"{tag}:{listed}"


def seconds(value: float) -> str:
    """A decimal-floating-point with µs and without needless zeros (4.2)."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
