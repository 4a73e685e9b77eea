"""The two ciphers against a plain reading of the standard, and against a golden pair of another packager."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager import cenc
from packager.cenc import ContentKey, Scheme
from packager.slices import Ranges
from tests.kit.decrypt import Protected, Tenc, clear, protected_samples, read_tenc
from tests.kit.optional import shared_media
from tests.packager.nal_films import found_in

KEY = ContentKey(kid=bytes(range(16)), key=bytes(range(16, 32)), iv=bytes(range(32, 48)))
GOLDEN_KEY = bytes.fromhex("22bdb0063805260307ee5045c0f3835a")


def tenc(scheme: Scheme, *, pattern: bool) -> Tenc:
    """The test's own idea of the track defaults."""
    crypt, skip = (1, 9) if pattern and scheme is Scheme.CBCS else (0, 0)
    return Tenc(
        entry="encv",
        original="avc1",
        scheme=scheme,
        version=1,
        crypt=crypt,
        skip=skip,
        iv_size=8 if scheme is Scheme.CENC else 0,
        kid=KEY.kid,
        iv=KEY.iv,
    )


@st.composite
def segments(draw: st.DrawFn) -> tuple[bytes, list[int], list[list[tuple[int, int]]]]:
    """Media, sizes of samples, and (clear, ciphered) pieces of each sample as slice readers find them."""
    samples = draw(
        st.lists(
            st.lists(st.tuples(st.integers(1, 40), st.integers(1, 700)), min_size=0, max_size=4), min_size=1, max_size=6
        )
    )
    tails = draw(st.lists(st.integers(0, 30), min_size=len(samples), max_size=len(samples)))
    sizes = [sum(map(sum, rows)) + max(tail, 0 if rows else 1) for rows, tail in zip(samples, tails, strict=True)]
    seed = draw(st.integers(0, 1 << 32))
    return np.random.default_rng(seed).bytes(sum(sizes)), sizes, samples


def as_ranges(sizes: list[int], samples: list[list[tuple[int, int]]]) -> Ranges:
    table = []
    begun = 0
    for number, (size, rows) in enumerate(zip(sizes, samples, strict=True)):
        at = begun
        for plain, ciphered in rows:
            table.append((at + plain, at + plain + ciphered, number))
            at += plain + ciphered
        begun += size
    columns = np.array(table, np.int64).reshape(-1, 3)
    return Ranges(start=columns[:, 0], end=columns[:, 1], sample=columns[:, 2])


def deciphered(media: bytes, sizes: list[int], table: cenc.Subsamples | None, scheme: Scheme, iv: int) -> bytes:
    """By the plain reader of the test kit, from what senc would say."""
    made, at, row = b"", 0, 0
    for number, size in enumerate(sizes):
        rows: list[tuple[int, int]] = []
        if table is not None:
            rows = table.rows[row : row + table.counts[number]]
            row += table.counts[number]
        own = (iv + number).to_bytes(8, "big") if scheme is Scheme.CENC else KEY.iv
        sample = Protected(data=media[at : at + size], iv=own, rows=tuple(rows))
        made += clear(sample, tenc(scheme, pattern=table is not None), KEY.key)
        at += size
    return made


@pytest.mark.rule("ISO/IEC 23001-7 10.1", "in cenc the counter runs on over the protected ranges of a sample")
@given(segments())
def test_cenc_is_undone_by_a_plain_reader(made: tuple[bytes, list[int], list[list[tuple[int, int]]]]) -> None:
    data, sizes, samples = made
    found = cenc.aligned(as_ranges(sizes, samples))
    table = cenc.subsamples(found, np.array(sizes))
    media = np.frombuffer(data, np.uint8).copy()
    cenc.encrypt_cenc(media, found, KEY, cenc.first_iv(2, 77))
    assert deciphered(media.tobytes(), sizes, table, Scheme.CENC, cenc.first_iv(2, 77)) == data
    changed = sum(end - start for start, end in zip(found.start.tolist(), found.end.tolist(), strict=True))
    assert changed == sum(protected for _, protected in table.rows)
    assert changed < 32 or media.tobytes() != data


@pytest.mark.rule("ISO/IEC 23001-7 10.4", "in cbcs the chain begins anew with the constant IV at each protected range")
@given(segments())
def test_cbcs_is_undone_by_a_plain_reader(made: tuple[bytes, list[int], list[list[tuple[int, int]]]]) -> None:
    data, sizes, samples = made
    found = as_ranges(sizes, samples)
    table = cenc.subsamples(found, np.array(sizes))
    media = np.frombuffer(data, np.uint8).copy()
    cenc.encrypt_cbcs(media, found, KEY, pattern=True)
    assert deciphered(media.tobytes(), sizes, table, Scheme.CBCS, 0) == data


@pytest.mark.rule("ISO/IEC 23001-7 9.5.1", "audio is ciphered as whole samples, without subsamples")
@given(st.lists(st.integers(1, 400), min_size=1, max_size=20), st.sampled_from(Scheme))
def test_audio_is_ciphered_whole(sizes: list[int], scheme: Scheme) -> None:
    data = np.random.default_rng(sum(sizes)).bytes(sum(sizes))
    media = np.frombuffer(data, np.uint8).copy()
    found = cenc.whole_samples(np.array(sizes))
    if scheme is Scheme.CENC:
        cenc.encrypt_cenc(media, found, KEY, 5)
    else:
        cenc.encrypt_cbcs(media, found, KEY, pattern=False)
    assert deciphered(media.tobytes(), sizes, None, scheme, 5) == data
    for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True):
        rest = size % 16
        if scheme is Scheme.CBCS and rest:  # a last block that is not whole stays clear
            assert media.tobytes()[end - rest : end] == data[end - rest : end]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(0, 1 << 60))
