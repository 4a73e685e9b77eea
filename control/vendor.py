"""`python -m control.vendor`: put the players' browser libraries in place, under names that carry their versions.

Reads what `npm ci --prefix control/web` installed, writes `control/web/vendor/` (not kept in git): each file, a
gzip copy beside it, its licence, and `vendor.json` = {library: {version, file, ...}}, which the pages read.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).parent / "web"


@dataclass(frozen=True, slots=True)
class Library:
    """`name` as the pages call it; `files` maps what a file is for to its place in the npm package."""

    name: str
    package: str
    files: dict[str, str]
    licence: str


LIBRARIES = (
    Library("hls", "hls.js", {"script": "dist/hls.min.mjs", "worker": "dist/hls.worker.js"}, "LICENSE"),
    Library("shaka", "shaka-player", {"script": "dist/shaka-player.compiled-es2021.js"}, "LICENSE"),
    Library(
        "dash",
        "dashjs",
        {"script": "dist/modern/umd/dash.mediaplayer.min.js", "all": "dist/modern/umd/dash.all.min.js"},
        "LICENSE.md",
    ),
)


class Missing(Exception):
    """What is not installed as package.json wants it, and what to run."""


def copy(web: Path = WEB) -> dict[str, dict[str, str]]:
    """Replace `vendor/` as a whole; its manifest. Raises Missing and leaves what was there."""
    wanted = json.loads((web / "package.json").read_text(encoding="utf-8"))["dependencies"]
    fresh, target = web / "vendor.tmp", web / "vendor"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        manifest = {library.name: _copy_one(library, web / "node_modules", wanted, fresh) for library in LIBRARIES}
    except BaseException:
        shutil.rmtree(fresh)
        raise
    (fresh / "vendor.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return manifest


def _copy_one(library: Library, modules: Path, wanted: dict[str, str], target: Path) -> dict[str, str]:
    package = modules / library.package
    if not (package / "package.json").is_file():
        raise Missing(f"{library.package} is not installed: run npm ci --ignore-scripts --prefix control/web")
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    if version != wanted[library.package]:
        raise Missing(
            f"{library.package} is {version}, package.json pins {wanted[library.package]}: "
            "run npm ci --ignore-scripts --prefix control/web"
        )
    named = {"version": str(version)}
    for use, place in library.files.items():
        source = package / place
        if not source.is_file():
            raise Missing(f"{library.package} {version} has no {place}: adapt LIBRARIES in control/vendor.py")
        name = f"{library.name}-{version}{'' if use == 'script' else f'-{use}'}{source.suffix}"
        body = source.read_bytes()
        (target / name).write_bytes(body)
        (target / f"{name}.gz").write_bytes(gzip.compress(body, 9, mtime=0))
        named[use] = name
    licence = f"{library.name}-{version}.licence.txt"
    shutil.copyfile(package / library.licence, target / licence)
    return named | {"licence": licence}


def main() -> None:
    try:
        manifest = copy()
    except Missing as missing:
        sys.exit(f"headwater: {missing}")
    print(
        "headwater: "
        + ", ".join(f"{name} {row['version']}" for name, row in manifest.items())
        + " in control/web/vendor"
    )


if __name__ == "__main__":
    main()
