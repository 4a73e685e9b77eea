"""The doors: what `make` lists exists, and the workflow calls only what a person can call."""

import re
import subprocess

import pytest

from tests.kit.optional import ROOT

DOORS = ("setup", "run", "test", "test-slow", "lint", "bench", "golden", "clean")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def test_make_alone_lists_the_doors() -> None:
    listed = make().stdout
    for door in DOORS:
        assert re.search(rf"^  make {door} +\S", listed, re.M), f"{door} is not listed by `make`:\n{listed}"


def commands(name: str) -> list[str]:
    """What a script or a workflow runs: lines of the shell, without settings and comments."""
    text = read(name)
    if name.endswith(".yml"):
        return [line.strip() for line in re.findall(r"^\s*(?:- )?run: (.+)$", text, re.M)]
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "set ", "cd ", "export "))]


def test_the_workflow_calls_the_same_door_as_any_ci() -> None:
    assert commands(".github/workflows/check.yml") == ["sudo --preserve-env=CI bash .ci/run"]


@pytest.mark.parametrize("command", commands(".ci/run"))
def test_ci_calls_doors_that_exist(command: str) -> None:
    found = re.fullmatch(r'make ([a-z-]+)(?: ARGS="[a-z/ -]+")?(?:  #.*)?', command)
    assert found, f"{command!r}: .ci/run calls doors of the Makefile and nothing else"
    assert make("--dry-run", "--question", found[1]).returncode != 2, f"no such door: {command}"


def test_actions_of_others_are_pinned_by_commit() -> None:
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for used in re.findall(r"uses: (\S+)", workflow.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", used), f"{workflow.name}: pin {used} by its commit"
