"""One file, one test file, found by name."""

import pytest

from tests.kit.optional import ROOT

FOLDERS = ("base", "node", "packager", "ingest", "origin", "edge", "control", "tools")
# A package's docstring and a process's entry hold no logic; a migration is tested by what the schema does.
NO_LOGIC = {"__init__", "__main__"}
UNTESTED_FOLDERS = {"migrations", "node_modules"}


def modules() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if path.stem not in NO_LOGIC and not UNTESTED_FOLDERS.intersection(path.parts)
    )


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_test_file(module: str) -> None:
    folder, _, name = module.rpartition("/")
    assert (ROOT / "tests" / folder / f"test_{name}").is_file(), f"write tests/{folder}/test_{name} for {module}"


def test_every_folder_that_holds_python_is_covered() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - {"bench"} == set(FOLDERS)  # bench measures: `make bench` runs it


@pytest.mark.parametrize("folder", [name for name in FOLDERS if name != "tools"])
def test_a_role_says_what_enters_and_leaves(folder: str) -> None:
    text = (ROOT / folder / "__init__.py").read_text(encoding="utf-8")
    heads = [line.split()[0] for line in text.splitlines() if line.startswith(("Enters", "Leaves", "Keeps", "Never"))]
    assert heads == ["Enters", "Leaves", "Keeps", "Never"], f"{folder}/__init__.py: the four heads, in this order"
