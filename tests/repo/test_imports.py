"""Who may import whom. The contracts and their reasons stand in pyproject.toml; here each is shown to bite."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.kit.optional import ROOT

PACKAGES = ("base", "node", "packager", "ingest", "origin", "edge", "control")

# contract id -> a module and a line that breaks it
PLANTED = {
    "base-alone": ("base/names.py", "import node.clock"),
    "packager-pure": ("packager/boxes.py", "import asyncio"),
    "node-below-roles": ("node/home.py", "import packager.boxes"),
    "roles-apart": ("edge/__init__.py", "import origin"),
    "media-where-it-is-made": ("control/__init__.py", "import packager.boxes"),
    "av-in-ingest": ("origin/__init__.py", "import av"),
}


def contracts() -> dict[str, str]:
    tree = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {row["id"]: row["name"] for row in tree["tool"]["importlinter"]["contracts"]}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": "."})


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("node_modules", "vendor"))
    return folder


def test_the_contracts_hold() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_contract_has_a_planted_violation() -> None:
    assert PLANTED.keys() == contracts().keys()


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_breaks_its_contract(copy: Path, contract: str) -> None:
    module, line = PLANTED[contract]
    path = copy / module
    kept = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{kept}\n{line}\n", encoding="utf-8")
        found = lint(copy)
    finally:
        path.write_text(kept, encoding="utf-8")
    assert found.returncode == 1, found.stdout + found.stderr
    assert f"{contracts()[contract]} BROKEN" in found.stdout


SQL = {"sqlite3", "sqlalchemy", "sqlite_utils", "alembic"}
STORE_WORDS = ("store", "schema", "migrate", "migrations", "journal", "catalog", "rows")


def sql_users() -> list[str]:
    found = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {
                name.partition(".")[0]
                for node in ast.walk(tree)
                for name in (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
            }
            if names & SQL:
                found.append(path.relative_to(ROOT).as_posix())
    return sorted(found)


def test_sql_stays_in_a_roles_store_modules() -> None:
    """What is kept can be moved to another database only if few modules speak to one."""
    outside = [path for path in sql_users() if not any(word in path.split("/", 1)[1] for word in STORE_WORDS)]
    assert outside == []
