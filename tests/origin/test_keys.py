"""Content keys: made once, private, bound to the file, gone with the asset."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import msgspec
import pytest

from origin import keys as module
from origin.keys import Keys, LocalKeys
from packager.index import FileKey
from packager.methods import Method

FILE, OTHER = FileKey(1, 2, 3), FileKey(1, 2, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def values(found: Keys) -> set[bytes]:
    return {value for keys in found.values() for key in keys for value in (key.kid, key.key, key.iv)}


def test_keys_are_made_once_and_kept(folder: Path) -> None:
    first = LocalKeys(folder).keys("film", FILE, Method.CENC)
    assert set(first) == {"video", "audio"}
    assert len(values(first)) == 6 and all(len(value) == 16 for value in values(first))
    again = LocalKeys(folder)
    assert again.keys("film", FILE, Method.CENC) == first
    assert again.find(first["audio"][0].kid) == first["audio"][0]


def test_schemes_assets_and_kinds_have_other_keys(folder: Path) -> None:
    store = LocalKeys(folder)
    found = [store.keys(asset, FILE, method) for asset in ("film", "trailer") for method in (Method.CENC, Method.CBCS)]
    assert len(set[bytes]().union(*map(values, found))) == 24


@pytest.mark.rule("ISO/IEC 23001-7 9.3", "another file under the same name never meets the keys of the one before")
def test_another_file_or_layout_has_other_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalKeys(folder)
    first = store.keys("film", FILE, Method.CENC)
    replaced = store.keys("film", OTHER, Method.CENC)
    assert not values(first) & values(replaced)
    assert store.find(first["video"][0].kid) is None
    assert store.find(replaced["video"][0].kid) == replaced["video"][0]
    monkeypatch.setattr(module, "LAYOUT", 99)
    assert not values(replaced) & values(store.keys("film", OTHER, Method.CENC))


def test_keys_go_with_their_asset(folder: Path) -> None:
    store = LocalKeys(folder)
    found = store.keys("film", FILE, Method.CBCS)
    kept = store.keys("trailer", FILE, Method.CBCS)
    store.forget("film")
    store.forget("never-there")
    assert store.find(found["video"][0].kid) is None
    assert store.find(kept["video"][0].kid) == kept["video"][0]
    assert [path.name for path in folder.iterdir()] == ["trailer.json"]
    assert not values(found) & values(store.keys("film", FILE, Method.CBCS))


def test_only_the_origins_user_can_read_them(folder: Path) -> None:
    LocalKeys(folder).keys("film", FILE, Method.CENC)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_threads_agree_on_one_key(folder: Path) -> None:
    store = LocalKeys(folder)
    found: list[Keys] = []
    threads = [threading.Thread(target=lambda: found.append(store.keys("film", FILE, Method.CENC))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16 and all(one == found[0] for one in found)


def test_a_damaged_file_is_never_replaced_in_silence(folder: Path) -> None:
    store = LocalKeys(folder)
    kept = store.keys("trailer", FILE, Method.CENC)
    (folder / "film.json").write_bytes(b"{")
    again = LocalKeys(folder)
    with pytest.raises(ValueError, match=r"film\.json is damaged: restore it, or remove it"):
        again.keys("film", FILE, Method.CENC)
    assert (folder / "film.json").read_bytes() == b"{"
    assert again.find(kept["video"][0].kid) == kept["video"][0], "the others go on"


def test_a_key_is_not_shown_by_mistake(folder: Path) -> None:
    found = LocalKeys(folder).keys("film", FILE, Method.CENC)["video"][0]
    assert str(found.key) not in f"{found} {found!r}"
    assert msgspec.json.decode((folder / "film.json").read_bytes())["layout"] == module.LAYOUT


def test_each_crypto_period_has_keys_of_its_own(folder: Path) -> None:
    store = LocalKeys(folder)
    one = store.keys("film", FILE, Method.CBCS)
    three = store.keys("film", FILE, Method.CBCS, 3)
    assert {kind: keys[:1] for kind, keys in three.items()} == one, "the first key is that without rotation"
    assert len(values(three)) == 18
    assert LocalKeys(folder).keys("film", FILE, Method.CBCS, 2) == {kind: keys[:2] for kind, keys in three.items()}
    assert LocalKeys(folder).find(three["audio"][2].kid) == three["audio"][2]


def test_keys_of_the_first_version_are_read(folder: Path) -> None:
    """Their rows say nothing of periods."""
    store = LocalKeys(folder)
    before = store.keys("film", FILE, Method.CENC)
    note = msgspec.json.decode((folder / "film.json").read_bytes())
    for row in note["rows"]:
        del row["period"]
    (folder / "film.json").write_bytes(msgspec.json.encode(note))
    assert LocalKeys(folder).keys("film", FILE, Method.CENC) == before
