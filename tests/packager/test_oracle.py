"""Another packager as oracle: Shaka Packager makes HLS and DASH of the same films, and each field is compared.

A field that differs must stand in MEANT with the reason; a reason that no film needs any more is a fault as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import m3u8
import pytest

from packager import aac, dash_static
from packager.cenc import Scheme
from tests.kit import samples, shaka
from tests.kit.decrypt import protected_samples, read_tenc
from tests.kit.media import Films
from tests.packager.packed import Packed
from tests.packager.test_protect import protected, protection

# What is meant to differ, and why. Everything else is the same.
MEANT = {
    "tfdt": "their init has an edit list, ours moves the whole asset instead: docs/decisions/0005",
    "edit": "the same: no edit list in our init segments",
    "composition offsets": "what all pictures wait is taken off, so the least is 0: docs/decisions/0005",
    "trex": "they give the usual duration in trex, we in tfhd: it is a field of the fragment",
    "fragment boxes": "they say with sbgp (roll) that sound needs one frame before, which AAC implies",
    "esds": "they write it without bit rates or with other sizes of descriptors: the AudioSpecificConfig is the same",
    "TARGETDURATION": "they round up, RFC 8216bis 4.4.3.1 asks for the nearest",
    "EXTINF": "they take what the edit list hides from the first segment of sound; we list what is in it",
    "timeline": "the same in DASH, and their times begin at 0 where ours are tfdt: presentationTimeOffset says it",
    "BANDWIDTH": "they take the largest segment, we the largest run of segments that the RFC's 4.1 speaks of",
    "AVERAGE-BANDWIDTH": "both estimate heads of fragments",
    "first segment of sound": "a cut in sound is the first frame at or after the picture's: they count without priming",
    "segments": (cuts := "they cut at the first keyframe at or after a multiple of the target, we at the nearest one"),
    "samples a segment": cuts,
    "EXTINF of the picture": cuts,
    "segments in DASH": cuts,
}
# These only where keyframes are not where segments should be cut.
OF_CUTS = frozenset({name for name, reason in MEANT.items() if reason is cuts})
# (What an edit list hides before the first picture they refuse: "edit-list" is none of these.)
FILMS = ("bframes", "ntsc", "hevc-ac3", "h264-eac3", "av1-opus", "irregular")
NS = "{urn:mpeg:dash:schema:mpd:2011}"
CENC = "{urn:mpeg:cenc:2013}"
MET: set[str] = set()
Difference = tuple[str, Any, Any]


class Pair(NamedTuple):
    """A film packaged by us, and the folder of what they made of it."""

    name: str
    asset: Packed
    folder: Path


@pytest.fixture(params=FILMS, scope="module")
def pair(
    request: pytest.FixtureRequest,
    films: Films,
    packed: Callable[..., Packed],
    tmp_path_factory: pytest.TempPathFactory,
) -> Pair:
    folder = tmp_path_factory.mktemp("shaka")
    shaka.presentation(films(request.param), folder)
    return Pair(request.param, packed(request.param), folder)


def test_segments_of_fmp4(pair: Pair) -> None:
    name, asset, folder = pair
    found = [d for kind in ("video", "audio") for d in fragments_differ(asset, folder, kind)]
    explain(name, found)


def fragments_differ(asset: Packed, folder: Path, kind: str) -> Iterator[Difference]:
    name = kind[0] + "1"
    ours, theirs = samples.head(asset.inits[name]), samples.head((folder / f"{kind}-init.mp4").read_bytes())
    yield "timescale", ours.timescale, theirs.timescale
    yield "entry", ours.entry, theirs.entry
    yield "trex", ours.usual, theirs.usual
    yield "edit", ours.edit, theirs.edit
    for box, body in theirs.configuration.items():
        yield box, ours.configuration.get(box), body
    if "esds" in theirs.configuration:
        yield "AudioSpecificConfig", *(aac.read_esds(side.configuration["esds"][4:]) for side in (ours, theirs))
    yield "configuration boxes", set(ours.configuration), set(theirs.configuration)
    mine = [f for body in asset.segments(name) for f in samples.fragments(body, ours)]
    foreign = [f for body in segments(folder, kind) for f in samples.fragments(body, theirs)]
    yield "segments", len(mine), len(foreign)
    yield "fragment boxes", {f.names for f in mine}, {f.names for f in foreign}
    yield "tfdt", [f.tfdt for f in mine], [f.tfdt for f in foreign]
    counts = [[len(f.rows) for f in side] for side in (mine, foreign)]
    yield ("first segment of sound" if kind == "audio" else "samples a segment"), *counts
    rows, others = [[row for f in side for row in f.rows] for side in (mine, foreign)]
    yield "durations", [r.duration for r in rows], [r.duration for r in others]
    yield "sizes", [r.size for r in rows], [r.size for r in others]
    yield "octets", [r.data for r in rows], [r.data for r in others]
    yield "sync", [r.sync for r in rows], [r.sync for r in others]
    yield "composition offsets", [r.offset for r in rows], [r.offset for r in others]
    waits = [min(r.offset for r in side) for side in (rows, others)]
    yield "reordering", [r.offset - waits[0] for r in rows], [r.offset - waits[1] for r in others]
    # decode times go on without a step, in each of the two
    for side in (rows, others):
        yield "continuous", {b.dts - a.dts - a.duration for a, b in itertools.pairwise(side)}, {0}


def segments(folder: Path, kind: str) -> list[bytes]:
    found = sorted(folder.glob(f"{kind}-*.m4s"), key=lambda path: int(path.stem.partition("-")[2]))
    return [path.read_bytes() for path in found]


def explain(film: str, found: list[Difference]) -> None:
    differing = {name: (ours, theirs) for name, ours, theirs in found if ours != theirs}
    MET.update(differing)
    meant = MEANT.keys() if film == "irregular" else MEANT.keys() - OF_CUTS
    assert differing.keys() <= meant, {name: differing[name] for name in differing.keys() - meant}


@pytest.mark.rule("ISO/IEC 14496-12 8.6.6", "sound and picture are as far from one another as their edit list has it")
def test_sound_and_picture_are_where_they_have_them(pair: Pair) -> None:
    """By their edit lists and by our moved times: the same distance, to the tick."""
    _, asset, folder = pair
    apart = []
    for kind in ("video", "audio"):
        name = kind[0] + "1"
        ours, theirs = samples.head(asset.inits[name]), samples.head((folder / f"{kind}-init.mp4").read_bytes())
        mine = min(r.dts + r.offset for r in samples.fragments(asset.segment(name, 0), ours)[0].rows)
        foreign = min(r.dts + r.offset for r in samples.fragments(segments(folder, kind)[0], theirs)[0].rows)
        apart.append(Fraction(mine, ours.timescale) - Fraction(foreign - theirs.edit, theirs.timescale))
    assert abs(apart[0] - apart[1]) <= Fraction(1, 12800)


def test_playlists(pair: Pair) -> None:
    name, asset, folder = pair
    explain(name, list(playlists_differ(asset, folder)))


def playlists_differ(asset: Packed, folder: Path) -> Iterator[Difference]:
    ours, theirs = m3u8.loads(asset.multivariant()), m3u8.load(str(folder / "multivariant.m3u8"))
    (mine,), (foreign,) = ours.playlists, theirs.playlists
    for field in ("codecs", "resolution", "frame_rate", "bandwidth", "average_bandwidth", "closed_captions"):
        name = field.upper().replace("_", "-")
        yield name, getattr(mine.stream_info, field), getattr(foreign.stream_info, field)
    assert abs(mine.stream_info.average_bandwidth / foreign.stream_info.average_bandwidth - 1) < 0.02
    yield "CHANNELS", [m.channels for m in ours.media], [m.channels for m in theirs.media]
    yield "independent", ours.is_independent_segments, theirs.is_independent_segments
    for kind in ("video", "audio"):
        here, there = m3u8.loads(asset.media_playlist(kind[0] + "1")), m3u8.load(str(folder / f"{kind}.m3u8"))
        yield "VERSION", int(here.version), int(there.version)
        yield "PLAYLIST-TYPE", here.playlist_type, there.playlist_type
        yield "ENDLIST", here.is_endlist, there.is_endlist
        yield "TARGETDURATION", here.target_duration, there.target_duration
        listed = [[round(segment.duration, 3) for segment in side.segments] for side in (here, there)]
        yield ("EXTINF" if kind == "audio" else "EXTINF of the picture"), *listed
        assert abs(sum(listed[0]) - sum(listed[1])) < 0.06, "but for what the edit list hides"


def test_manifests(pair: Pair) -> None:
    name, asset, folder = pair
    explain(name, list(manifests_differ(asset, folder)))


def manifests_differ(asset: Packed, folder: Path) -> Iterator[Difference]:
    ours = ElementTree.fromstring(asset.manifest())
    theirs = ElementTree.fromstring((folder / "manifest.mpd").read_text())
    lasts = [seconds(side.get("mediaPresentationDuration", "")) for side in (ours, theirs)]
    assert abs(lasts[0] - lasts[1]) < 0.1, "a Period ends where all of its tracks do"
    for kind in ("video", "audio"):
        (mine,), (foreign,) = (
            [a for a in side.iter(NS + "AdaptationSet") if a.get("contentType") == kind] for side in (ours, theirs)
        )
        for field in ("codecs", "width", "height", "audioSamplingRate"):
            name = "CODECS" if field == "codecs" else field
            yield name, anywhere(mine, field), anywhere(foreign, field)
        rates = [anywhere(side, "frameRate") for side in (mine, foreign)]
        yield "frameRate", *(rate and Fraction(*map(int, rate.split("/"))) for rate in rates)
        channels = [[c.get("value") for c in side.iter(NS + "AudioChannelConfiguration")] for side in (mine, foreign)]
        yield "channels in DASH", *channels
        templates = [next(side.iter(NS + "SegmentTemplate")) for side in (mine, foreign)]
        yield "timescale", *(template.get("timescale") for template in templates)
        yield "timeline", *(timeline(template) for template in templates)
        yield "segments in DASH", *(len(timeline(template)) for template in templates)


def timeline(template: ElementTree.Element) -> list[tuple[int, int]]:
    """(start, duration) on the Period's timeline, in ticks."""
    found, at = [], 0
    for row in template.iter(NS + "S"):
        at = int(row.get("t", at))
        for _ in range(1 + int(row.get("r", "0"))):
            found.append((at - int(template.get("presentationTimeOffset", "0")), int(row.get("d", "0"))))
            at += int(row.get("d", "0"))
    return found


