"""Rules of a multivariant playlist, alone and beside what its init segments and segments say (RFC 8216bis 4.4.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from node.probe.playlist import Tag
from node.probe.rules import Finding
from node.probe.variants import Multivariant, Variant

_GROUPS = {"AUDIO": "AUDIO", "VIDEO": "VIDEO", "SUBTITLES": "SUBTITLES", "CLOSED-CAPTIONS": "CLOSED-CAPTIONS"}
_TELL_APART = ("LANGUAGE", "ASSOC-LANGUAGE", "FORCED", "CHARACTERISTICS")
# 4.4.6.1.1: what may differ between the same member of two groups
_OWN = frozenset({"URI", "CHANNELS", "BIT-DEPTH", "SAMPLE-RATE", "INSTREAM-ID", "STABLE-RENDITION-ID", "GROUP-ID"})
_VIDEO = ("avc", "hvc", "hev", "av01", "vp09", "dvh", "dva")


def check(found: Multivariant) -> Iterator[Finding]:
    yield from _variants(found)
    yield from _groups(found)
    yield from _renditions(found)
    yield from _sessions(found)


def _variants(found: Multivariant) -> Iterator[Finding]:
    url = found.document.url
    plain = [variant for variant in found.variants if not variant.iframes]
    for variant in plain:
        tag = variant.tag
        if not variant.uri:
            yield Finding("variant-uri", url, tag.line, f"#EXT-X-STREAM-INF:{tag.value[:60]}")
        for attribute, kind in _GROUPS.items():
            group = tag.get(attribute)
            if group and group != "NONE" and not found.members(kind, group):
                yield Finding("group-missing", url, tag.line, f'{attribute}="{group}"')
        if not tag.get("CODECS"):
            yield Finding("variant-codecs", url, tag.line, "no CODECS")
        if not tag.get("AVERAGE-BANDWIDTH"):
            yield Finding("variant-average", url, tag.line, "no AVERAGE-BANDWIDTH")
        if has_video(tag):
            if not tag.get("RESOLUTION"):
                yield Finding("variant-resolution", url, tag.line, "no RESOLUTION")
            if not tag.get("FRAME-RATE"):
                yield Finding("variant-frame-rate", url, tag.line, "no FRAME-RATE")
    for rule, attribute, test in (
        ("captions-none", "CLOSED-CAPTIONS", lambda value: value == "NONE"),
        ("score", "SCORE", bool),
    ):
        of = plain if rule == "captions-none" else [*found.variants]
        say = [variant for variant in of if test(variant.tag.get(attribute))]
        if rule == "captions-none":  # a variant without video has no captions that could be none
            of = [variant for variant in of if has_video(variant.tag)]
            say = [variant for variant in say if has_video(variant.tag)]
        if say and len(say) < len(of):
            odd = next(variant for variant in of if variant not in say)
            yield Finding(rule, url, odd.tag.line, f"{len(say)} of {len(of)} variants have {attribute}")


def has_video(tag: Tag) -> bool:
    return bool(tag.get("RESOLUTION")) or any(c.strip().startswith(_VIDEO) for c in tag.get("CODECS").split(","))


def _groups(found: Multivariant) -> Iterator[Finding]:
    url = found.document.url
    groups: dict[tuple[str, str], list[Tag]] = {}
    for tag in found.renditions:
        groups.setdefault((tag.get("TYPE"), tag.get("GROUP-ID")), []).append(tag)
    for (kind, group), members in groups.items():
        line = members[-1].line
        for name, times in Counter(tag.get("NAME") for tag in members).items():
            if times > 1:
                yield Finding("group-name", url, line, f'NAME="{name}" {times} times in {group}')
        chosen = [tag for tag in members if tag.get("DEFAULT") == "YES"]
        if len(chosen) > 1:
            yield Finding("group-default", url, chosen[1].line, f"{len(chosen)} members of {group}")
        auto = Counter(
            tuple(tag.get(name) for name in _TELL_APART) for tag in members if tag.get("AUTOSELECT") == "YES"
        )
        for told, times in auto.items():
            if times > 1:
                yield Finding(
                    "group-autoselect", url, line, f"{times} members of {group} with {told[0] or 'no language'}"
                )
        first_group, first = next((key[1], value) for key, value in groups.items() if key[0] == kind)
        if group != first_group and (fault := _differs(first, members)):
            yield Finding("group-members", url, line, f"{group} and {first_group}: {fault}")


def _differs(one: Sequence[Tag], other: Sequence[Tag]) -> str:
    left, right = ({tag.get("NAME"): _shared(tag) for tag in tags} for tags in (one, other))
    if left.keys() != right.keys():
        return f"NAMEs {sorted(left)} and {sorted(right)}"
    return next((f'attributes of "{name}"' for name in left if left[name] != right[name]), "")


def _shared(tag: Tag) -> dict[str, str]:
    return {name: value for name, value in tag.pairs if name not in _OWN}


def _renditions(found: Multivariant) -> Iterator[Finding]:
    url = found.document.url
    for tag in found.renditions:
        kind = tag.get("TYPE")
        if kind == "SUBTITLES" and not tag.get("URI"):
            yield Finding("rendition-uri", url, tag.line, "subtitles without URI")
        if kind == "CLOSED-CAPTIONS" and (tag.get("URI") or not tag.get("INSTREAM-ID")):
            yield Finding("rendition-uri", url, tag.line, "closed captions with URI or without INSTREAM-ID")
        if tag.get("DEFAULT") == "YES" and tag.get("AUTOSELECT") == "NO":
            yield Finding("rendition-default", url, tag.line, "DEFAULT=YES,AUTOSELECT=NO")
        if tag.get("FORCED") and kind != "SUBTITLES":
            yield Finding("rendition-forced", url, tag.line, f"FORCED with TYPE={kind}")


def _sessions(found: Multivariant) -> Iterator[Finding]:
    document = found.document
    known: set[tuple[str, str]] = set()
    for tag in document.all("EXT-X-SESSION-DATA"):
        named = (tag.get("DATA-ID"), tag.get("LANGUAGE"))
        if bool(tag.get("VALUE")) == bool(tag.get("URI")):
            yield Finding("session-data", document.url, tag.line, "VALUE and URI" if tag.get("URI") else "neither")
        elif named in known:
            yield Finding("session-data", document.url, tag.line, f"{named[0]} again")
        known.add(named)
    for tag in document.all("EXT-X-SESSION-KEY"):
        if tag.get("METHOD") == "NONE":
            yield Finding("session-key", document.url, tag.line, "METHOD=NONE")
    pathways = {variant.tag.get("PATHWAY-ID") or "." for variant in found.variants}
    steering = document.first("EXT-X-CONTENT-STEERING")
    if steering and steering.get("PATHWAY-ID") and steering.get("PATHWAY-ID") not in pathways:
        yield Finding("pathway", document.url, steering.line, steering.get("PATHWAY-ID"), ", ".join(sorted(pathways)))


def codecs(found: Multivariant, known: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """CODECS beside the init segments. `known`: URL of a media playlist -> codec strings of its init segment."""
    for variant in found.variants:
        declared = [text.strip() for text in variant.tag.get("CODECS").split(",") if text.strip()]
        if not declared:
            continue
        for uri in dict.fromkeys(urls(found, variant)):
            for codec in known.get(uri, ()):
                family = codec.partition(".")[0].lower()
                if not any(text.partition(".")[0].lower() == family for text in declared):
                    yield Finding(
                        "codecs-missing", found.document.url, variant.tag.line, ",".join(declared), f"{codec} ({uri})"
                    )
                elif codec.lower() not in (text.lower() for text in declared):
                    yield Finding(
                        "codecs-differ", found.document.url, variant.tag.line, ",".join(declared), f"{codec} ({uri})"
                    )


def urls(found: Multivariant, variant: Variant) -> list[str]:
    """A variant's playlist and those of its groups' members, absolute."""
    uris = [variant.uri]
    for attribute, kind in _GROUPS.items():
        uris += [tag.get("URI") for tag in found.members(kind, variant.tag.get(attribute))]
    return [found.absolute(uri) for uri in uris if uri]


def rates(found: Multivariant, peaks: Mapping[str, float]) -> Iterator[Finding]:
    """BANDWIDTH beside the peaks that were measured, in bit/s by media playlist (4.1, 4.4.6.2.1).

    A peak over some segments is a lower bound of the true one: what it breaks is broken.
    """
    for variant in found.variants:
        declared = variant.tag.seconds("BANDWIDTH") or 0.0
        need = peaks.get(found.absolute(variant.uri), 0.0)
        for attribute, kind in _GROUPS.items():
            members = (
                found.absolute(t.get("URI")) for t in found.members(kind, variant.tag.get(attribute)) if t.get("URI")
            )
            need += max((peaks.get(uri, 0.0) for uri in members if uri != found.absolute(variant.uri)), default=0.0)
        if need > declared + 1:
            yield Finding(
                "bandwidth", found.document.url, variant.tag.line, f"BANDWIDTH={declared:.0f}", f"{need:.0f} or more"
            )


def peak(segments: Sequence[tuple[float, int]], target: float) -> float:
    """Peak bit rate (4.1): the largest over runs of adjacent segments (seconds, octets) of 0.5 to 1.5 TD + 0.5 s."""
    best = 0.0
    for start in range(len(segments)):
        seconds, octets = 0.0, 0
        for lasts, size in segments[start:]:
            seconds, octets = seconds + lasts, octets + size
            if seconds > 1.5 * target + 0.5:
                break
            if seconds >= 0.5 * target:
                best = max(best, octets * 8 / seconds)
    return best


def resolution(found: Multivariant, sizes: Mapping[str, tuple[int, int]]) -> Iterator[Finding]:
    """RESOLUTION beside the size in the init segment, by media playlist."""
    for variant in found.variants:
        width, height = sizes.get(found.absolute(variant.uri), (0, 0))
        said = variant.tag.get("RESOLUTION")
        if said and width and said != f"{width}x{height}":
            yield Finding("resolution-differs", found.document.url, variant.tag.line, said, f"{width}x{height}")


def playlists(found: Multivariant, iframes_only: Mapping[str, bool]) -> Iterator[Finding]:
    """What media playlists are for the multivariant one; `iframes_only`: by URL, those that were read."""
    for variant in found.variants:
        if variant.iframes and iframes_only.get(found.absolute(variant.uri)) is False:
            yield Finding("iframe-playlist", found.document.url, variant.tag.line, variant.uri, "EXT-X-I-FRAMES-ONLY")


def independence(found: Multivariant, declared: Mapping[str, bool]) -> Iterator[Finding]:
    """`declared`: by URL of a media playlist, whether it says EXT-X-INDEPENDENT-SEGMENTS."""
    if found.document.first("EXT-X-INDEPENDENT-SEGMENTS"):
        return
    for variant in found.variants:
        if has_video(variant.tag) and declared.get(found.absolute(variant.uri)) is False:
            yield Finding("variant-independent", found.document.url, variant.tag.line, variant.uri)
