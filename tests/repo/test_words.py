"""What no file of the repository may hold: the path of somebody's machine, the host of a package registry, a key."""

import re

import pytest

from tests.kit.repository import text_of, tracked

# Spelt in halves, so that this file passes its own test.
BANNED = {
    "a machine's path": re.compile(r"(?<![\w.])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me/\w+)/"),
    "a registry's host": re.compile(
        r"py"
        + r"pi\.org|python"
        + r"hosted\.org|registry\.np"
        + r"mjs|deb\.deb"
        + r"ian\.org|np"
        + r"m\.pkg|jsdel"
        + r"ivr|unp"
        + r"kg"
    ),
    "a private key": re.compile(r"BEGIN (?:[A-Z]+ )?PRIV" + r"ATE KEY"),
}


@pytest.mark.parametrize("what", BANNED)
def test_no_file_holds(what: str) -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}"
        for name in tracked()
        if (text := text_of(name)) and (hit := BANNED[what].search(text))
    ]
    assert found == []


def test_the_words_are_found_where_they_are() -> None:
    assert BANNED["a machine's path"].search("see /ro" + "ot/x")
    assert not BANNED["a machine's path"].search("GET /live/root/x and a/work/b")
    assert BANNED["a registry's host"].search("https://py" + "pi.org/simple")


def test_lock_files_name_no_registry() -> None:
    """Which registry is used is the machine's choice (its pip and npm settings), not the project's."""
    locks = [name for name in tracked() if name.endswith(("package-lock.json", ".lock"))]
    assert len(locks) >= 4
    assert [name for name in locks if "http" in text_of(name) and '"resolved"' in text_of(name)] == []
    assert [
        name for name in locks if re.search(r"^\s*--(?:index|extra|find)|@ (?:https?|file)", text_of(name), re.M)
    ] == []
