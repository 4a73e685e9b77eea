"""The texts of an asset on disk: one file each, `text/s1.json` in the asset's folder, written whole or not at all.

Blocking: called from threads. What is kept is what was read, not the file that was sent: cues and how they are
offered.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from base.problems import Problem
from origin.disk import sync_folder, write_whole
from packager.plan import Plan
from packager.text.plan import Sidecar, TextPlan, make_text_plan
from packager.text.tracks import check, is_name

log = structlog.get_logger("texts")

FOLDER = "text"
MOST = 50


def load(folder: Path, plan: Plan) -> tuple[TextPlan, ...]:
    """The texts of the asset in a folder, by their numbers. One that is damaged is left out, and logged."""
    found = []
    for path in sorted((folder / FOLDER).glob("s*.json"), key=lambda path: (len(path.stem), path.stem)):
        if not is_name(path.stem):
            continue
        try:
            found.append(make_text_plan(plan, path.stem, msgspec.json.decode(path.read_bytes(), type=Sidecar)))
        except (OSError, msgspec.DecodeError) as fault:
            log.error("text.damaged", asset=folder.name, track=path.stem, fault=str(fault))
    return tuple(found)


def store(folder: Path, plan: Plan, name: str, text: Sidecar) -> None:
    """Raises Problem: unplayable if it cannot be served, unknown if the asset has gone. OSError: the disk is full."""
    check(make_text_plan(plan, name, text))
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        write_whole(folder / FOLDER / f"{name}.json", msgspec.json.encode(text))
        sync_folder(folder)
    except FileNotFoundError:
        raise Problem("unknown", f"there is no asset {folder.name}") from None


def drop(folder: Path, name: str) -> None:
    """Raises Problem unknown."""
    try:
        (folder / FOLDER / f"{name}.json").unlink()
    except FileNotFoundError:
        raise Problem("unknown", f"the asset has no subtitles {name}") from None
    sync_folder(folder / FOLDER)
