"""VM lifetime: asked before the end, one person extends it and another approves that; at the end it is removed."""

from __future__ import annotations

from datetime import datetime, timedelta

from acceptance.process_runs import (
    Happenings,
    ProcessRuns,
    answer,
    approve,
    asked,
    ended_well,
    make_machine,
    state_of,
)
from served import Served
from workers.core.moments import moment_text
from workers.core.values import now

LIFE = timedelta(seconds=60)
LATER = timedelta(seconds=5)


def once(project: Served, number: int) -> Happenings:
    name = f"short{number}"
    make_machine(project, name)
    end = now() + LIFE
    lifetime = {"environment": "local", "name": name, "endDate": moment_text(end), "remindBefore": "PT1H"}
    instance = project.start_process("VmLifetime", **lifetime)
    extension = {"next": "extend", "newEndDate": moment_text(end + LATER), "reason": "Still needed."}
    answer(project, instance, "Task_DecideOnEndDate", extension)
    assert end_of(project, name) == end
    approve(project, instance)
    happenings = project.watch_for(instance, {"happening": "step-ended", "element": "Task_SetEndDate"})
    assert end_of(project, name) in (end, end + LATER)
    approve(project, instance)
    happenings = ended_well(project.watch(instance))
    assert state_of(project, name) == "destroyed"
    shown = project.data_of("stack", "show", f"local/{name}")
    assert shown["record"]["expires"] is None
    dates = [entry["details"]["expires"] for entry in shown["audit"] if entry["action"] == "end-date-set"]
    assert dates == [moment_text(end), moment_text(end + LATER)]
    return happenings


def end_of(project: Served, name: str) -> datetime | None:
    expires = project.data_of("stack", "show", f"local/{name}")["record"]["expires"]
    return datetime.fromisoformat(expires) if expires else None


def again(project: Served, number: int) -> Happenings:
    name = f"short{number}"
    variables = {"environment": "local", "name": name, "endDate": "2100-01-01"}
    happenings = project.watch(project.start_process("VmLifetime", **variables))
    assert (happenings[-1]["happening"], happenings[-1]["good"]) == ("ended", False)
    assert asked(happenings) == []
    assert state_of(project, name) == "destroyed"
    return happenings


RUNS = ProcessRuns("VmLifetime", once, again)
