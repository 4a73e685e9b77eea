"""What leaves is what came in, sample for sample and tick for tick: every format, over generated films of every shape.

Two films at least have any two values of the table in tests/kit/clips.py together; `slow` takes any three.

What is expected is read from the source by FFmpeg without its edit list, which is then applied here: it is known, as
the films are made with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import m3u8
import pytest

from base.problems import Problem
from packager.cenc import Scheme
from tests.kit import fragments
from tests.kit.clips import HIDDEN, Clip, Clips, covering
from tests.kit.decrypt import decrypt
from tests.packager import carried
from tests.packager.carried import KEYS, Found, Packet
from tests.packager.packed import Packed, pack
from tests.packager.test_protect import protected

TARGET_MS = 1000
PAIRS = [Clip(**row) for row in covering(2)]
TRIPLES = [clip for row in covering(3) if (clip := Clip(**row)) not in PAIRS]
# FFmpeg no longer knows the key of SAMPLE-AES for what its demultiplexer still holds when the last segment ends.
HELD = 3
IN_TRANSPORT = ("h264", "aac", "ac3", "eac3")
TAIL = Fraction(1, 2)  # a Period ends where all tracks end that end so near to one another
_90K = Fraction(1, 90_000)


@dataclass(frozen=True)
class Source:
    """A film as it should leave. `tick`: of the tracks' timescales the coarser, in seconds."""

    clip: Clip
    asset: Packed
    found: Found
    pictures: list[Packet]
    tick: Fraction

    @property
    def transported(self) -> bool:
        return self.clip.codec in IN_TRANSPORT and self.clip.sound in IN_TRANSPORT


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


def source(clip: Clip, path: Path) -> Source:
    """What the film shows: all of its samples, but for pictures before the first keyframe."""
    asset = pack(path.read_bytes(), TARGET_MS)
    found = carried.packets(path, ignore_editlist="1")
    scales = {planned.track.format.kind: planned.track.format.timescale for planned in asset.plan.tracks}
    assert scales.keys() == {"video", "audio"} == found.keys()
    moved = edit(clip, scales, min(packet.time for packet in found["video"]))
    before = clip.group if clip.groups == "unmarked-ends" else 0
    first = min(packet.time for packet in found["video"][before:])
    found["video"] = found["video"][before:]
    shown = [picture for picture in carried.pictures(path, ignore_editlist="1") if picture.time >= first]
    return Source(
        clip=clip,
        asset=asset,
        found={kind: _moved(packets, moved[kind]) for kind, packets in found.items()},
        pictures=_moved(shown, moved["video"]),
        tick=max(Fraction(1, scale) for scale in scales.values()),
    )


def edit(clip: Clip, scales: dict[str, int], first: Fraction) -> dict[str, Fraction]:
    """Seconds by which an edit list moves a track (tests/kit/clips.py makes these)."""
    match clip.edit:
        case "none":
            return {"video": Fraction(0), "audio": Fraction(0)}
        case "empty":
            return {"video": Fraction(1, 4) - first, "audio": Fraction(-1024, scales["audio"])}
        case _:
            return {"video": -first - HIDDEN / Fraction(clip.rate), "audio": Fraction(-1500, scales["audio"])}


def _moved(packets: list[Packet], by: Fraction) -> list[Packet]:
    return [Packet(packet.time + by, packet.md5) for packet in packets]


def same(found: Found, source: Source, what: str, slack: Fraction = Fraction(0), *, but: int = 0) -> None:
    """The same octets in the same order, all moved by one and the same time. `but`: so many at the end do not count."""
    moved: list[Fraction] = []
    for kind, expected in source.found.items():
        here = found[kind]
        assert len(here) == len(expected), f"{what}: {kind}"
        end = len(expected) - but
        if what != "transport" or kind == "audio":
            assert [p.md5 for p in here[:end]] == [p.md5 for p in expected[:end]], f"{what}: {kind}"
        moved += [a.time - b.time for a, b in zip(here[:end], expected[:end], strict=True) if a.time is not None]
    assert max(moved) - min(moved) <= source.tick + slack, f"{what}: sound and picture are apart"


def check(clip: Clip, path: Path, folder: Path) -> None:
    film = source(clip, path)
    check_fragments(film, folder / "clear")
    check_files(film, path)
    check_ciphers(film)
    check_whole_segments(film, folder / "aes-128")
    check_transport(film, folder)


