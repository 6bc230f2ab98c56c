"""The worker is killed at every step of plan, apply and Ansible."""

from __future__ import annotations

import pytest

from cases import ANSIBLE, Case
from judging import judge
from scene import Scene

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
