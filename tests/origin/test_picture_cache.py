"""Pictures on disk: found again, bounded, and never taken for what they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from origin.picture_cache import PictureCache

ONE, OTHER = "vod/one", "vod/other"


@pytest.fixture
def cache(tmp_path: Path) -> PictureCache:
    return PictureCache(tmp_path / "pictures", 1000)


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "pictures").iterdir())


def test_what_was_put_is_found_by_its_owner_and_key(cache: PictureCache) -> None:
    cache.put(ONE, "a", b"picture")
    assert cache.get(ONE, "a") == b"picture"
    assert cache.get(ONE, "b") is None and cache.get(OTHER, "a") is None


def test_it_is_there_after_a_restart(cache: PictureCache, tmp_path: Path) -> None:
    cache.put(ONE, "a", b"picture")
    (tmp_path / "pictures" / "cut-short.new").write_bytes(b"pic")
    (tmp_path / "pictures" / "not-ours").write_bytes(b"?")
    again = PictureCache(tmp_path / "pictures", 1000)
    assert again.get(ONE, "a") == b"picture" and again.bytes == 7
    assert not (tmp_path / "pictures" / "cut-short.new").exists()
    assert (tmp_path / "pictures" / "not-ours").exists(), "what is not ours is left alone"


def test_the_least_recently_used_goes_first(cache: PictureCache, tmp_path: Path) -> None:
    for key in "abc":
        cache.put(ONE, key, key.encode() * 300)
    assert cache.get(ONE, "a")
    cache.put(ONE, "d", b"d" * 300)
    assert [cache.get(ONE, key) is not None for key in "abcd"] == [True, False, True, True]
    assert cache.bytes == 900 and len(files(tmp_path)) == len(cache) == 3


def test_a_smaller_capacity_holds_from_the_start(cache: PictureCache, tmp_path: Path) -> None:
    for at, key in enumerate("abc"):
        cache.put(ONE, key, key.encode() * 300)
        newest = max(files(tmp_path), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (at, at))
    again = PictureCache(tmp_path / "pictures", 400)
    assert [again.get(ONE, key) is not None for key in "abc"] == [False, False, True]


def test_what_is_larger_than_the_cache_is_not_kept(cache: PictureCache, tmp_path: Path) -> None:
    cache.put(ONE, "a", bytes(1001))
    assert cache.get(ONE, "a") is None and files(tmp_path) == [] and cache.bytes == 0


def test_another_picture_under_the_same_key_takes_its_place(cache: PictureCache, tmp_path: Path) -> None:
    cache.put(ONE, "a", b"first")
    cache.put(ONE, "a", b"second")
    cache.put(ONE, "a", b"second")
    assert cache.get(ONE, "a") == b"second" and len(files(tmp_path)) == 1 and cache.bytes == 6


@pytest.mark.parametrize("damage", [b"", b"pictur", b"Picture"])
def test_a_damaged_file_is_never_shown(cache: PictureCache, tmp_path: Path, damage: bytes) -> None:
    cache.put(ONE, "a", b"picture")
    (path,) = files(tmp_path)
    path.write_bytes(damage)
    assert cache.get(ONE, "a") is None
    assert files(tmp_path) == [] and cache.bytes == 0
    cache.put(ONE, "a", b"picture")
    assert cache.get(ONE, "a") == b"picture"


def test_a_file_that_somebody_removed_is_made_again(cache: PictureCache, tmp_path: Path) -> None:
    cache.put(ONE, "a", b"picture")
    files(tmp_path)[0].unlink()
    assert cache.get(ONE, "a") is None and cache.bytes == 0


def test_an_owner_takes_its_own_along(cache: PictureCache, tmp_path: Path) -> None:
    cache.put(ONE, "a", b"picture")
    cache.put(OTHER, "a", b"another")
    cache.forget(ONE)
    assert cache.get(ONE, "a") is None and cache.get(OTHER, "a") == b"another"
    assert len(files(tmp_path)) == 1 and cache.bytes == 7


def test_a_disk_that_cannot_is_no_fault_of_the_picture(cache: PictureCache, tmp_path: Path) -> None:
    (tmp_path / "pictures").rmdir()
    cache.put(ONE, "a", b"picture")
    assert cache.get(ONE, "a") is None