def check_fragments(film: Source, folder: Path) -> None:
    folder.mkdir(parents=True)
    film.asset.write(folder)
    same(carried.packets(folder / "multivariant.m3u8"), film, "HLS")
    same(carried.dash(folder / "manifest.mpd"), film, "DASH")
    decoded = carried.pictures(folder / "multivariant.m3u8")
    assert [p.md5 for p in decoded] == [p.md5 for p in film.pictures]
    check_lengths(film)


def check_lengths(film: Source) -> None:
    """EXTINF and mediaPresentationDuration add up to what is there."""
    begins, ends = {}, {}
    for planned in film.asset.plan.tracks:
        kind, scale = planned.track.format.kind, planned.track.format.timescale
        times = [packet.time for packet in film.found[kind]]
        begins[kind], ends[kind] = min(times), max(times) + Fraction(planned.track.last_duration, scale)
        listed = m3u8.loads(film.asset.media_playlist(planned.track.name)).segments
        lasts = sum(row.duration for row in listed if not row.gap_tag)
        assert abs(lasts - float(ends[kind] - begins[kind])) <= float(film.tick) + 1e-6 * len(listed), kind
    manifest = ElementTree.fromstring(film.asset.manifest().encode())
    said = float(manifest.get("mediaPresentationDuration", "").removeprefix("PT").removesuffix("S"))
    # what an edit list hides lies before zero and does not count, nor does what only one of the tracks has at the end
    begin = max(Fraction(0), min(begins.values()))
    lasts = min(end for end in ends.values() if end >= max(ends.values()) - TAIL) - begin
    assert abs(said - float(lasts)) <= float(film.tick) + 1e-6


def check_files(film: Source, path: Path) -> None:
    apart = carried.one_file_a_track(film.asset)
    same({kind: carried.packets(file)[kind] for kind, file in apart.items()}, film, "track.mp4")
    # with the edit lists of both: the same packets, at the very same times
    made, given = carried.packets(carried.download(film.asset)), carried.packets(path)
    for kind, packets in made.items():
        assert packets == given[kind][-len(packets) :], f"download.mp4: {kind}"
        assert len(packets) == len(given[kind]) or (film.clip.groups == "unmarked-ends" and kind == "video")


def check_ciphers(film: Source) -> None:
    for planned in film.asset.plan.tracks:
        name, kind = planned.track.name, planned.track.format.kind
        clear = fragments.read_fragments(
            b"".join(film.asset.segments(name)), fragments.read_init(film.asset.inits[name])
        )
        for scheme in Scheme:
            init, segments = protected(film.asset, name, scheme)
            media = b"".join(segments)
            samples = decrypt(init, media, KEYS[kind].key)
            assert [carried.md5(sample) for sample in samples] == [p.md5 for p in film.found[kind]], f"{scheme}: {kind}"
            assert fragments.read_fragments(media, fragments.read_init(init)) == clear


def check_whole_segments(film: Source, folder: Path) -> None:
    lists = carried.whole_segments(film.asset, folder)
    same({kind: carried.packets(file)[kind] for kind, file in lists.items()}, film, "AES-128")


def check_transport(film: Source, folder: Path) -> None:
    if not film.transported:
        with pytest.raises(Problem, match="fMP4"):
            carried.transport(film.asset, folder / "ts")
        return
    lists = carried.transport(film.asset, folder / "ts")
    check_streams(film, lists, len(film.pictures))
    ciphered = carried.sample_by_sample(film.asset, folder / "sample-aes")
    check_streams(film, ciphered, len(film.pictures) - 2 * HELD, but=HELD)


def check_streams(film: Source, lists: dict[str, Path], pictures: int, *, but: int = 0) -> None:
    adts = film.clip.sound == "aac"
    found = {kind: carried.packets(file, adts=adts)[kind] for kind, file in lists.items()}
    sizes = film.asset.track("a1").track.samples["size"].tolist()
    times = carried.timed(lists["audio"], sizes, adts=adts)
    found["audio"] = [Packet(time, packet.md5) for time, packet in zip(times, found["audio"], strict=True)]
    same(found, film, "transport", _90K, but=but)
    decoded = carried.pictures(lists["video"])
    assert [p.md5 for p in decoded[:pictures]] == [p.md5 for p in film.pictures[:pictures]]


@pytest.mark.parametrize("clip", PAIRS, ids=[clip.name for clip in PAIRS])
def test_every_format_of_every_pair(clips: Clips, clip: Clip, tmp_path: Path) -> None:
    check(clip, clips(clip), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("clip", TRIPLES, ids=[clip.name for clip in TRIPLES])
def test_every_format_of_every_triple(clips: Clips, clip: Clip, tmp_path: Path) -> None:
    check(clip, clips(clip), tmp_path)
