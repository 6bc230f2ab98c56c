"""How often each scenario of the test plan was run, and how often it passed: from the JUnit files that pytest left.

``make scenarios``, ``make test``, ``make acceptance`` and ``make chaos`` leave one in ``results/junit`` each time. A
run of a scenario is a run of the test files that the plan names for it; it has passed where none of their tests
failed or was left out. A file of which every test was left out, for the lack of a browser for example, did not run.
What the plan shows by a process is counted from the runs of that process, what it shows by the bench from the rounds of
the published one, whose page names the aims that it missed. Published runs add up. Called as a program it prints the
files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

PROJECT: Final = Path(__file__).resolve().parent.parent
PLAN: Final = PROJECT / "docs" / "project" / "test-plan.md"
_BENCH: Final = PROJECT / "bench" / "published.json"
_PROCESSES: Final = "tests/acceptance/processes/"
_REPEATS: Final = "tests/acceptance/test_process_runs.py"
_MISSING: Final = "missing on CI: "
_ROW: Final = re.compile(r"^\| (S\d+) \| ([^|]+) \|[^|]+\|[^|]+\| ([^|]+) \|$", re.MULTILINE)


Runs = Mapping[str, Mapping[str, bool]]
"""By the name of a report: which of the plan's test files it ran, and whether all of a file passed."""


@dataclass(frozen=True)
class Part:
    """What shows a scenario: one test file, or one process.

    Attributes:
        runs: how often it ran.
        passed: how often all of it passed.
    """

    runs: int
    passed: int


def read(junit: Path) -> dict[str, dict[str, bool]]:
    """What the reports of a folder say of the plan's test files.

    Args:
        junit: the folder with the files of pytest.
    """
    wanted = {path for _, _, shown in _planned() for path in _files(shown)}
    found = {}
    for report in sorted(junit.glob("*.xml")):
        said = {path: passed for path, passed in _of(report).items() if path in wanted}
        if said:
            found[report.stem] = said
    return found


def rows(runs: Runs, processes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int, int]]:
    """Id, title, runs and successes of each scenario of the plan; its runs are those of the part that ran least.

    Args:
        runs: what the published reports say.
        processes: the rows of the published runs of processes.
    """
    found = []
    for name, title, shown in _planned():
        parts = [_part(path, runs, processes) for path in _files(shown)]
        found.append((name, title, min(part.runs for part in parts), min(part.passed for part in parts)))
    return found


def files() -> list[str]:
    """The test files that the plan names, but those of processes, which `make acceptance` repeats."""
    named = {path for _, _, shown in _planned() for path in _files(shown)}
    return sorted(path for path in named if not path.startswith((_PROCESSES, "bench/")) and path != _REPEATS)


def _planned() -> list[tuple[str, str, str]]:
    rows = _ROW.findall(PLAN.read_text(encoding="utf-8"))
    return [(name, title.strip(), shown) for name, title, shown in rows]


def _files(shown: str) -> list[str]:
    return re.findall(r"`((?:tests|bench)/[^`]+)`", shown)


def _of(report: Path) -> dict[str, bool]:
    cases: dict[str, list[ET.Element]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        cases.setdefault(_path(case.get("classname", "")), []).append(case)
    ran = {path: found for path, found in cases.items() if not all(_left_out(case) for case in found)}
    return {path: all(_good(case) for case in found) for path, found in ran.items()}


def _left_out(case: ET.Element) -> bool:
    """Skipped, or, on CI, failed before it began for the lack of a part (tests/needs.py)."""
    missing = (case.find(tag) for tag in ("failure", "error"))
    said = " ".join(found.get("message", "") for found in missing if found is not None)
    return case.find("skipped") is not None or _MISSING in said


def _good(case: ET.Element) -> bool:
    return all(case.find(tag) is None for tag in ("failure", "error", "skipped"))


def _part(path: str, runs: Runs, processes: Sequence[Mapping[str, Any]]) -> Part:
    if path.startswith("bench/"):
        rounds = json.loads(_BENCH.read_text(encoding="utf-8"))["rounds"]
        return Part(rounds, rounds)
    if path == _REPEATS:
        again = [row["again"] for row in processes if row["again"] is not None]
        return Part(len(again), sum(again))
    if path.startswith(_PROCESSES):
        name = re.search(r'ProcessRuns\("(\w+)"', (PROJECT / path).read_text(encoding="utf-8"))
        [found] = [row for row in processes if name and row["process"] == name[1]] or [{"runs": 0, "successes": 0}]
        return Part(found["runs"], found["successes"])
    said = [files[path] for files in runs.values() if path in files]
    return Part(len(said), sum(said))


def _path(name: str) -> str:
    """The test file of a case: its class name is the dotted module, and where there are classes, their names."""
    words = name.split(".")
    while words and not words[-1].startswith("test_"):
        words.pop()
    return f"{'/'.join(words)}.py"


if __name__ == "__main__":
    print(*files())
