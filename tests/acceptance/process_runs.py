"""What `make acceptance` does with every process: five runs, then the first request once more; each leaves a file.

A process joins by a module in ``tests/acceptance/processes`` with a `ProcessRuns` named ``RUNS``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import FOLDER, Result
from served import Served

TIMES = 5
AGAIN = 0
"""Number of the run that repeats the first one."""

Happenings = list[dict[str, Any]]


@dataclass(frozen=True)
class ProcessRuns:
    """How one process is run.

    Attributes:
        process: id of the process.
        once: one run, from the request to the end, with everything that people do in it; gets the project and the
            number of the run, 1 to 5, to name things by. Asserts that the outcome is right, and returns what happened.
        again: the same request as that of the first run, after all of them. Asserts that nothing is different
            afterwards.
    """

    process: str
    once: Callable[[Served, int], Happenings]
    again: Callable[[Served, int], Happenings]


def known() -> list[ProcessRuns]:
    """Every process that has joined, by its module's name."""
    names = sorted(path.stem for path in (Path(__file__).parent / "processes").glob("*.py"))
    return [importlib.import_module(f"acceptance.processes.{name}").RUNS for name in names]


def run(process: ProcessRuns, project: Served, number: int) -> None:
    """Do one run and write down how it went, however it ends."""
    repeats = number == AGAIN
    path = FOLDER / "acceptance" / f"{process.process}-{'again' if repeats else number}.json"
    path.unlink(missing_ok=True)
    with Result(process.process, path, number=number) as result:
        result.steps(process.again(project, 1) if repeats else process.once(project, number))


def ended_well(happenings: Happenings) -> Happenings:
    """What happened, after a look at how it ended."""
    assert happenings[-1]["happening"] == "ended"
    assert happenings[-1]["good"], happenings[-1]
    return happenings


def asked(happenings: Happenings) -> Happenings:
    """The reviews that people were asked for."""
    return [h for h in happenings if h["happening"] == "approval-waits"]
