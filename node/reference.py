"""The reference pages, made from the tables that the program itself uses: `python -m node.reference settings`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from base.problems import KINDS
from node import lifecycle
from node.home import PORTS
from node.metrics import TABLE as METRICS
from node.probe.rules import RULES
from node.settings import TABLE as SETTINGS
from node.settings import Setting


def pages() -> dict[str, str]:
    """File name in docs/reference/ -> Markdown text."""
    return {
        "settings.md": settings_page(),
        "ports.md": ports_page(),
        "metrics.md": metrics_page(),
        "problems.md": problems_page(),
        "lifecycle.md": lifecycle_page(),
        "probe.md": probe_page(),
    }


def settings_page() -> str:
    rows = [
        (f"`{row.name}`", row.type + _range(row), _default(row), row.unit, row.meaning) for row in SETTINGS.values()
    ]
    return _page(
        "Settings",
        "A TOML file for `headwater up --config FILE`; `headwater check FILE` says what is wrong with it and where. "
        "`edge.listen` is the key `listen` in the table `[edge]`. `--set NAME=VALUE` overrides one. "
        "Sizes may end in k, M, G or T (powers of 1024).",
        ("setting", "type", "default", "unit", "meaning"),
        rows,
    )


def ports_page() -> str:
    rows = [
        (row.name, str(row.default), f"N+{row.offset}", row.scheme, f"`{row.bind}`", row.what) for row in PORTS.values()
    ]
    return _page(
        "Ports",
        "`headwater up` listens on the defaults, `headwater up --port-base N` counts from N; "
        "`headwater ports` prints this table.",
        ("name", "default", "with a base", "scheme", "bound to", "for"),
        rows,
    )


def metrics_page() -> str:
    rows = []
    for row in METRICS.values():
        name = f"headwater_{row.name}" + ("_total" if row.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in row.labels) or "-"
        rows.append((f"`{name}`", row.type, labels, row.meaning))
    return _page(
        "Metrics",
        "Prometheus text format at `/metrics` of the `ops` port. It joins all role processes of the node and adds the "
        "labels `role` and `worker` to each.",
        ("metric", "type", "labels", "meaning"),
        rows,
    )


def problems_page() -> str:
    rows = [
        (f"`urn:headwater:problem:{row.name}`", str(row.status), row.title, "yes" if row.retry else "no", row.meaning)
        for row in KINDS.values()
    ]
    return _page(
        "Problems",
        "Refusals are `application/problem+json` (RFC 9457). `detail` says what to do; `instance` is the request id, "
        "by which the logs have it. Retry: asking again unchanged makes sense.",
        ("type", "status", "title", "retry", "when"),
        rows,
    )


def lifecycle_page() -> str:
    rows = [(str(state), str(event), str(after)) for (state, event), after in lifecycle.TRANSITIONS.items()]
    return _page(
        "A role process under its supervisor",
        f"A role that dies is started again after {lifecycle.FIRST_PAUSE_S:g} s; the pause doubles up to "
        f"{lifecycle.LONGEST_PAUSE_S:g} s and begins anew after {lifecycle.HEALTHY_S:g} s of health. "
        "`headwater status` shows the states.",
        ("state", "event", "next state"),
        rows,
    )


def probe_page() -> str:
    rows = [(f"`{row.id}`", str(row.level), row.section, row.sentence) for row in RULES.values()]
    return _page(
        "What headwater probe checks",
        "`headwater probe URL` reads an HLS playlist or a DASH manifest as a player does, follows a live one for some "
        "seconds, fetches segments at both ends, and names the rules that are broken. Exit code 0: no MUST violated, "
        "1: some are, 2: it cannot be probed. RFC 8216bis is draft-pantos-hls-rfc8216bis-22; DASH-IF timing is the "
        "restricted timing model. Rules of Apple's specification are SHOULD: they bind who wants to be played by its "
        "devices.",
        ("rule", "level", "section", "what holds"),
        rows,
    )


def _page(title: str, opening: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    table = [head, ["---"] * len(head), *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    note = "<!-- Made by `python -m node.reference`; edit the table in the code instead. -->"
    return "\n".join([f"# {title}", "", note, "", opening, "", *lines, ""])


def _default(row: Setting) -> str:
    if row.default == "":
        return "(empty)"
    return f"`{str(row.default).lower() if isinstance(row.default, bool) else row.default}`"


def _range(row: Setting) -> str:
    return "" if row.least is None and row.most is None else f", {row.least} to {row.most}"


def main(arguments: Sequence[str]) -> int:
    """Print one page, by name without `.md`. 2: there is no such page."""
    made = pages()
    if len(arguments) != 1 or f"{arguments[0]}.md" not in made:
        print(f"give one of: {', '.join(name.removesuffix('.md') for name in made)}", file=sys.stderr)
        return 2
    print(made[f"{arguments[0]}.md"], end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
