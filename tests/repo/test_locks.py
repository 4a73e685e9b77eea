"""The lock files agree with each other and with what pyproject.toml asks for."""

import json
import re
import tomllib

from tests.kit.optional import ROOT


def pins(name: str) -> dict[str, set[str]]:
    """package -> the pinned versions (more than one where a marker chooses)."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(encoding="utf-8"), re.M):
        found.setdefault(package, set()).add(version)
    return found


def test_the_test_lock_changes_nothing_that_the_appliance_runs_on() -> None:
    run, test = pins("requirements.lock"), pins("requirements-test.lock")
    assert run
    assert {name: versions for name, versions in run.items() if test.get(name) != versions} == {}


def test_every_dependency_is_pinned() -> None:
    tree = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = {re.match(r"[A-Za-z0-9._-]+", row)[0].lower() for row in tree["project"]["dependencies"]}  # type: ignore[index]
    tests = {re.match(r"[A-Za-z0-9._-]+", row)[0].lower() for row in tree["dependency-groups"]["test"]}  # type: ignore[index]
    assert names - pins("requirements.lock").keys() == set()
    assert tests - pins("requirements-test.lock").keys() == set()


def test_every_pin_has_a_hash() -> None:
    for name in ("requirements.lock", "requirements-test.lock"):
        blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8").strip())
        assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_npm_pins_are_exact_and_hashed() -> None:
    for folder in ("control/web", "tests/browser"):
        asked = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
        lock = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        for name, version in asked.items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{folder}: pin {name} exactly"
            assert lock[f"node_modules/{name}"]["version"] == version
        assert [name for name, row in lock.items() if name and "integrity" not in row] == []
