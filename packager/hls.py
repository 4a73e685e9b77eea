"""HLS playlists of an asset, and the multivariant playlist of anything (RFC 8216bis 4.4.6, 6.2.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from base.names import Kind, Leaf, Name
from base.reports import TrackReport
from base.uris import init_file, segment_file, ts_file
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.plan import Plan, TrackPlan

# EXT-X-MAP in an ordinary media playlist asks for version 6, SAMPLE-AES for 5, float EXTINF for 3 (section 8).
_VERSION = 6
_TS_VERSION = 3
_SAMPLE_AES_VERSION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TextGroup:
    """The subtitles of all variants: a group's EXT-X-MEDIA lines, and the rates of the heaviest member."""

    name: str
    lines: Sequence[str]
    bandwidth: int = 0
    average: int = 0


def multivariant(
    title: str,
    kind: Kind,
    edition: str,
    tracks: Sequence[TrackReport],
    *,
    playlists: Leaf = Leaf.MEDIA_PLAYLIST,
    iframes: Sequence[TrackReport] = (),
    texts: TextGroup | None = None,
    session_keys: Sequence[str] = (),
) -> str:
    """The multivariant playlist: each video with each audio group, best bandwidth first; audio alone if no video.

    `playlists`: the sort of media playlist that it names. `iframes`: the video tracks as trick play has them, with the
    rates of their I-frames alone. `session_keys`: lines about keys (packager.drm).
    """

    def uri(track: str, leaf: Leaf = playlists) -> str:
        return Name(kind=kind, title=title, edition=edition, track=track, leaf=leaf).relative

    lines = [Tag.M3U, f"{Tag.VERSION}:{_VERSION}", Tag.INDEPENDENT_SEGMENTS, *session_keys]
    videos = sorted((t for t in tracks if t.kind == "video"), key=lambda t: -t.bandwidth)
    audios = [t for t in tracks if t.kind == "audio"]
    groups: dict[str, list[TrackReport]] = {}
    for audio in audios:
        groups.setdefault(audio.codec.partition(".")[0].lower(), []).append(audio)
    if not videos and len(audios) == 1:
        groups = {}
    for group, members in groups.items():
        lines += _media_lines(group, members, uri)
    lines += texts.lines if texts else ()
    for variant in videos or audios[:1]:
        for group, members in groups.items() or [("", [])]:
            shown = variant if videos or not members else members[0]  # audio alone: a variant of its own group
            lines += _stream_inf(shown, group, members, texts)
            lines.append(uri(shown.track))
    for track in iframes:
        lines.append(
            attributes(
                Tag.I_FRAME_STREAM_INF,
                BANDWIDTH=track.bandwidth,
                AVERAGE_BANDWIDTH=track.average or None,
                CODECS=quoted(track.codec),
                SUPPLEMENTAL_CODECS=quoted(track.supplemental) if track.supplemental else None,
                RESOLUTION=f"{track.width}x{track.height}",
                VIDEO_RANGE=track.video_range,
                URI=quoted(uri(track.track, Leaf.IFRAME_PLAYLIST)),
            )
        )
    return "\n".join(lines) + "\n"


def _media_lines(group: str, members: list[TrackReport], uri: Callable[[str], str]) -> list[str]:
    """EXT-X-MEDIA of one audio group (4.4.6.1): one DEFAULT, AUTOSELECT only where the language tells members apart."""
    names: set[str] = set()
    languages: set[str] = set()
    lines = []
    for at, audio in enumerate(members):
        name = audio.label or (audio.language if audio.language != "und" else "Audio")
        usual, again = name, at
        while name in names:  # NAMEs of a group differ (4.4.6.1.1)
            again += 1
            name = f"{usual} {again}"
        names.add(name)
        first_of_language = audio.language not in languages
        languages.add(audio.language)
        lines.append(
            attributes(
                Tag.MEDIA,
                TYPE="AUDIO",
                GROUP_ID=quoted(group),
                NAME=quoted(name),
                LANGUAGE=quoted(audio.language),
                DEFAULT="YES" if at == 0 else "NO",
                AUTOSELECT="YES" if at == 0 or first_of_language else "NO",
                CHANNELS=quoted(str(audio.channels)) if audio.channels else None,
                URI=quoted(uri(audio.track)),
            )
        )
    return lines


