"""What people see."""

import io

from node.terminal import Screen, columns


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_keeps_the_progress_below_the_lines() -> None:
    out = Tty()
    screen = Screen(out)
    screen.waiting_for(["origin", "edge"])
    screen.waiting_for(["origin", "edge"])
    screen.line("origin ready")
    screen.waiting_for([])
    shown = "waiting for origin, edge ..."
    clear = "\r\x1b[K"
    assert out.getvalue() == f"{shown}{clear}origin ready\n{shown}{clear}"


def test_a_pipe_gets_lines_only() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.waiting_for(["origin"])
    screen.line("origin ready")
    assert out.getvalue() == "origin ready\n"


def test_logs_are_shown_when_asked_for() -> None:
    quiet, loud = io.StringIO(), io.StringIO()
    Screen(quiet).log_line("edge-1", "{}")
    Screen(loud, verbose=True).log_line("edge-1", "{}")
    assert (quiet.getvalue(), loud.getvalue()) == ("", "edge-1: {}\n")


def test_a_closed_terminal_is_no_fault() -> None:
    out = io.StringIO()
    screen = Screen(out)
    out.close()
    screen.line("nobody reads this")


def test_columns_are_aligned() -> None:
    assert columns([("a", "one"), ("long", "two"), ("b", "")]) == ["  a     one", "  long  two", "  b"]
    assert columns([]) == []
