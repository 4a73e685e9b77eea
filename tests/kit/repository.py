"""What belongs to the repository: tracked files and new ones that are not ignored."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.kit.optional import ROOT

_FOREIGN = {"node_modules", ".venv", ".build", "__pycache__", ".git"}


@cache
def tracked() -> tuple[str, ...]:
    """Paths relative to the root. Asks git; from an archive without git, walks the folders."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        found = [name for name in asked.stdout.split("\0") if name]
    else:
        found = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if _ours(path)]
    return tuple(sorted(name for name in found if (ROOT / name).is_file()))


def _ours(path: Path) -> bool:
    return not _FOREIGN.intersection(path.relative_to(ROOT).parts)


def text_of(name: str) -> str:
    """A file's text; empty for one that is not UTF-8."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
