"""The table of what survived, printed and kept at the end of a session; several processes may share its tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cases import Case
from results import FOLDER

CASES = pytest.StashKey[list[Case]]()
"""The cases of this process."""

_ROWS = pytest.StashKey[list[dict[str, Any]]]()
_SENT = "chaos"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the rows of a process that shares the tests with others to the one that started it."""
    sent = getattr(session.config, "workeroutput", None)
    found = [_row(case) for case in session.config.stash.get(CASES, [])]
    if sent is None:
        session.config.stash.setdefault(_ROWS, []).extend(found)
    else:
        sent[_SENT] = found


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the rows of a process that shared the tests."""
    node.config.stash.setdefault(_ROWS, []).extend(getattr(node, "workeroutput", {}).get(_SENT, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table (fault, survived, lost) and keep it in ``results/``."""
    found = terminalreporter.config.stash.get(_ROWS, [])
    if not found:
        return
    FOLDER.mkdir(exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    (FOLDER / f"chaos-{moment}.json").write_text(json.dumps(found, indent=1) + "\n")
    terminalreporter.section("chaos")
    width = max(len(row["fault"]) for row in found)
    terminalreporter.write_line(f"{'FAULT':{width}}  SURVIVED  LOST")
    for row in found:
        terminalreporter.write_line(f"{row['fault']:{width}}  {row['survived']:8}  {'; '.join(row['lost'])}")


def _row(case: Case) -> dict[str, Any]:
    judged = bool(case.ended)
    survived = "yes" if judged and not case.lost else "no"
    lost = case.lost or ([] if judged else ["did not come to its end"])
    return {"fault": case.fault, "at": case.at, "survived": survived, "ended": case.ended, "lost": lost}
