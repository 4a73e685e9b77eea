import base64
from pathlib import Path

import pytest

from base.desired import key_hash
from control.keys import KeyFile, new_key


def hashes(**keys: str) -> dict[str, tuple[str, ...]]:
    return {name: (key_hash(key),) for name, key in keys.items()}


def filled(folder: Path, **keys: str) -> KeyFile:
    file = KeyFile(folder)
    file.offer(keys)
    file.accept()
    return file


def test_a_key_is_128_random_bits_and_no_option() -> None:
    made = {new_key() for _ in range(300)}
    assert len(made) == 300
    assert all(len(base64.urlsafe_b64decode(key + "==")) == 16 and not key.startswith("-") for key in made)


def test_what_is_accepted_is_read_and_is_private(tmp_path: Path) -> None:
    file = filled(tmp_path, news="k1")
    assert file.read() == {"news": "k1"}
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_an_offer_alone_changes_nothing(tmp_path: Path) -> None:
    file = filled(tmp_path, news="k1")
    file.offer({"news": "k2"})
    assert file.read() == {"news": "k1"}
    file.withdraw()
    assert [path.name for path in tmp_path.iterdir()] == ["stream-keys.json"]


@pytest.mark.parametrize(("committed", "expected"), [("k1", "k1"), ("k2", "k2")])
def test_after_a_kill_the_catalog_says_which_key_counts(tmp_path: Path, committed: str, expected: str) -> None:
    """Killed between offer and commit, or between commit and accept."""
    filled(tmp_path, news="k1", art="k9").offer({"news": "k2", "art": "k9"})
    again = KeyFile(tmp_path)
    assert again.settle(hashes(news=committed, art="k9")) == []
    assert again.read() == {"news": expected, "art": "k9"}
    assert [path.name for path in tmp_path.iterdir()] == ["stream-keys.json"]


def test_keys_of_channels_that_are_gone_go_and_missing_ones_are_named(tmp_path: Path) -> None:
    file = filled(tmp_path, news="k1", old="k2")
    assert file.settle(hashes(news="k1", art="k3")) == ["art"]
    assert file.read() == {"news": "k1"}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "stream-keys.json").write_text('{"news": ')
    with pytest.raises(OSError, match=r"stream-keys\.json is damaged"):
        KeyFile(tmp_path).read()
