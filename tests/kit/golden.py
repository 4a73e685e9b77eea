"""Golden files: what the world reads, kept as files whose diff is read in review. `make golden` rewrites them."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

WRITE = os.environ.get("HEADWATER_GOLDEN") == "write"


def golden(test_file: str, name: str, made: str | bytes) -> None:
    """Compare with `golden/{name}` beside the test file (give `__file__`); fails with the difference."""
    golden_at(Path(test_file).parent / "golden" / name, made)


def golden_at(path: Path, made: str | bytes) -> None:
    """Compare with a file anywhere in the repository: the reference pages, for one."""
    data = made.encode() if isinstance(made, str) else bytes(made)
    kept = path.read_bytes() if path.exists() else None
    if kept == data:
        return
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return
    if kept is None:
        pytest.fail(f"{path.name} is not there yet: run `make golden` and read what it writes", pytrace=False)
    pytest.fail(f"{path.name} is stale: run `make golden` and read the diff\n{_difference(kept, data)}", pytrace=False)


def _difference(kept: bytes, made: bytes) -> str:
    try:
        old, new = kept.decode().splitlines(), made.decode().splitlines()
    except UnicodeDecodeError:
        first = next(
            (at for at, (a, b) in enumerate(zip(kept, made, strict=False)) if a != b), min(len(kept), len(made))
        )
        return f"{len(kept)} bytes kept, {len(made)} made; they differ from byte {first} on"
    return "\n".join(difflib.unified_diff(old, new, "kept", "made", lineterm="", n=2))
