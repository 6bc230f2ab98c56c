"""Tools are killed, instances are cancelled, workers are told to stop, jobs come twice."""

from __future__ import annotations

import asyncio
import json
import signal
from functools import partial

import pytest

from by_hand import begin_at
from cases import ANSIBLE, CANCELLED, DONE, FAILED, Case
from judging import judge
from scene import Scene, until
from workers.core.records import RunState, StackId
from workers.execution.secrets import local_secrets
from workers.runs.records import Stacks

BULK = 150_000
TOKEN = "probe-token-of-first"

pytestmark = [pytest.mark.engine, pytest.mark.tofu]


async def test_killed_tools_and_cancelled_instances_end_in_order(stage: Scene) -> None:
    """A killed tool is told to the model; a cancelled instance stops its tool, and both leave locks free."""
    killed = [
        Case("tool-plan", "tool killed: plan", "plan", effects=(1,)),
        Case("tool-check", "tool killed: check of a role", "check", ANSIBLE),
        Case("tool-apply", "tool killed: apply", "apply", end=FAILED),
        Case("tool-run", "tool killed: role", "run", ANSIBLE, end=FAILED),
    ]
    hanging = Case("cancel-hard", "cancelled: apply that hangs", "apply", end=CANCELLED)
    cancelled = [
        Case("cancel-plan", "cancelled: plan", "plan", effects=(0,), end=CANCELLED),
        Case("cancel-review", "cancelled: while people decide", "review", effects=(0,), end=CANCELLED),
        Case("cancel-apply", "cancelled: apply", "apply", end=CANCELLED),
        hanging,
        Case("cancel-check", "cancelled: check of a role", "check", ANSIBLE, effects=(0,), end=CANCELLED),
        Case("cancel-run", "cancelled: role", "run", ANSIBLE, end=CANCELLED),
    ]
    calm = Case("calm", "no fault", "", end=DONE)
    stage.prepare([*killed, *cancelled, calm])
    stage.start_worker()
    for case in stage.cases:
        await stage.start(case, **({"bulk": BULK} if case is calm else {}))
    await stage.reach([*killed, *cancelled])
    for case in killed:
        stage.tool(case, case.at).kill()
    stage.tool(hanging, "apply").suspend()
    for case in cancelled:
        await stage.gateway.cancel_instance(case.instance)
    stage.open(killed)
    await stage.finish()
    for case in cancelled:
        await until(partial(stage.is_quiet, case), f"{case.name} is quiet")
    await judge(stage)
    states = {case.name: (await stage.runs(case))[-1].state for case in cancelled}
    assert states == {
        "cancel-plan": RunState.CANCELLED,
        "cancel-review": RunState.FINISHED,
        "cancel-apply": RunState.CANCELLED,
        "cancel-hard": RunState.STATE_UNKNOWN,
        "cancel-check": RunState.CANCELLED,
        "cancel-run": RunState.CANCELLED,
    }

    await check_outputs(stage, calm)


