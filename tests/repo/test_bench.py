from bench.figures import Figures, machine, page


def test_the_page_shows_figures_and_what_was_not_measured() -> None:
    table = Figures(title="Hits", how="wrk, 2 s.", columns=("object", "rate"), rows=[("1 KB", "9")], lacked=("nginx",))
    made = page([table], ["a machine"])
    assert "* a machine\n\n## Hits\n\nwrk, 2 s.\n\n| object | rate |\n|---|---|\n| 1 KB | 9 |\n" in made
    assert made.endswith("Not measured: nginx.\n")


def test_the_machines_facts_are_read() -> None:
    first, second = machine("2026-01-02")
    assert first.startswith("2026-01-02, Linux")
    assert "cores" in second and "? GiB" not in second
