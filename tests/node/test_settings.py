"""Settings: every fault with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import settings
from node.settings import TABLE, Setting, Settings, SettingsFault


def faults(tmp_path: Path, text: str) -> list[str]:
    """What is wrong, without the path before the line."""
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(SettingsFault) as refused:
        settings.read(path)
    return [fault.removeprefix(f"{path}:") for fault in refused.value.faults]


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[edge]\nmemory = "1G"\nworkers = 4\n[origin]\nlisten = "[::1]:9100"\n')
    found = settings.read(path)
    assert found.number("edge.memory") == 1 << 30
    assert found.number("edge.workers") == 4
    assert settings.listen_address(found.text("origin.listen")) == ("::1", 9100)
    assert found.text("edge.upstream") == ""
    assert len(found.given) == 3


def test_every_fault_is_told_with_its_line_in_order(tmp_path: Path) -> None:
    text = """# an edge
[edge]
memory = "lots"
wrokers = 4

[log]
level = "loud"
[drain]
seconds = 601
[control]
demo = "yes"
listen = "0.0.0.0:99999"
edge_url = "ftp://x"
[edg]
"""
    assert faults(tmp_path, text) == [
        "3: edge.memory: give a number of bytes such as 256M, not 'lots'",
        "4: edge.wrokers: no such setting; did you mean edge.workers?",
        "7: log.level: give debug, info, warning or error, not 'loud'",
        "9: drain.seconds: give a number from 0 to 600, not 601",
        "11: control.demo: give true or false, not 'yes'",
        "12: control.listen: give an address such as 0.0.0.0:8080 or unix:/run/x.sock, not '0.0.0.0:99999'",
        "13: control.edge_url: give a URL such as http://host:8080 or unix:/path, not 'ftp://x'",
        "14: edg: no such setting",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('edge.workers = "2"', "1: edge.workers: give a whole number (count), not '2'"),
        ("\nedge.workers = true", "2: edge.workers: give a whole number (count), not True"),
        ("\n\nedge = { workers = -1 }", "3: edge.workers: give a number from 0 to 256, not -1"),
        ('[ "edge" ]\n"workers" = 1.5', "2: edge.workers: give a whole number (count), not 1.5"),
        ("[[edge]]\nworkers = 1", "1: edge: no such setting"),
        ("[node]\nname = 7", "2: node.name: give a text in quotes, not 7"),
        ("[edge]\nlisten = {}", "2: edge.listen: give an address such as 0.0.0.0:8080 or unix:/run/x.sock, not {}"),
        ("[edge]\nworkers = 1\nworkers = 2", "3: not TOML: Cannot overwrite a value"),
        ("[edge\n", "1: not TOML: Expected ']' at the end of a table declaration"),
        ('x = "', "1: not TOML: Unterminated string"),
    ],
)
def test_a_fault_in_any_spelling_has_its_line(tmp_path: Path, text: str, fault: str) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith(fault)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"[edge]\n# \xff\n")
    with pytest.raises(SettingsFault, match=r"s\.toml:2: not UTF-8"):
        settings.read(path)
    with pytest.raises(FileNotFoundError):
        settings.read(tmp_path / "none.toml")


def test_two_listeners_at_one_address_are_told_at_the_second(tmp_path: Path) -> None:
    text = '[edge]\nlisten = "0.0.0.0:80"\n[control]\nlisten = "0.0.0.0:80"\n'
    assert faults(tmp_path, text) == [
        "4: control.listen: 0.0.0.0:80 is the address of edge.listen too: give each listener its own"
    ]
    path = tmp_path / "well.toml"
    path.write_text('[edge]\nlisten = "0.0.0.0:0"\n[control]\nlisten = "0.0.0.0:0"\n')
    assert settings.read(path).text("edge.listen") == "0.0.0.0:0", "port 0: any free one"


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("edge.workers=2", 2),
        ("edge.memory=64M", "64M"),
        ("control.demo=1", True),
        ("control.demo=false", False),
        ("node.name=7", "7"),
        ("edge.upstream=http://h:1/?a=b", "http://h:1/?a=b"),
    ],
)
def test_an_override_has_its_settings_type(assignment: str, value: object) -> None:
    name = assignment.partition("=")[0]
    assert settings.override(assignment) == {name: value}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("edge.workers", "give NAME=VALUE"),
        ("edge.worker=1", "did you mean edge.workers"),
        ("edge.workers=many", "give a whole number"),
        ("edge.workers=-1", "from 0 to 256"),
        ("edge.listen=8080", "give an address"),
        ("control.demo=2", "true or false"),
        ("pictures.widths=", "give 1 to 8 rising widths"),
        ("pictures.widths=320 160", "give 1 to 8 rising widths"),
        ("pictures.widths=160 wide", "give 1 to 8 rising widths"),
        ("pictures.widths=160 5000", "give 1 to 8 rising widths"),
        ("pictures.tiles=5", "give columns and rows"),
        ("pictures.tiles=0x5", "give columns and rows"),
        ("pictures.tiles=21x5", "give columns and rows"),
    ],
)
def test_a_wrong_override_is_refused(assignment: str, words: str) -> None:
    with pytest.raises(SettingsFault, match=words):
        settings.override(assignment)


def test_widths_and_grids_are_read() -> None:
    assert settings.widths("160 320  640") == (160, 320, 640)
    assert (settings.grid("5x4"), settings.grid("20x1"), settings.grid("5 x 4")) == ((5, 4), (20, 1), None)


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", "k", "M", "G", "T"]))
def test_sizes_are_powers_of_1024(number: int, letter: str) -> None:
    assert settings.size(f"{number}{letter}") == number * 1024 ** " kMGT".index(letter or " ")


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_every_default_passes_its_own_check(row: Setting) -> None:
    assert settings.fault_of(row, row.default) is None
    assert row.meaning and not row.meaning.endswith(".")


def test_merged_settings_leave_the_first_alone() -> None:
    first = Settings({"edge.workers": 1})
    assert first.merged({"edge.workers": 2}).number("edge.workers") == 2
    assert first.number("edge.workers") == 1
    assert first.flag("control.demo") is False
