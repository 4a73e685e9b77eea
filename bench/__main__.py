"""`python -m bench [NAME ...]`: run the benchmarks, print them, and write docs/reference/benchmarks.md if all ran."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import bench
from bench.figures import Figures, machine, page
from node.clock import SystemClock

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks.md"


def main(asked: list[str]) -> int:
    found = sorted(row.name for row in pkgutil.iter_modules(bench.__path__) if row.name not in ("__main__", "figures"))
    if unknown := set(asked) - set(found):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    tables: list[Figures] = []
    for name in asked or found:
        module = importlib.import_module(f"bench.{name}")
        if hasattr(module, "measure"):
            print(f"bench: {name}", file=sys.stderr, flush=True)
            tables.append(module.measure())
    day = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).date().isoformat()
    made = page(tables, machine(day))
    print(made)
    if not asked:
        PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
