"""The scene of the chaos tests, and the table of what survived."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cases import Case
from results import FOLDER
from scene import Scene, scene
from served import Served
from workers.core.settings import Settings

ROWS = pytest.StashKey[list[Case]]()


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> Iterator[list[Case]]:
    """Every case of the session; kept in ``results/`` at the end."""
    found = request.config.stash.setdefault(ROWS, [])
    yield found
    FOLDER.mkdir(exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    (FOLDER / f"chaos-{moment}.json").write_text(json.dumps([_row(case) for case in found], indent=1) + "\n")


@pytest.fixture
async def stage(project: Served, settings: Settings, tmp_path: Path, rows: list[Case]) -> AsyncIterator[Scene]:
    """The served project with probes, without a worker."""
    async with scene(project, settings, tmp_path, rows) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table: fault, survived, lost."""
    found = terminalreporter.config.stash.get(ROWS, [])
    if found:
        terminalreporter.section("chaos")
        width = max(len(case.fault) for case in found)
        terminalreporter.write_line(f"{'FAULT':{width}}  SURVIVED  LOST")
        for case in found:
            row = _row(case)
            terminalreporter.write_line(f"{row['fault']:{width}}  {row['survived']:8}  {'; '.join(row['lost'])}")


def _row(case: Case) -> dict[str, object]:
    judged = bool(case.ended)
    survived = "yes" if judged and not case.lost else "no"
    lost = case.lost or ([] if judged else ["did not come to its end"])
    return {"fault": case.fault, "at": case.at, "survived": survived, "ended": case.ended, "lost": lost}