def anywhere(adaptation: ElementTree.Element, field: str) -> str | None:
    return next((e.get(field) for e in adaptation.iter() if e.get(field) is not None), None)


def seconds(text: str) -> float:
    return float(text.removeprefix("PT").removesuffix("S"))


@pytest.mark.rule("ISO/IEC 23001-7 11.3", "a manifest carries the same pssh as another packager's, octet by octet")
@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("name", ["bframes", "hevc-ac3", "av1-opus"])
def test_protection(films: Films, packed: Callable[..., Packed], tmp_path: Path, name: str, scheme: Scheme) -> None:
    """pssh, key ids and what names them; boxes of a fragment. test_protect.py compares tenc and the rows of senc."""
    asset = packed(name)
    shaka.presentation(films(name), tmp_path, *shaka.raw_keys(scheme))
    said = dash_static.static_manifest("film", asset.plan, asset.reports, asset.generations, protection(scheme))
    ours, theirs = ElementTree.fromstring(said), ElementTree.fromstring((tmp_path / "manifest.mpd").read_text())
    mine, foreign = (
        next(a for a in side.iter(NS + "AdaptationSet") if a.get("contentType") == "video") for side in (ours, theirs)
    )
    for side in (mine, foreign):
        first, system = side.findall(NS + "ContentProtection")
        assert first.attrib.items() >= {
            ("schemeIdUri", "urn:mpeg:dash:mp4protection:2011"), ("value", scheme),
            (f"{CENC}default_KID", "00112233-4455-6677-8899-aabbccddeeff"),
        }  # fmt: skip
        assert system.get("schemeIdUri") == "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
    assert next(mine.iter(CENC + "pssh")).text == next(foreign.iter(CENC + "pssh")).text
    for kind in ("video", "audio"):
        init, bodies = protected(asset, kind[0] + "1", scheme)
        other = (tmp_path / f"{kind}-init.mp4").read_bytes()
        here, there = samples.head(init), samples.head(other)
        assert (here.entry, here.timescale) == (there.entry, there.timescale)
        boxes = {f.names for body in bodies for f in samples.fragments(body, here)}
        others = {f.names for body in segments(tmp_path, kind) for f in samples.fragments(body, there)}
        for one in (boxes, others):
            assert len(one) == 1
        # theirs may say roll; both say saiz, saio and senc, once each (cbcs of whole samples needs none of them)
        auxiliary = [sorted(n for n in next(iter(one)) if n in ("saiz", "saio", "senc")) for one in (boxes, others)]
        assert auxiliary[0] == auxiliary[1] or (scheme is Scheme.CBCS and kind == "audio"), auxiliary
        clear = [len(protected_samples(b"".join(side), read_tenc(head))) for side, head in (
            (bodies, init), (segments(tmp_path, kind), other)
        )] if auxiliary[1] else [0, 0]  # fmt: skip
        assert clear[0] == clear[1]


def test_no_reason_is_stale() -> None:
    """Runs after the others of this file: whatever is said to differ does."""
    shaka.packager()
    if not MET:
        pytest.skip("run the whole file: the other tests of it say what differs")
    assert set(MEANT) - MET == set()
