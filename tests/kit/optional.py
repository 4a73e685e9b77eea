"""Parts that a test may lack, and which of them continuous integration must have.

A test says what it lacks with `lacks(part, more)`. On a newcomer's machine that is a skip with a reason. With CI=true
a skip is a failure, unless the part is one that CI cannot install: otherwise a suite could be green by running nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]

# part -> why CI may be without it
CI_MAY_LACK = {
    "shared media": "third-party films and vectors are kept outside of the repository",
    "local oracle": "other packagers are published for some processors only",
    "file system": "a folder of temporary files may be kept in memory, where nothing is ever cold",
    "local encoder": "which codecs the installed FFmpeg can encode is the distribution's choice",
}
IN_CI = os.environ.get("CI") == "true"


def lacks(part: str, more: str) -> NoReturn:
    """Skip the calling test, naming the part that is not there."""
    pytest.skip(f"{part}: {more}")


def excused(reason: str) -> bool:
    """May a test be skipped in CI for this reason?"""
    return reason.removeprefix("Skipped: ").partition(":")[0] in CI_MAY_LACK


def shared_media(name: str = "") -> Path:
    """A file of the shared test media; skips where the folder or the file is absent."""
    folder = Path(os.environ.get("HEADWATER_TEST_MEDIA", ROOT.parent / "shared" / "media"))
    found = folder / name
    if not found.exists():
        lacks("shared media", f"no {name or 'folder'}; name the folder with HEADWATER_TEST_MEDIA")
    return found


def program(name: str) -> str:
    """The path of an installed program; skips where it is absent."""
    found = shutil.which(name)
    if found is None:
        lacks("program", f"{name} is not installed; tools/needs.sh test names the package")
    return found


def chromium() -> str:
    """The path of the browser; HEADWATER_CHROMIUM names another one."""
    for name in (os.environ.get("HEADWATER_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    lacks("program", "no Chromium is installed; tools/needs.sh test names the package")
