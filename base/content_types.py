"""The media type of each sort of object (RFC 8216bis 10, Apple HLS Authoring 10.4; DASH: RFC 6381 registrations)."""

from __future__ import annotations

from base.names import Leaf

CONTENT_TYPE = {
    Leaf.MULTIVARIANT: "application/vnd.apple.mpegurl",
    Leaf.MEDIA_PLAYLIST: "application/vnd.apple.mpegurl",
    Leaf.MANIFEST: "application/dash+xml",
    Leaf.INIT: "video/mp4",
    Leaf.SEGMENT: "video/iso.segment",
    Leaf.PART: "video/iso.segment",
    Leaf.MULTIVARIANT_TS: "application/vnd.apple.mpegurl",
    Leaf.MEDIA_PLAYLIST_TS: "application/vnd.apple.mpegurl",
    Leaf.IFRAME_PLAYLIST: "application/vnd.apple.mpegurl",
    Leaf.TS_SEGMENT: "video/mp2t",
    Leaf.IFRAME_SEGMENT: "video/iso.segment",
    Leaf.MANIFEST_NUMBER: "application/dash+xml",
    Leaf.MANIFEST_ON_DEMAND: "application/dash+xml",
    Leaf.MANIFEST_LOW_LATENCY: "application/dash+xml",
    Leaf.TRACK_FILE: "video/mp4",
    Leaf.DOWNLOAD: "video/mp4",
    Leaf.KEY: "application/octet-stream",
    Leaf.THUMBNAILS: "text/vtt; charset=utf-8",
    Leaf.IMAGE_PLAYLIST: "application/vnd.apple.mpegurl",
    Leaf.POSTER: "image/jpeg",
    Leaf.PICTURE: "image/jpeg",  # or as its file ends: base.pictures.content_type
    Leaf.TILES: "image/jpeg",
    Leaf.WAVEFORM: "application/json",
    Leaf.TEXT_SEGMENT: "text/vtt; charset=utf-8",
    Leaf.SESSION: "application/json",
    Leaf.CUES: "application/json",
    Leaf.SIDECAR: "application/octet-stream",
    Leaf.CAPTIONS: "application/json",
    Leaf.MARKS: "application/json",
    Leaf.TRACK_FILTER: "application/json",
    Leaf.HARVEST: "application/json",
    Leaf.STATUS: "application/json",
    Leaf.MEZZANINE: "video/mp4",
    Leaf.UPLOAD_FILE: "video/mp4",
    Leaf.UPLOAD: "application/json",
}
