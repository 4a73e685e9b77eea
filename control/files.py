"""Small private files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, body: bytes) -> None:
    """Write and fsync a file of mode 0600 in place of `path`; a power cut leaves the old one or the new one."""
    fresh = path.with_name(path.name + ".tmp")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    put_in_place(fresh, path)


def put_in_place(fresh: Path, path: Path) -> None:
    """Rename and make the rename last."""
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
