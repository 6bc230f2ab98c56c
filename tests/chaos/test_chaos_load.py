"""Nothing breaks, but tools are at work: what waits behind them, and what is seen of them meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from cases import ANSIBLE, Case
from judging import approved, judge
from scene import Scene, until
from workers.core.events import EventKind
from workers.core.records import RunState
from workers.runs.log import read_log
from workers.runs.runs import Runs

pytestmark = [pytest.mark.engine, pytest.mark.tofu]

TELLER = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_ChaosTeller"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="ChaosTeller" isExecutable="true">
    <bpmn:startEvent id="StartEvent_NoticeWanted" />
    <bpmn:sequenceFlow id="Flow_Tell" sourceRef="StartEvent_NoticeWanted" targetRef="Task_Tell" />
    <bpmn:sendTask id="Task_Tell">
      <bpmn:extensionElements><zeebe:taskDefinition type="notify.send" retries="1" /></bpmn:extensionElements>
    </bpmn:sendTask>
    <bpmn:sequenceFlow id="Flow_Told" sourceRef="Task_Tell" targetRef="EndEvent_Told" />
    <bpmn:endEvent id="EndEvent_Told" />
  </bpmn:process>
</bpmn:definitions>"""


async def test_a_queue_of_heavy_jobs_keeps_no_decision_and_no_notice_waiting(stage: Scene) -> None:
    """With every heavy slot taken and more jobs behind them, a decision is verified and a notice is sent."""
    decided = Case("queue-decided", "queue of heavy jobs: a decision, a notice", "review")
    plans = [Case(f"queue-plan-{n}", "queue of heavy jobs: plan", "plan") for n in range(3)]
    checks = [Case(f"queue-check-{n}", "queue of heavy jobs: check of a role", "check", ANSIBLE) for n in range(2)]
    stage.prepare([decided, *plans, *checks])
    stage.start_worker(SLUIS_TERRAFORM_SLOTS="1", SLUIS_ANSIBLE_SLOTS="1")
    await stage.gateway.deploy({"ChaosTeller.bpmn": TELLER.encode()})
    await stage.start(decided)
    await stage.reach([decided])
    for case in (*plans, *checks):
        await stage.start(case)
    await until(lambda: at_work(stage, plans, "plan") > 0, "a plan is at work")
    await until(lambda: at_work(stage, checks, "check") > 0, "a check is at work")

    notice = await stage.gateway.create_instance("ChaosTeller", {"event": "applied", "subject": "Done"})
    await stage.approve({decided.instance})
    await until(partial(told, stage, notice), "the notice is sent")
    await until(partial(approved, stage, decided), "the decision is verified")

    assert (at_work(stage, plans, "plan"), at_work(stage, checks, "check")) == (1, 1), "the queues did not stand"
    assert not stage.passes(decided, "apply"), "the heavy job after the decision had to wait too"
    stage.open(stage.cases)
    await stage.finish()
    await judge(stage)


async def test_progress_of_each_resource_and_task_is_seen_while_the_tool_runs(stage: Scene) -> None:
    """What begins is in the log and in `sluis watch` before it has ended, for tofu and for Ansible."""
    apply = Case("told-apply", "no fault: progress of an apply", "apply")
    role = Case("told-role", "no fault: progress of a role", "run", ANSIBLE)
    stage.prepare([apply, role])
    stage.start_worker()
    for case in (apply, role):
        await stage.start(case)
    await stage.reach()

    effects = {"apply": "module.stack.terraform_data.effect", "run": "told-role: chaos_probe : Make the effect"}
    for case, kind in ((apply, EventKind.RESOURCE), (role, EventKind.TASK)):
        run = (await stage.runs(case))[-1]
        wanted = {"run": run.id, "kind": kind.value, "subject": effects[case.at], "state": "started"}
        await asyncio.to_thread(stage.project.watch_for, case.instance, {"happening": "tool-said", **wanted})
        logged = await read_log(stage.store, run.id)
        assert (kind, effects[case.at], "started") in [(event.kind, event.subject, event.state) for event in logged]
        assert (await stage.runs(case))[-1].state is RunState.RUNNING, "the tool had ended before"
    stage.open(stage.cases)
    await stage.finish()
    await judge(stage)


def at_work(stage: Scene, cases: list[Case], gate: str) -> int:
    """How many of these have come to a gate."""
    return sum(bool(stage.passes(case, gate)) for case in cases)


async def told(stage: Scene, instance: int) -> bool:
    """Whether the notice of an instance was sent."""
    runs = await Runs(stage.store, stage.project.data / "locks", "test").all()
    states = [run.state for run in runs if run.process_instance == instance and run.job_type == "notify.send"]
    return states == [RunState.FINISHED]
