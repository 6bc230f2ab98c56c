"""How often each scenario of the test plan was run, and how often it passed: from the JUnit files that pytest left.

``make test``, ``make acceptance`` and ``make chaos`` leave one in ``results/junit`` each time. A run of a scenario is a
run of the test files that the plan names for it; it has passed where none of their tests failed or was left out. What
the plan shows by a process is counted from the runs of that process.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

PROJECT: Final = Path(__file__).resolve().parent.parent
PLAN: Final = PROJECT / "docs" / "project" / "test-plan.md"
_PROCESSES: Final = "tests/acceptance/processes/"
_REPEATS: Final = "tests/acceptance/test_process_runs.py"
_ROW: Final = re.compile(r"^\| (S\d+) \| ([^|]+) \|[^|]+\|[^|]+\| ([^|]+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """What shows a scenario: one test file, or one process.

    Attributes:
        runs: how often it ran.
        passed: how often all of it passed.
    """

    runs: int
    passed: int


def rows(junit: Path, processes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per scenario of the plan; its runs are those of the part that ran least.

    Args:
        junit: the folder with the files of pytest.
        processes: the rows of the published runs of processes.
    """
    files = of_files(sorted(junit.glob("*.xml")))
    found = []
    for name, title, shown in _ROW.findall(PLAN.read_text(encoding="utf-8")):
        parts = [_part(path, files, processes) for path in re.findall(r"`(tests/[^`]+)`", shown)]
        found.append({
            "id": name,
            "scenario": title.strip(),
            "runs": min(part.runs for part in parts),
            "passed": min(part.passed for part in parts),
        })  # fmt: skip
    return found if any(row["runs"] for row in found) else []


def of_files(reports: Iterable[Path]) -> dict[str, Part]:
    """How often each test file ran and passed, by its path."""
    counted: dict[str, list[bool]] = defaultdict(list)
    for report in reports:
        good: dict[str, bool] = {}
        for case in ET.parse(report).getroot().iter("testcase"):
            path = _path(case.get("classname", ""))
            good[path] = good.get(path, True) and all(case.find(tag) is None for tag in ("failure", "error", "skipped"))
        for path, passed in good.items():
            counted[path].append(passed)
    return {path: Part(len(runs), sum(runs)) for path, runs in counted.items()}


def _part(path: str, files: Mapping[str, Part], processes: Sequence[Mapping[str, Any]]) -> Part:
    if path == _REPEATS:
        again = [row["again"] for row in processes if row["again"] is not None]
        return Part(len(again), sum(again))
    if path.startswith(_PROCESSES):
        name = re.search(r'ProcessRuns\("(\w+)"', (PROJECT / path).read_text(encoding="utf-8"))
        [found] = [row for row in processes if name and row["process"] == name[1]] or [{"runs": 0, "successes": 0}]
        return Part(found["runs"], found["successes"])
    return files.get(path, Part(0, 0))


def _path(name: str) -> str:
    """The test file of a case: its class name is the dotted module, and where there are classes, their names."""
    words = name.split(".")
    while words and not words[-1].startswith("test_"):
        words.pop()
    return f"{'/'.join(words)}.py"
