"""VM decommissioning: a machine is removed after a second person's approval; asked for again, there is none."""

from __future__ import annotations

from acceptance.process_runs import Happenings, ProcessRuns, approve, asked, ended_well, make_machine, state_of
from served import Served


def once(project: Served, number: int) -> Happenings:
    name = f"old{number}"
    make_machine(project, name)
    machine = project.data / "hosts" / name
    assert machine.is_dir()
    instance = project.start_process("VmDecommissioning", environment="local", name=name, reason="Too old.")
    approve(project, instance)
    happenings = ended_well(project.watch(instance))
    assert state_of(project, name) == "destroyed"
    assert not machine.exists()
    return happenings


def again(project: Served, number: int) -> Happenings:
    name = f"old{number}"
    before = project.data_of("runs", "--stack", f"local/{name}")
    happenings = project.watch(project.start_process("VmDecommissioning", environment="local", name=name))
    assert (happenings[-1]["happening"], happenings[-1]["good"]) == ("ended", False)
    assert asked(happenings) == []
    assert project.data_of("runs", "--stack", f"local/{name}") == before
    return happenings


RUNS = ProcessRuns("VmDecommissioning", once, again)