def _stream_inf(
    variant: TrackReport, group: str, members: list[TrackReport], texts: TextGroup | None = None
) -> list[str]:
    """EXT-X-STREAM-INF (4.4.6.2): rates are the sum of video and the heaviest of each group (4.4.6.2.1)."""
    codecs = [variant.codec, *(m.codec for m in members)]
    heaviest = max((m.bandwidth for m in members if m is not variant), default=0)
    average = max((m.average for m in members if m is not variant), default=0)
    if texts:
        heaviest, average = heaviest + texts.bandwidth, average + texts.average
    video = variant.kind == "video"
    return [
        attributes(
            Tag.STREAM_INF,
            BANDWIDTH=variant.bandwidth + heaviest,
            AVERAGE_BANDWIDTH=(variant.average + average) or None,
            CODECS=quoted(",".join(dict.fromkeys(codecs))),
            SUPPLEMENTAL_CODECS=quoted(variant.supplemental) if variant.supplemental else None,
            RESOLUTION=f"{variant.width}x{variant.height}" if video else None,
            FRAME_RATE=_frame_rate(variant.frame_rate) if video else None,
            VIDEO_RANGE=variant.video_range if video else None,
            AUDIO=quoted(group) if group else None,
            SUBTITLES=quoted(texts.name) if texts else None,
            CLOSED_CAPTIONS="NONE" if video else None,
        )
    ]


def _frame_rate(rate: str) -> str | None:
    """Three decimals (4.4.6.2)."""
    if not rate:
        return None
    over, _, under = rate.partition("/")
    return f"{int(over) / int(under or 1):.3f}"


def media_playlist(plan: Plan, track: TrackPlan, generation: str, keys: Mapping[int, str] | None = None) -> str:
    """The media playlist of one track of an asset (4.4.3, 4.4.4); without an init segment's generation, of MPEG-TS.

    `keys`: EXT-X-KEY tags by the segment in front of which they stand (packager.drm), none if all are clear.

    A segment in which this track has nothing (audio that starts late) is a gap as long as the picture's; at the end
    it is left out.
    """
    durations = track.durations.tolist()
    has_media = np.diff(track.first) > 0
    last = int(np.flatnonzero(has_media)[-1])
    keys = keys or {}
    of_transport = _SAMPLE_AES_VERSION if any("SAMPLE-AES" in key for key in keys.values()) else _TS_VERSION
    version = _VERSION if generation else of_transport
    lines = [
        Tag.M3U,
        f"{Tag.VERSION}:{version}",
        f"{Tag.TARGETDURATION}:{plan.target_duration}",
        f"{Tag.MEDIA_SEQUENCE}:0",
        f"{Tag.PLAYLIST_TYPE}:VOD",
        Tag.INDEPENDENT_SEGMENTS,
    ]
    if generation:
        lines.append(attributes(Tag.MAP, URI=quoted(init_file(generation))))
    special = {number: [Tag.GAP.value] for number in np.flatnonzero(~has_media[: last + 1]).tolist()}
    for number, tag in keys.items():
        special[number] = [tag, *special.get(number, ())]
    # most segments last equally long, and a title may have ten thousand
    spelt = {duration: f"{Tag.INF}:{seconds(duration)}," for duration in set(durations)}
    file = segment_file if generation else ts_file
    for number, duration in enumerate(durations[: last + 1]):
        if number in special:
            lines += special[number]
        lines += (spelt[duration], file(number))
    lines.append(Tag.ENDLIST)
    return "\n".join(lines) + "\n"
