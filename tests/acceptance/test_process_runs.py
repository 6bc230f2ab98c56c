"""Every process five times from its request to its end, on the embedded engine with real tools, and once more."""

from __future__ import annotations

import pytest

from acceptance.process_runs import AGAIN, TIMES, ProcessRuns, known, run
from integration.local_host_fixtures import tools
from served import Served

__all__ = ["tools"]  # a fixture that is used by being here

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

EVERY = [
    pytest.param(process, number, id=f"{process.process}-{number or 'again'}")
    for process in known()
    for number in (*range(1, TIMES + 1), AGAIN)
]


@pytest.mark.parametrize(("process", "number"), EVERY)
def test_a_process_comes_to_its_end(project: Served, process: ProcessRuns, number: int):
    """Each run ends as its request asks; the first request, repeated after them all, changes nothing."""
    run(process, project, number)
