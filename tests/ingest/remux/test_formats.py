"""Sample entries of streams that are no MP4."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.remux.demux import read
from ingest.remux.formats import language_of
from packager.boxes import walk
from tests.kit.sources import Sources

BOXES = {
    "h264-aac-ts": [("avc1", 86, {"avcC", "pasp"}), ("mp4a", 36, {"esds"})],
    "h264-ac3-ts": [("avc1", 86, {"avcC", "pasp"}), ("ac-3", 36, {"dac3"})],
    "hevc-eac3-ts": [("hvc1", 86, {"hvcC"}), ("ec-3", 36, {"dec3"})],
    "hevc-opus": [("hvc1", 86, {"hvcC"}), ("Opus", 36, {"dOps"})],
    "av1-flac": [("av01", 86, {"av1C", "pasp"}), ("fLaC", 36, {"dfLa"})],
}


@pytest.mark.parametrize("name", BOXES)
def test_an_entry_has_the_boxes_of_its_codec(sources: Sources, tmp_path: Path, name: str) -> None:
    film = read(sources(name), tmp_path)
    for track, (kind, skip, wanted) in zip(film.index.tracks, BOXES[name], strict=True):
        data = memoryview(track.format.entry)
        (entry,) = walk(data, 0, len(data))
        found = {box.type for box in walk(data, skip, len(data))}
        assert entry.type == kind and wanted <= found and "btrt" not in found
        if kind.startswith(("avc", "hvc", "av0")):
            assert (track.format.width, track.format.height) == (320, 180)
        else:
            assert track.format.sample_rate == 48000 and track.format.channels >= 1


@pytest.mark.rule("ISO/IEC 14496-15 8.3.3.1.3", "in hvc1 each array of parameter sets is complete")
def test_hevc_parameter_sets_are_in_the_entry_alone(sources: Sources, tmp_path: Path) -> None:
    entry = read(sources("hevc-eac3-ts"), tmp_path).index.video[0].format.entry
    at = entry.index(b"hvcC") + 4 + 22
    assert entry[at] >= 3 and entry[at + 1] & 0x80


def test_languages_are_three_letters_or_unknown() -> None:
    found = [language_of({"language": text}) for text in ("deu", "DEU", "de", "", "12a", "dé1")]
    assert found == ["deu", "deu", "und", "und", "und", "und"] and language_of({}) == "und"
