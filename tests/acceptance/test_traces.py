"""The trace of a real process that two workers have worked on, as a collector gets it."""

from __future__ import annotations

import pytest

from served import Served

pytestmark = [pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]


def test_one_trace_tells_of_a_process_whatever_worker_worked_on_it(project: Served):
    """Planned by one worker, rejected, ended by another one: one trace with one root, and every span in its place."""
    instance = project.start("traced1")
    project.watch_until(instance, "approval-waits")
    project.worker.stop()
    project.worker.start()
    rejected = project.cli("reject", str(instance), "--as", "act", "--wait", "60", "--yes", "--reason", "not now")
    assert rejected.returncode == 0, rejected.stderr
    project.watch(instance)
    trace = project.traces.wait(lambda found: found.whole(instance))
    by_id = {s.id: s for s in trace}
    assert [s.name for s in trace if s.parent not in by_id] == ["VM provisioning"]
    names = {s.name: s for s in trace}
    assert names["terraform.local_host.plan"].worker != names["approval.verify"].worker
    planned = names["tofu plan"]
    assert by_id[planned.parent].name == "terraform.local_host.plan"
    assert by_id[planned.parent].attributes["sluis.stack"] == "local/traced1"
    review = names["Review change"]
    assert review.attributes["sluis.type"] == "USER_TASK"
    assert review.nanoseconds[0] < names["approval.verify"].nanoseconds[0]
    assert review.nanoseconds[1] > review.nanoseconds[0]
