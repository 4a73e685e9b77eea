"""Encryption on one core: octets of media a second, for a title as people watch it.

FFmpeg makes a title of 4 Mb/s (720p, 25 pictures a second, 4 s segments). `first`: where slices end is found as well;
`again`: it is known from an earlier request. The other rows are the ways that were tried, on the same segments.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench.figures import Figures
from bench.servers import median_s
from bench.titles import title
from packager import aes128, cenc, sample_aes, ts
from packager.cenc import BLOCK, ContentKey, Scheme
from packager.index import FileKey, build
from packager.methods import Method
from packager.movie import read_movie
from packager.plan import TrackPlan, make_plan
from packager.protect import Protection, gathered, protected_segment
from packager.slices import Ranges

TITLE = "Encryption"
COLUMNS = ("what", "MB/s", "µs a segment")
SECONDS = 24
ROUNDS = 7
_KEY = ContentKey(kid=os.urandom(16), key=os.urandom(16), iv=os.urandom(16))
_KEYS = {"video": (_KEY,), "audio": (ContentKey(kid=os.urandom(16), key=os.urandom(16), iv=os.urandom(16)),)}


def measure() -> Figures:
    """Medians of ROUNDS passes over the title. Half a minute."""
    how = (
        f"A title of 4 Mb/s made by FFmpeg (720p25, AAC 128 kb/s, {SECONDS} s in 4 s segments), one core, medians of "
        f"{ROUNDS} passes. From the mapped file to head and media in memory."
    )
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=("ffmpeg",))
    with tempfile.TemporaryDirectory(prefix="hw") as folder:
        file = memoryview(title(ffmpeg, Path(folder) / "title.mp4").read_bytes())
    plan = make_plan(build(read_movie(file), FileKey(0, 0, 0)), 4000)
    rows = []
    for scheme in Scheme:
        for track in plan.tracks:
            rows += _product(file, track, scheme)
    for track in plan.tracks:
        rows += _wholes(file, track)
    video = plan.tracks[0]
    protection = Protection(method=Method.CBCS, keys=_KEYS)
    segments = [
        (gathered(video, n, file), protected_segment(video, n, 1, file, protection).ranges)
        for n in range(_count(video))
    ]
    octets = sum(len(media) for media, _ in segments)

    def ciphered(cipher: Callable[..., object]) -> None:
        for media, found in segments:
            cipher(media.copy(), found)

    for name, cipher in (
        ("cenc, cipher alone: one context, its counter set for each sample (in use)", _one_counter),
        ("cenc, cipher alone: a context for each sample", _many_counters),
        ("cenc, cipher alone: all counters through ECB in one call, then XOR", _counters_by_ecb),
        ("cbcs, cipher alone: blocks gathered, one chain (in use)", _one_chain),
        ("cbcs, cipher alone: blocks gathered, a context for each range", _many_chains),
        ("cbcs, cipher alone: all ranges in step, one ECB call for each block of a range", _in_step),
    ):
        seconds = median_s(ROUNDS, ciphered, cipher)
        rows.append(_row(name, octets, seconds, len(segments)))
    return Figures(title=TITLE, how=how, columns=COLUMNS, rows=rows)


def _count(track: TrackPlan) -> int:
    return len(track.first) - 1


def _product(file: memoryview, track: TrackPlan, scheme: Scheme) -> list[tuple[str, ...]]:
    protection = Protection(method=Method(scheme), keys=_KEYS)
    numbers = _numbers(track)
    known = {n: protected_segment(track, n, 1, file, protection).ranges for n in numbers}

    def again() -> int:
        return sum(protected_segment(track, n, 1, file, protection, known[n]).length for n in numbers)

    def first() -> int:
        return sum(protected_segment(track, n, 1, file, protection).length for n in numbers)

    octets = again()
    kind = track.track.format.kind
    rows = [
        _row(
            f"{scheme} {kind}, whole segments" + ", again" * (kind == "video"),
            octets,
            median_s(ROUNDS, again),
            len(numbers),
        )
    ]
    if kind == "video":
        rows.append(_row(f"{scheme} {kind}, whole segments, first", octets, median_s(ROUNDS, first), len(numbers)))
    return rows


def _wholes(file: memoryview, track: TrackPlan) -> list[tuple[str, ...]]:
    """AES-128 of fragments and of MPEG-TS, and SAMPLE-AES of MPEG-TS beside the clear one."""
    kind, numbers = track.track.format.kind, _numbers(track)
    whole, by_sample = ContentKey(kid=_KEY.kid, key=_KEY.key, iv=b""), _KEY
    plain, ciphered = ts.stream_of(track), sample_aes.stream_of(track, file)

    def transport(number: int) -> int:
        body = ts.segment(plain, track, number, file)
        return len(aes128.encrypted([body], len(body), whole, number))

    ways: tuple[tuple[str, Callable[[int], int]], ...] = (
        (f"aes-128 {kind}, fMP4", lambda n: aes128.segment(track, n, file, whole).length),
        (f"aes-128 {kind}, MPEG-TS", transport),
        (f"sample-aes {kind}, MPEG-TS", lambda n: len(sample_aes.segment(ciphered, track, n, file, by_sample))),
        (f"clear {kind}, MPEG-TS", lambda n: len(ts.segment(plain, track, n, file))),
    )
    rows = []
    for name, way in ways:
        octets = sum(map(way, numbers))
        seconds = median_s(ROUNDS, lambda one: sum(map(one, numbers)), way)
        rows.append(_row(name, octets, seconds, len(numbers)))
    return rows


def _numbers(track: TrackPlan) -> list[int]:
    return [n for n in range(_count(track)) if track.first[n + 1] > track.first[n]]


def _row(name: str, octets: int, seconds: float, segments: int) -> tuple[str, ...]:
    return name, f"{octets / seconds / 1e6:,.0f}", f"{seconds / segments * 1e6:,.0f}"


def _one_counter(media: cenc.U8, found: Ranges | None) -> None:
    assert found is not None
    cenc.encrypt_cenc(media, cenc.aligned(found), _KEY, 1)


def _many_counters(media: cenc.U8, found: Ranges | None) -> None:
    assert found is not None
    octets, cipher = media.data, algorithms.AES(_KEY.key)
    places = cenc.aligned(found)
    for start, end, sample in zip(places.start.tolist(), places.end.tolist(), places.sample.tolist(), strict=True):
        context = Cipher(cipher, modes.CTR((1 + sample).to_bytes(8, "big") + bytes(8))).encryptor()
        context.update_into(octets[start:end], octets[start:end])


def _counters_by_ecb(media: cenc.U8, found: Ranges | None) -> None:
    """One slice a sample, as this title has."""
    assert found is not None
    places = cenc.aligned(found)
    blocks = (places.end - places.start) // BLOCK
    total = int(blocks.sum())
    counters = np.empty((total, 2), ">u8")
    counters[:, 0] = np.repeat(places.sample + 1, blocks)
    counters[:, 1] = np.arange(total) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    stream = np.empty(total * BLOCK + BLOCK - 1, np.uint8)
    context = Cipher(algorithms.AES(_KEY.key), modes.ECB()).encryptor()  # one block a counter, as CTR is defined
    context.update_into(counters.view(np.uint8).reshape(-1).data, stream.data)
    at = 0
    for start, end in zip(places.start.tolist(), places.end.tolist(), strict=True):
        np.bitwise_xor(media[start:end], stream[at : at + end - start], out=media[start:end])
        at += end - start


def _one_chain(media: cenc.U8, found: Ranges | None) -> None:
    assert found is not None
    cenc.encrypt_cbcs(media, found, _KEY, pattern=True)


def _places(media: cenc.U8, found: Ranges) -> tuple[cenc.I64, cenc.I64, np.ndarray]:
    step = cenc.CRYPT + cenc.SKIP
    blocks = -(-((found.end - found.start) // BLOCK) // step)
    first = np.repeat(np.cumsum(blocks) - blocks, blocks)
    places = np.repeat(found.start, blocks) + BLOCK * step * (np.arange(int(blocks.sum())) - first)
    return blocks, places, np.ndarray((len(media) - BLOCK + 1,), "V16", media, 0, (1,))


def _many_chains(media: cenc.U8, found: Ranges | None) -> None:
    assert found is not None
    blocks, places, windows = _places(media, found)
    plain = windows[places].view(np.uint8).data
    made = np.empty(len(places) * BLOCK + BLOCK - 1, np.uint8)
    cipher, mode, at = algorithms.AES(_KEY.key), modes.CBC(_KEY.iv), 0
    for count in blocks.tolist():
        end = at + count * BLOCK
        Cipher(cipher, mode).encryptor().update_into(plain[at:end], made.data[at : end + BLOCK - 1])
        at = end
    windows[places] = made[: len(places) * BLOCK].view("V16")


def _in_step(media: cenc.U8, found: Ranges | None) -> None:
    assert found is not None
    blocks, _, windows = _places(media, found)
    order = np.argsort(-blocks)
    counts, starts = blocks[order], found.start[order]
    context = Cipher(algorithms.AES(_KEY.key), modes.ECB()).encryptor()  # the chain is made here, by XOR
    chain = np.tile(np.frombuffer(_KEY.iv, np.uint64), (len(counts), 1))
    made = np.empty(len(counts) * BLOCK + BLOCK - 1, np.uint8)
    for step in range(int(counts[0])):
        live = int(np.searchsorted(-counts, -step, side="left"))
        places = starts[:live] + BLOCK * (cenc.CRYPT + cenc.SKIP) * step
        mixed = windows[places].view(np.uint64).reshape(-1, 2) ^ chain[:live]
        context.update_into(mixed.view(np.uint8).reshape(-1).data, made.data)
        chain = made[: live * BLOCK].view(np.uint64).reshape(-1, 2).copy()
        windows[places] = chain.view("V16").reshape(-1)
