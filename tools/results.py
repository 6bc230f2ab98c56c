"""Make the table of the acceptance runs from what they left: ``results/acceptance.md`` and ``.json``.

Usage: ``python tools/results.py [FOLDER]``; the folder is ``results`` where none is given. Ends with 1 where a process
did not succeed every time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

RESULTS: Final = Path(__file__).resolve().parent.parent / "results"
AGAIN: Final = 0
"""Number of the run that repeats the first request."""

HEADS: Final = ("Process", "Runs", "Successes", "Seconds, median", "Fastest", "Slowest", "Asked again", "Errors")


def read(folder: Path) -> list[dict[str, Any]]:
    """What every run left, in the order in which they began."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(runs, key=lambda run: str(run["started"]))


def summary(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per process."""
    by_process: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_process.setdefault(run["scenario"], []).append(run)
    return [_row(process, found) for process, found in sorted(by_process.items())]


def _row(process: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = [run for run in runs if run["number"] != AGAIN]
    again = [run["outcome"] == "passed" for run in runs if run["number"] == AGAIN]
    good = [run["seconds"] for run in first if run["outcome"] == "passed"]
    return {
        "process": process,
        "runs": len(first),
        "successes": len(good),
        "seconds": sorted(good),
        "again": again[0] if again else None,
        "errors": [f"{run['number'] or 'again'}: {error}" for run in runs for error in run["errors"]],
        "started": runs[0]["started"],
    }


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS)]
    for row in rows:
        times = row["seconds"]
        cells = [row["process"], row["runs"], row["successes"]]
        cells += [round(median(times)), round(times[0]), round(times[-1])] if times else ["—"] * 3
        cells += [{True: "the same", False: "differs", None: "not tried"}[row["again"]], _errors(row["errors"])]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _errors(errors: Sequence[str]) -> str:
    first_lines = (error.splitlines()[0][:200].replace("|", "\\|") for error in errors)
    return "; ".join(first_lines) or "none"


def main(arguments: Sequence[str]) -> int:
    """Write both files and print the table; 1 where something went wrong in a run, or there was none."""
    folder = Path(arguments[0]) if arguments else RESULTS
    rows = summary(read(folder / "acceptance"))
    if not rows:
        print(f"{folder / 'acceptance'} has no results: no process was run.", file=sys.stderr)
        return 1
    text = (
        f"# Acceptance runs\n\nFrom {rows[0]['started'][:10]}, on the embedded engine with real tools.\n\n{table(rows)}"
    )
    (folder / "acceptance.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "acceptance.md").write_text(text, encoding="utf-8")
    print(table(rows), end="")
    return 0 if all(row["runs"] == row["successes"] and row["again"] is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
