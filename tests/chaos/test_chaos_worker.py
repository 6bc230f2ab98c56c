"""The worker is killed at every step of plan, apply and Ansible."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import psutil
import pytest

from cases import ANSIBLE, Case
from judging import judge
from scene import Scene, until

pytestmark = [pytest.mark.engine, pytest.mark.tofu]


async def test_a_worker_killed_at_every_step_loses_and_repeats_nothing(stage: Scene) -> None:
    """One SIGKILL catches changes at every step of plan, apply and Ansible; each comes to its end, made once."""
    killed = "worker killed: "
    cases = [
        Case("plan-fresh", killed + "plan, before it is recorded", "plan not yet recorded"),
        Case("plan-begun", killed + "plan, recorded and not begun", "plan recorded"),
        Case("plan-during", killed + "plan, tofu at work", "plan"),
        Case("plan-kept", killed + "plan, before its result is kept", "plan result not yet kept"),
        Case("plan-ended", killed + "plan, before its completion is sent", "plan result kept"),
        Case("apply-fresh", killed + "apply, before it is recorded", "apply not yet recorded"),
        Case("apply-begun", killed + "apply, recorded and not begun", "apply recorded", approvals=1),
        Case("apply-started", killed + "apply, begun and tofu not started", "apply begun"),
        Case("apply-used", killed + "apply, plan marked as used", "apply plan marked as used"),
        Case("apply-during", killed + "apply, tofu at work", "apply", taken_over=True, approvals=1),
        Case("apply-after", killed + "apply, tofu has ended", "apply tool ended", taken_over=True),
        Case("apply-kept", killed + "apply, before its result is kept", "apply result not yet kept", taken_over=True),
        Case("apply-ended", killed + "apply, before its completion is sent", "apply result kept"),
        Case("apply-sent", killed + "apply, after its completion was sent", "apply outcome sent"),
        Case("check-during", killed + "check of a role, Ansible at work", "check", ANSIBLE),
        Case("run-begun", killed + "role, recorded and not begun", "run recorded", ANSIBLE, approvals=1),
        Case("run-started", killed + "role, begun and Ansible not started", "run begun", ANSIBLE),
        Case("run-during", killed + "role, Ansible at work", "run", ANSIBLE, taken_over=True),
        Case(
            "run-kept", killed + "role, before its result is kept", "run result not yet kept", ANSIBLE, taken_over=True
        ),
        Case("run-ended", killed + "role, before its completion is sent", "run result kept", ANSIBLE),
    ]
    await kill_at_each(stage, cases)


@pytest.mark.slow
async def test_a_worker_killed_around_a_check_or_before_a_role_repeats_what_changes_nothing(stage: Scene) -> None:
    """The steps of a check, and the delivery of a role that is on no record, are simply done again."""
    killed = "worker killed: "
    cases = [
        Case("check-fresh", killed + "check, before it is recorded", "check not yet recorded", ANSIBLE),
        Case("check-begun", killed + "check, recorded and not begun", "check recorded", ANSIBLE),
        Case("check-kept", killed + "check, before its result is kept", "check result not yet kept", ANSIBLE),
        Case("check-ended", killed + "check, before its completion is sent", "check result kept", ANSIBLE),
        Case("check-sent", killed + "check, after its completion was sent", "check outcome sent", ANSIBLE),
        Case("plan-sent", killed + "plan, after its completion was sent", "plan outcome sent"),
        Case("run-fresh", killed + "role, before it is recorded", "run not yet recorded", ANSIBLE, approvals=1),
        Case("run-sent", killed + "role, after its completion was sent", "run outcome sent", ANSIBLE, approvals=1),
    ]
    await kill_at_each(stage, cases)


@pytest.mark.slow
async def test_a_plan_that_kills_its_workers_waits_for_a_person(stage: Scene) -> None:
    """After the set number of deliveries that ended in a dead worker there is an incident; resolved, it is planned."""
    case = Case("deadly", "worker killed too often: plan", "plan")
    limit = {"SLUIS_MAX_DELIVERIES": "2"}
    stage.prepare([case])
    stage.start_worker(**limit)
    await stage.start(case)
    for times in (1, 2):
        await until(partial(passed, stage, case, times), f"a plan is at work for time {times}")
        tool = stage.tool(case, case.at)
        at_work = [tool, *tool.children(recursive=True)]
        stage.project.worker.kill()
        for process in at_work:
            with suppress(psutil.NoSuchProcess):  # a provider ends with its tofu
                process.kill()
        stage.start_worker(**limit)
    await until(partial(stage.incidents, case), "there is an incident")
    assert "died 2 times" in str(await stage.incidents(case))
    stage.open([case])
    await stage.resolve(case)
    await stage.finish()
    await judge(stage)


def passed(stage: Scene, case: Case, times: int) -> bool:
    """Whether a case has come to its gate so often."""
    return len(stage.passes(case, case.at)) == times


async def kill_at_each(stage: Scene, cases: list[Case]) -> None:
    """Lead every case to its point, kill the worker, and lead them to their end with another one."""
    stage.prepare(cases)
    stage.start_worker(halting=True)
    for case in cases:
        await stage.start(case)
    await stage.reach()
    stage.project.worker.kill()
    stage.start_worker()
    stage.open(cases)
    await stage.finish()
    await judge(stage)
