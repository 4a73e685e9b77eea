"""URIs as playlists and manifests spell them: relative to a track, or to a title. `base.names` spells whole paths."""

from __future__ import annotations


def init_file(generation: str) -> str:
    return f"init-{generation}.mp4"


def segment_file(number: int) -> str:
    return f"{number}.m4s"


def ts_file(number: int) -> str:
    return f"{number}.ts"


def text_file(number: int) -> str:
    return f"{number}.vtt"


def part_file(number: int, part: int) -> str:
    return f"{number}.{part}.m4s"


def key_uri(kid: bytes) -> str:
    """A content key's URI as a media playlist spells it."""
    return f"../../{kid.hex()}.key"


def media_template(edition: str, track: str) -> str:
    """Segment URIs for DASH (ISO/IEC 23009-1 5.3.9.4.4), relative to `/{kind}/{title}/`."""
    return f"{edition}/{track}/$Number$.m4s"


def iframe_template(edition: str, track: str) -> str:
    """The same of I-frame segments."""
    return f"{edition}/{track}/$Number$.i.m4s"
