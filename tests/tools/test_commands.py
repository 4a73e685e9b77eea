import re

from node.main import COMMANDS
from tools.commands import page


def test_every_subcommand_has_its_section() -> None:
    assert re.findall(r"^## headwater (\S+)$", page(), re.M) == list(COMMANDS)


def test_options_are_shown_with_their_values() -> None:
    made = page()
    assert "| `--home DIR` |" in made
    assert "| `--port-base N` |" in made
    assert "| `--demo` |" in made
    assert "| `--role origin\\|control\\|ingest\\|edge` |" in made
    assert "| `create NAME [--title TITLE] " in made
    assert "==SUPPRESS==" not in made
