"""Which octets of a picture may be ciphered: by our readers, and by two other packagers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from base.media import Format
from base.problems import Problem
from packager.boxes import box
from packager.slices import ranges, reader
from tests.kit import shaka
from tests.kit.decrypt import protected_samples, read_tenc
from tests.kit.media import Films
from tests.kit.optional import shared_media
from tests.packager.nal_films import AVC, HEVC, film, found_in, rows
from tests.packager.packed import Packed


def named(samples: list[tuple[tuple[int, int], ...]]) -> list[list[tuple[int, int]]]:
    return [[row for row in sample if row[1]] for sample in samples]


@pytest.mark.rule(
    "ISO/IEC 23001-7 9.5.2", "lengths, NAL unit headers and slice headers stay clear, slice data does not"
)
def test_the_slices_of_the_golden_pair() -> None:
    track, found = found_in(shared_media("vectors/cbcsdec.mp4").read_bytes())
    golden = shared_media("vectors/cbcs.mp4").read_bytes()
    assert rows(track, found) == named([s.rows for s in protected_samples(golden, read_tenc(golden))])


@pytest.mark.parametrize(
    ("codec", "name"), [*(("avc", n) for n in AVC), *(("hevc", n) for n in HEVC if n != "no-loop")]
)
def test_shaka_packager_finds_the_same_slices(tmp_path: Path, codec: str, name: str) -> None:
    source = film(tmp_path, codec, name)
    track, found = found_in(source.read_bytes())
    made = shaka.encrypts(source, "video", "cbcs", tmp_path / "shaka.mp4")
    assert rows(track, found) == named([s.rows for s in protected_samples(made, read_tenc(made))])


def test_a_switched_off_loop_filter_is_inherited_from_the_picture_parameters(tmp_path: Path) -> None:
    """H.265 7.4.7.1: slice_deblocking_filter_disabled_flag is inferred from the PPS, which Shaka Packager does not do.

    Our readers check the alignment bits behind the header, so a header that is misread is refused; this one is not.
    """
    source = film(tmp_path, "hevc", "no-loop")
    track, found = found_in(source.read_bytes())
    assert len(found.start) == len(track.samples)


def test_a_unit_that_does_not_fit_its_sample_is_refused(packed: Callable[..., Packed]) -> None:
    asset = packed("plain")
    track = asset.index.video[0]
    first = track.samples[0]
    media = bytearray(asset.data[int(first["offset"]) : int(first["offset"]) + int(first["size"])])
    media[0] = 0x7F
    with pytest.raises(Problem, match="does not fit its sample") as refused:
        ranges(reader(track.format), memoryview(media), np.array([len(media)]))
    assert refused.value.kind.name == "unplayable"


def test_what_cannot_be_protected_is_refused_by_name(films: Films, packed: Callable[..., Packed]) -> None:
    entry = box(b"vp09", bytes(78))
    with pytest.raises(Problem, match="vp09 video cannot be protected") as refused:
        reader(Format(kind="video", codec="vp09.00.10.08", timescale=90000, entry=entry))
    assert refused.value.kind.name == "unplayable"
