"""The marks of an asset on disk: `marks.json` in its folder, none without marks. Blocking: called from threads."""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from base.problems import Problem
from origin.disk import sync_folder, write_whole
from packager import marks
from packager.marks import Marks

log = structlog.get_logger("marks")

FILE = "marks.json"


def load(folder: Path) -> Marks:
    """None where they are damaged, which is logged: a film plays without them."""
    try:
        return marks.from_bytes((folder / FILE).read_bytes())
    except FileNotFoundError:
        return Marks()
    except (OSError, msgspec.DecodeError) as fault:
        log.error("marks.damaged", asset=folder.name, fault=str(fault))
        return Marks()


def store(folder: Path, found: Marks) -> None:
    """Raises Problem unknown if the asset has gone. OSError: the disk is full."""
    try:
        if found:
            write_whole(folder / FILE, found.to_bytes())
        else:
            (folder / FILE).unlink(missing_ok=True)
        sync_folder(folder)
    except FileNotFoundError:
        raise Problem("unknown", f"there is no asset {folder.name}") from None
