"""VM provisioning: a machine with a website, approved by a second person; asked for again, nothing is to do."""

from __future__ import annotations

from acceptance.process_runs import Happenings, ProcessRuns, asked, ended_well
from served import Served, page_of

MESSAGE = "Machine {{ 6*7 }} of the acceptance"


def once(project: Served, number: int) -> Happenings:
    name = f"vm{number}"
    instance = project.start(name, MESSAGE)
    approved = project.approve(instance)
    assert approved.returncode == 0, approved.stderr
    happenings = ended_well(project.watch(instance))
    assert MESSAGE in page_of(project, f"local/{name}")
    return happenings


def again(project: Served, number: int) -> Happenings:
    stack = f"local/vm{number}"
    before = project.data_of("stack", "show", stack)["record"]
    happenings = ended_well(project.watch(project.start(f"vm{number}", MESSAGE)))
    assert asked(happenings) == []
    after = project.data_of("stack", "show", stack)["record"]
    assert (after["last_apply"], after["outputs"]) == (before["last_apply"], before["outputs"])
    assert MESSAGE in page_of(project, stack)
    return happenings


RUNS = ProcessRuns("VmProvisioning", once, again)