async def check_outputs(stage: Scene, case: Case) -> None:
    """A sensitive output is a reference to the secret store, a large one a reference to the run; both resolve."""
    record = await Stacks(stage.store).get(StackId(environment="chaos", name=case.name))
    run = next(run for run in await stage.runs(case) if run.job_type.endswith(".apply"))
    outputs = run.result["applied"]["outputs"]
    assert outputs["stored"] == f"runs/{run.id}/result.json"
    kept = json.loads(await stage.store.read(outputs["stored"]))["applied"]["outputs"]
    assert kept == {"value": "first", "bulk": "0" * BULK, "token": record.secrets["token"]}
    assert local_secrets(stage.project.folder).value(record.secrets["token"]) == TOKEN
    told = [path for path in (stage.project.data / "store").rglob("*") if path.is_file()]
    assert [path for path in [*told, stage.project.worker.log] if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.slow
async def test_a_worker_told_to_stop_lets_tools_end_and_then_stops_them(stage: Scene) -> None:
    """Within the drain time an apply ends as if nothing were; after it the tool is interrupted, and the model told."""
    soon = Case("term-soon", "SIGTERM: apply that ends within the drain time", "apply")
    late = Case("term-late", "SIGTERM: apply that does not", "apply", effects=(1, 2))
    role = Case("term-role", "SIGTERM: role that does not end in time", "run", ANSIBLE, effects=(1, 2))
    stage.prepare([soon, late, role])
    stage.start_worker(SLUIS_DRAIN_SECONDS="15")
    for case in stage.cases:
        await stage.start(case)
    await stage.reach()
    stage.project.worker.signal(signal.SIGTERM)
    stage.open([soon])
    await asyncio.to_thread(stage.project.worker.wait)
    runs = await stage.runs(soon)
    assert [run.state for run in runs] == [RunState.FINISHED, RunState.FINISHED], runs
    stage.open([late, role])
    stage.start_worker()
    await stage.finish()
    await judge(stage)


@pytest.mark.slow
async def test_a_job_that_comes_again_while_it_runs_is_not_started_twice(stage: Scene) -> None:
    """A worker that stands still loses its jobs to another, which waits for the tools that are still at work."""
    cases = [
        Case("twice-plan", "delivered twice: plan", "plan"),
        Case("twice-apply", "delivered twice: apply", "apply"),
        Case("twice-role", "delivered twice: role", "run", ANSIBLE),
    ]
    stage.prepare(cases)
    stage.start_worker()
    for case in cases:
        await stage.start(case)
    await stage.reach()
    stage.project.worker.signal(signal.SIGSTOP)
    with stage.another_worker() as second:
        try:
            await until(lambda: stage.handed_back(second) >= len(cases), "all jobs came again")
        finally:
            stage.project.worker.signal(signal.SIGCONT)
        stage.open(cases)
        await stage.finish()
    await judge(stage)


@pytest.mark.slow
async def test_two_workers_change_one_stack_one_after_the_other(stage: Scene) -> None:
    """Two approved changes to one stack meet in two workers: one at a time, and the later one is planned anew."""
    cases = [
        Case("shared-one", "two workers on one stack: the first", "review", stack="shared"),
        Case("shared-two", "two workers on one stack: the second", "review", stack="shared"),
    ]
    stage.prepare(cases)
    stage.start_worker()
    with stage.another_worker() as second:
        for number, case in enumerate(cases):
            (stage.gate(case) / "apply.shut").touch()
            await stage.start(case, value=str(number))
            await stage.reach([case])
        await stage.approve({case.instance for case in cases})
        busy = partial(stage.handed_back, stage.project.worker, second)
        await until(lambda: any(stage.passes(case, "apply") for case in cases), "one of them is applied")
        await until(lambda: busy() >= 1, "the other one is handed back")
        assert sum(len(stage.passes(case, "apply")) for case in cases) == 1
        stage.open(cases)
        await stage.finish()
    await judge(stage)


@pytest.mark.slow
async def test_an_approval_that_is_used_serves_no_second_apply(stage: Scene) -> None:
    """Begun a second time by hand, in the same instance and with the same approval, the apply finds its plan used."""
    case = Case("replayed", "approval replayed: apply begun a second time by hand", "apply", approvals=1)
    stage.prepare([case])
    stage.start_worker()
    await stage.start(case)
    await stage.reach()
    block = next(called for called in await stage.tree(case) if called.key != case.instance)
    await begin_at(stage.gateway, block.key, "Task_ApplyChange")
    await until(lambda: stage.handed_back(stage.project.worker) >= 1, "the second apply finds the stack busy")
    stage.open([case])
    await stage.finish()
    await judge(stage)
    applies = [run.code or run.state.value for run in await stage.runs(case) if run.job_type.endswith(".apply")]
    assert applies == ["finished", "PLAN_STALE"]
