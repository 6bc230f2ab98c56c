"""The tables of the page on test results, from what the runs of tests left in ``results/``.

Usage: ``python tools/outcomes.py [FOLDER]`` publishes: it takes what a folder has (``results`` where none is given) to
``docs/results/``, where documents are made from it. A kind of result that the folder does not have is left as it is
there. What was never published says so on the page.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tools import results  # noqa: E402
from tools import scenarios as plan  # noqa: E402

PUBLISHED: Final = PROJECT / "docs" / "results"
PROCESSES: Final = PROJECT / "tests" / "acceptance" / "processes"

_MADE_BY: Final = {
    "acceptance.json": "make acceptance",
    "audit.json": "make audit",
    "chaos.json": "make chaos",
    "runs.json": "make test",
    "scenarios.json": "make test",
}
_STAMP: Final = re.compile(r"-(\d{8})T(\d{6})")
_SHOWN: Final = 300


def publish(source: Path, target: Path = PUBLISHED) -> list[str]:
    """Take the results of a folder to where documents are made from them; the names of what was written."""
    found = {
        "acceptance.json": _acceptance(source),
        "audit.json": _read(source / "audit.json"),
        "chaos.json": _chaos(source),
        "runs.json": _runs(source, target),
        "scenarios.json": _scenarios(source),
    }
    written = {name: content for name, content in found.items() if content}
    target.mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        (target / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(written)


def processes(published: Path = PUBLISHED) -> str:
    """Every process that is run five times, with how often it succeeded and how long it took."""
    rows = _read(published / "acceptance.json")
    if rows is None:
        return _absent("acceptance.json")
    lines = [results.table(rows).strip()]
    if left := sorted(_known() - {row["process"] for row in rows}):
        lines.append(f"Not in the published run: {', '.join(left)}.")
    return "\n\n".join([f"Runs that began on {_day(rows)}.", *lines])


def planned(published: Path = PUBLISHED) -> str:
    """Every scenario of the test plan, with how often it was run and passed."""
    runs = _read(published / "runs.json")
    if runs is None:
        return _absent("runs.json")
    days = sorted(_date(name) for name in runs)
    between = f"On {days[0]}." if days[0] == days[-1] else f"Between {days[0]} and {days[-1]}."
    rows = plan.rows(runs, _read(published / "acceptance.json") or [])
    return f"{between}\n\n{_table(('Id', 'Scenario', 'Runs', 'Passed'), rows)}"


def scenarios(published: Path = PUBLISHED) -> str:
    """Every single scenario that leaves a result, with how often it passed."""
    rows = _read(published / "scenarios.json")
    if rows is None:
        return _absent("scenarios.json")
    head = ("Scenario", "Runs", "Passed", "Seconds, median", "Fastest", "Slowest")
    return f"Runs that began on {_day(rows)}.\n\n{_table(head, [_scenario_cells(row) for row in rows])}"


def faults(published: Path = PUBLISHED) -> str:
    """Every fault that was made on purpose, and whether it was survived."""
    found = _read(published / "chaos.json")
    if found is None:
        return _absent("chaos.json")
    cases = found["cases"]
    survived = sum(case["survived"] == "yes" for case in cases)
    rows = [(c["fault"], c["survived"], _cell("; ".join(c["lost"])) or "nothing") for c in cases]
    head = f"{found['day']}: {survived} of {len(cases)} faults were survived."
    return f"{head}\n\n{_table(('Fault', 'Survived', 'Lost'), rows)}"


def audit(published: Path = PUBLISHED) -> str:
    """What the security audit asked, and what it found."""
    found = _read(published / "audit.json")
    if found is None:
        return _absent("audit.json")
    head = ("Question", "With", "Looked at", "Findings", "Exceptions, each with its reason")
    rows = [
        tuple(row[name] for name in ("question", "tool", "looked_at", "findings", "exceptions"))
        for row in found["rows"]
    ]
    return f"{found['started'][:10]}.\n\n{_table(head, rows)}"


def errors(published: Path = PUBLISHED) -> str:
    """What went wrong in the published runs, the first line of what each run said."""
    known = [rows for name in ("acceptance.json", "scenarios.json") if (rows := _read(published / name)) is not None]
    if not known:
        return "Not published yet: no run is published, so no error of one is known here."
    rows = [
        (row.get("process") or row["scenario"], _cell(error.splitlines()[0])[:_SHOWN])
        for row in chain.from_iterable(known)
        for error in row["errors"]
    ]
    return _table(("Of", "Error"), rows) if rows else "No published run ended with an error."


def _acceptance(source: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _read(source / "acceptance.json") or []
    return found


def _scenarios(source: Path) -> list[dict[str, Any]]:
    """One row for each scenario whose runs left files in the folder itself."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(source.glob("*.json")):
        run = _read(path)
        if isinstance(run, dict) and "outcome" in run:
            by_name.setdefault(run["scenario"], []).append(run)
    return [_scenario(name, runs) for name, runs in sorted(by_name.items())]


def _scenario(name: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    good = [run["seconds"] for run in runs if run["outcome"] == "passed"]
    return {
        "scenario": name,
        "runs": len(runs),
        "successes": len(good),
        "seconds": sorted(good),
        "errors": [error for run in runs for error in run["errors"]],
        "started": min(run["started"] for run in runs),
    }


def _chaos(source: Path) -> dict[str, Any]:
    """The run with the most faults, the newest of several such."""
    runs = [(len(cases), path.name, cases) for path in source.glob("chaos-*.json") if (cases := _read(path))]
    if not runs:
        return {}
    _, name, cases = max(runs, key=lambda run: run[:2])
    return {"day": _date(name), "cases": cases}


def _runs(source: Path, target: Path) -> dict[str, dict[str, bool]]:
    """What was published before, and what the reports of the folder add to it; nothing where it has none."""
    found = plan.read(source / "junit")
    before = _read(target / "runs.json") or {}
    return dict(sorted({**before, **found}.items())) if found else {}


def _date(name: str) -> str:
    """The day in the name of a file."""
    stamp = _STAMP.search(name)
    return f"{stamp[1][:4]}-{stamp[1][4:6]}-{stamp[1][6:]}" if stamp else "a day that the file does not name"


def _scenario_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    times = row["seconds"]
    spread = (round(median(times)), round(times[0]), round(times[-1])) if times else ("—",) * 3
    return row["scenario"], row["runs"], row["successes"], *spread


def _known() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in PROCESSES.glob("*.py"))
    return {name for text in texts for name in re.findall(r'ProcessRuns\("(\w+)"', text)}


def _absent(name: str) -> str:
    return f"Not published yet: there is no `docs/results/{name}`. `{_MADE_BY[name]}` and then `make results` write it."


def _day(rows: Sequence[Mapping[str, Any]]) -> str:
    return str(min(row["started"] for row in rows))[:10]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "results-audit": audit,
    "results-errors": errors,
    "results-faults": faults,
    "results-plan": planned,
    "results-processes": processes,
    "results-scenarios": scenarios,
}


def main(arguments: Sequence[str]) -> int:
    """Publish; 1 where the folder has no results at all."""
    source = Path(arguments[0]) if arguments else results.RESULTS
    written = publish(source)
    for name in written:
        print(f"wrote docs/results/{name}")
    if not written:
        print(f"{source} has no results: nothing was run.", file=sys.stderr)
    return 0 if written else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
