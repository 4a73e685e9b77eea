"""Text in HLS: media playlists of WebVTT segments, and the group of them in a multivariant playlist (RFC 8216bis)."""

from __future__ import annotations

from collections.abc import Sequence

from base.names import Kind, Leaf, Name
from base.uris import text_file
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.text.plan import Sidecar, TextPlan
from packager.text.tracks import WEBVTT_TS

GROUP = "text"
# Apple's uniform type identifiers of what captions are, as HLS Authoring 5.3 asks of text for the hard of hearing.
_CAPTIONS = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
_VERSION = 3  # float EXTINF


def media_playlist(plan: TextPlan, target_duration: int) -> str:
    """4.4.3. `target_duration`: the media's; the last text segment may last on to the end of the longest track."""
    target = max(target_duration, *(int(duration + 0.5) for duration in plan.durations))
    lines = [
        Tag.M3U,
        f"{Tag.VERSION}:{_VERSION}",
        f"{Tag.TARGETDURATION}:{target}",
        f"{Tag.MEDIA_SEQUENCE}:0",
        f"{Tag.PLAYLIST_TYPE}:VOD",
    ]
    for number, duration in enumerate(plan.durations):
        lines += [f"{Tag.INF}:{seconds(duration)},", text_file(number)]
    lines.append(Tag.ENDLIST)
    return "\n".join(lines) + "\n"


def media_lines(title: str, texts: Sequence[TextPlan], form: str) -> list[str]:
    """The EXT-X-MEDIA lines of all texts, one group (4.4.6.1). `form`: tracks.WEBVTT or WEBVTT_TS.

    At most one is DEFAULT, the first that wants it; AUTOSELECT where language, FORCED and CHARACTERISTICS tell a
    member from those before it (4.4.6.1.1).
    """
    leaf = Leaf.MEDIA_PLAYLIST_TS if form == WEBVTT_TS else Leaf.MEDIA_PLAYLIST
    chosen = next((plan for plan in texts if plan.text.default), None)
    names: set[str] = set()
    sorts: set[tuple[str, bool, str]] = set()
    lines = []
    for plan in texts:
        text = plan.text
        usual, again = label(text), 1
        name = usual
        while name in names:
            again += 1
            name = f"{usual} {again}"
        names.add(name)
        sort = text.language, text.forced, text.role
        where = Name(kind=Kind.VOD, title=title, edition=plan.edition, track=plan.name + form, leaf=leaf)
        lines.append(
            attributes(
                Tag.MEDIA,
                TYPE="SUBTITLES",
                GROUP_ID=quoted(GROUP),
                NAME=quoted(name),
                LANGUAGE=quoted(text.language),
                DEFAULT="YES" if plan is chosen else "NO",
                AUTOSELECT="YES" if plan is chosen or sort not in sorts else "NO",
                FORCED="YES" if text.forced else "NO",
                CHARACTERISTICS=quoted(_CAPTIONS) if text.role == "captions" else None,
                URI=quoted(where.relative),
            )
        )
        sorts.add(sort)
    return lines


def label(text: Sidecar) -> str:
    """What people choose it by."""
    if text.label:
        return text.label
    kind = " (captions)" if text.role == "captions" else " (forced)" if text.forced else ""
    return text.language + kind
