"""What all subcommands share."""

import argparse
from pathlib import Path

import pytest

from node import command


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.shared_options(parser, top=True)
    made = parser.add_subparsers(dest="command").add_parser("ports")
    command.shared_options(made)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "words",
    [["--home", "/h", "--json", "ports"], ["ports", "--home", "/h", "--json"], ["--home", "/h", "ports", "--json"]],
)
def test_shared_options_stand_before_or_after_the_subcommand(words: list[str]) -> None:
    found = given(*words)
    assert (found.home, found.json) == (Path("/h"), True)


def test_the_home_is_the_option_the_environment_or_a_folder_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADWATER_HOME", raising=False)
    assert command.home_of(given("ports")).root == tmp_path / "headwater-home"
    monkeypatch.setenv("HEADWATER_HOME", "/srv/hw")
    assert command.home_of(given("ports")).root == Path("/srv/hw")
    assert command.home_of(given("ports", "--home", "x")).root == tmp_path / "x"


def test_results_and_words_to_people_are_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    command.print_json({"title": "Büro"})
    command.say("done")
    assert capsys.readouterr() == ('{"title": "Büro"}\n', "done\n")


def test_a_fault_has_an_exit_code_that_is_documented() -> None:
    assert command.Fault("x").code == 1
    for code in (command.OK, command.FAILED, command.UNUSABLE):
        assert f"  {code}  " in command.EXIT_CODES