def test_all_counters_in_one_call_are_the_same_cipher(sizes: list[int], iv: int) -> None:
    data = np.random.default_rng(sum(sizes)).bytes(sum(sizes))
    one, other = (np.frombuffer(data, np.uint8).copy() for _ in range(2))
    cenc.encrypt_cenc(one, cenc.whole_samples(np.array(sizes)), KEY, iv)
    cenc.encrypt_cenc_whole(other, np.array(sizes), KEY, iv)
    assert one.tobytes() == other.tobytes()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.sampled_from([16, 160]))
def test_chains_side_by_side_are_the_same_cipher(sizes: list[int], stride: int) -> None:
    """Which of the two is taken depends on how many ranges there are, and how long they are."""
    data = np.random.default_rng(sum(sizes)).bytes(sum(sizes))
    one, other = (np.frombuffer(data, np.uint8).copy() for _ in range(2))
    found = cenc.whole_samples(np.array(sizes))
    blocks = -(-((found.end - found.start) // 16) // (stride // 16))
    if blocks.any():
        cenc._one_chain(one, found.start, blocks, stride, KEY)
        cenc._in_step(other, found.start, blocks, stride, KEY)
    assert one.tobytes() == other.tobytes()


@pytest.mark.rule("ISO/IEC 23001-7 9.5.2", "in cenc a protected range of video is a multiple of 16 octets")
@given(segments())
def test_subsamples_cover_their_sample(made: tuple[bytes, list[int], list[list[tuple[int, int]]]]) -> None:
    _, sizes, samples = made
    for found in (as_ranges(sizes, samples), cenc.aligned(as_ranges(sizes, samples))):
        table = cenc.subsamples(found, np.array(sizes))
        starts = list(itertools.accumulate(table.counts, initial=0))
        for size, begin, end in zip(sizes, starts, starts[1:], strict=False):
            assert sum(map(sum, table.rows[begin:end])) == size
        protected = [p for _, p in table.rows if p]
        assert len(protected) == len(found.start)
    assert all(p % 16 == 0 for p in protected)


@pytest.mark.rule("ISO/IEC 23001-7 7.2", "a clear run that 16 bits cannot count is divided")
def test_a_long_clear_run_is_divided() -> None:
    found = Ranges(start=np.array([150_000]), end=np.array([150_032]), sample=np.array([0]))
    table = cenc.subsamples(found, np.array([150_040]))
    assert table.rows == [(65535, 0), (65535, 0), (18930, 32), (8, 0)]
    assert table.counts == [4]


@pytest.mark.rule("ISO/IEC 14496-12 8.7.8", "what senc says of one sample fits the 8 bits of saiz")
def test_too_many_slices_are_refused() -> None:
    def of(count: int) -> Ranges:
        start = np.arange(count) * 40 + 8
        return Ranges(start=start, end=start + 32, sample=np.zeros(count, np.int64))

    assert cenc.subsamples(of(40), np.array([1600])).counts == [40]
    with pytest.raises(Problem, match="a picture of 41 slices cannot be protected"):
        cenc.subsamples(of(41), np.array([1640]))


@pytest.mark.rule("ISO/IEC 23001-7 9.3", "no counter block is used twice under one key")
def test_ivs_do_not_meet() -> None:
    """8 octets of IV, then 8 that count blocks: two samples meet only if their IVs are equal."""
    ivs = [cenc.first_iv(ordinal, sample) for ordinal in (1, 2, 65535) for sample in (0, 1, 99, (1 << 48) - 1)]
    assert len(set(ivs)) == len(ivs)
    assert all(0 < iv < 1 << 64 for iv in ivs)


def test_the_golden_pair_is_made_octet_by_octet() -> None:
    golden = shared_media("vectors/cbcs.mp4").read_bytes()
    plain = shared_media("vectors/cbcsdec.mp4").read_bytes()
    said = read_tenc(golden)
    expected = protected_samples(golden, said)
    track, found = found_in(plain)
    places = zip(track.samples["offset"].tolist(), track.samples["size"].tolist(), strict=True)
    media = np.frombuffer(b"".join(plain[at : at + size] for at, size in places), np.uint8).copy()
    assert [clear(s, said, GOLDEN_KEY) for s in expected] == split(media.tobytes(), track.samples["size"].tolist())
    key = ContentKey(kid=said.kid, key=GOLDEN_KEY, iv=said.iv)
    cenc.encrypt_cbcs(media, found, key, pattern=True)
    assert split(media.tobytes(), track.samples["size"].tolist()) == [s.data for s in expected]


def split(media: bytes, sizes: list[int]) -> list[bytes]:
    ends = list(itertools.accumulate(sizes, initial=0))
    return [media[begin:end] for begin, end in itertools.pairwise(ends)]


def test_a_key_is_not_printed() -> None:
    assert KEY.key.hex() not in repr(KEY) and str(KEY.key) not in repr(KEY)
    assert str(KEY.iv) not in f"{KEY}"
