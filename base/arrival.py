"""The contract of an asset's arrival in several files: between control, ingest's remuxer and the origin.

    control -> origin   PUT /vod/{asset}/upload-{token}/{number}.mp4   an MP4 file as it was received   -> 201
    control -> remuxer  POST /remux?asset=&upload=&first=&filename=    any other file                   -> 200 Remuxed
    remuxer -> origin   PUT /vod/{asset}/upload-{token}/{number}.mp4   a track of it, from `first` on   -> 201
    control -> origin   PUT /vod/{asset}/upload-{token}/asset.json     Completion                       -> 201

    control -> origin   PUT /vod/{asset}/harvest.json                  Harvest                          -> 201

A file that cannot be played is refused with 422 when it is sent, and the whole upload is then dropped by control.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

REMUX_PATH = "/remux"
# Of one file that was given; a film with more tracks than that is none.
MOST_TRACKS_OF_A_FILE = 32


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the origin was sent. `name`: what people call the file that it is, or came from."""

    number: Annotated[int, Meta(ge=1, le=9999)]
    bytes: Annotated[int, Meta(ge=1)]
    name: Annotated[str, Meta(max_length=255)] = ""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What an asset is made of, in order, and by which policy it is cut; words as in a query, empty for the usual."""

    files: Annotated[tuple[Piece, ...], Meta(min_length=1, max_length=256)]
    target_ms: str = ""
    last: str = ""
    bootstrap: str = ""
    notes: tuple[str, ...] = ()


class Harvest(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a channel that becomes an asset: UTC in ms."""

    channel: Annotated[str, Meta(max_length=64)]
    start_ms: Annotated[int, Meta(ge=0)]
    end_ms: Annotated[int, Meta(ge=0)]


class Remuxed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file. `notes`: what of it was left out and why."""

    files: tuple[Piece, ...]
    notes: tuple[str, ...] = ()
