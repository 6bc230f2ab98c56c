"""Every path through the compliance check, walked on the real engine by a scripted worker and people over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.integration.models_fixtures import (
    PLAN_CHANGE,
    Stage,
    Thrown,
    check,
    copies,
    decided,
    finding,
    policy,
    report,
    soon,
    stage,
)
from workers.core.settings import Settings
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest

pytestmark = pytest.mark.engine

OnStage = Callable[..., AbstractAsyncContextManager[Stage]]
DECIDE = "Task_DecideOnFinding"


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[ZeebeGateway]:
    async with ZeebeGateway.from_settings(settings) as opened:
        yield opened


@pytest.fixture
async def on_stage(settings: Settings, gateway: ZeebeGateway) -> AsyncIterator[OnStage]:
    async with OrchestrationRest.as_user(settings, "demo", "demo") as people:
        yield partial(stage, gateway, people)


async def checked(actors: Stage) -> int:
    """A check of the environment local, under way."""
    return await actors.start("ComplianceCheck", environment="local")


async def test_a_clean_environment_is_reported_and_nobody_is_asked(on_stage):
    """Each stack is looked at in four ways, in turn; the report is told of; there is no task."""
    async with on_stage() as actors:
        instance = await checked(actors)
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        assert actors.types() == [
            "compliance.begin", "terraform.local_host.drift", "compliance.scan", "compliance.scan", "compliance.scan",
            "compliance.report", "notify.send",
        ]  # fmt: skip
        assert [job["kind"] for job in actors.inputs("compliance.scan")] == ["policy", "module", "hosts"]
        assert [job.get("plan") for job in actors.inputs("compliance.scan")] == ["400-1", None, None]
        assert actors.notices() == ["report-ready"]


async def test_every_stack_is_looked_at(on_stage):
    """One stack check per stack, with its own module; an environment without stacks is reported at once."""
    stacks = [{"stack": f"web{n}", "module": "local_host"} for n in range(3)]
    begin = [{"check": {"id": "1", "environment": "local", "stacks": s}} for s in (stacks, [])]
    async with on_stage(compliance__begin=begin) as actors:
        instance = await checked(actors)
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        assert sorted(job["stack"] for job in actors.inputs("terraform.local_host.drift")) == ["web0", "web1", "web2"]
        before = len(actors.inputs("compliance.scan"))
        assert before == 9
        instance = await checked(actors)
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        assert len(actors.inputs("compliance.scan")) == before


async def test_a_request_that_does_not_fit_is_refused(on_stage):
    """An unknown environment ends the check with a notice, before anything is looked at."""
    async with on_stage(compliance__begin=[Thrown("REQUEST_INVALID", "No such environment.")]) as actors:
        instance = await checked(actors)
        assert await actors.ended(instance) == "EndEvent_CheckRefused"
        assert actors.types() == ["compliance.begin", "notify.send"]
        assert actors.inputs("notify.send")[0]["message"] == "No such environment."


async def test_scans_that_fail_stop_no_other_and_are_told_of(on_stage):
    """With all four failed the report is still written, and its notice is that of a failure."""
    async with on_stage(
        terraform__local_host__drift=[Thrown("PLAN_FAILED")],
        compliance__scan=[Thrown("SCAN_FAILED")],
        compliance__report=[report(failed=4)],
    ) as actors:
        instance = await checked(actors)
        assert await actors.ended(instance) == "EndEvent_CheckIncomplete"
        assert [job.get("plan") for job in actors.inputs("compliance.scan")] == ["", None, None]
        assert actors.notices() == ["failed"]


async def test_each_finding_is_decided_on_by_itself(on_stage):
    """The group is told, two tasks are open at once, and the report is written again after both decisions."""
    reports = [report(finding(1), finding(2), drifted=1), report()]
    async with on_stage(
        compliance__report=reports, finding__decide=[decided("accepted"), decided("ignored")]
    ) as actors:
        instance = await checked(actors)
        second = await actors.task(DECIDE, 2)
        assert second.groups == ("approvers",)
        given = {"decision": "accept", "until": "2030-12-31", "reason": "It is known."}
        await actors.complete(DECIDE, 1, given)
        await actors.complete(DECIDE, 2, {"decision": "ignore"})
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        [first, _] = actors.inputs("finding.decide")
        assert (first["decision"], first["until"], first["reason"]) == ("accept", "2030-12-31", "It is known.")
        assert {job["fingerprint"] for job in actors.inputs("finding.decide")} == {f"{1:016x}", f"{2:016x}"}
        assert actors.notices() == ["drift-found", "report-ready"]
        assert len(actors.inputs("compliance.report")) == 2


async def test_a_decision_that_is_not_complete_comes_back(on_stage):
    """Where it does not count, or a second person has to agree, the task opens again."""
    answers = [decided("more"), decided("accepted")]
    async with on_stage(compliance__report=[report(finding()), report()], finding__decide=answers) as actors:
        instance = await checked(actors)
        given = {"decision": "accept", "until": "2030-12-31", "reason": "It is known."}
        await actors.complete(DECIDE, 1, given)
        await actors.complete(DECIDE, 2, given)
        assert await actors.ended(instance) == "EndEvent_ReportReady"


async def test_a_remedy_is_planned_approved_applied_and_the_roles_run(on_stage):
    """The stack's recorded inputs reach the plan, one approval covers plan and roles, and the hosts are configured."""
    async with on_stage(
        compliance__report=[report(finding(), drifted=1), report()], finding__decide=[decided("remediate")]
    ) as actors:
        instance = await checked(actors)
        await actors.complete(DECIDE, 1, {"decision": "remediate"})
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        [planned] = actors.inputs("terraform.local_host.plan")
        assert (planned["stack"], planned["operation"], planned["inputs"]) == ("web1", "apply", {"name": "web1"})
        assert [role["role"] for role in planned["configure"]] == ["os_baseline", "web_server"]
        assert [job["change"] for job in actors.inputs("ansible.web_server.check")] == [PLAN_CHANGE]
        order = [kind for kind in actors.types() if kind.endswith((".apply", ".wait", ".run"))]
        assert order == [
            "terraform.local_host.apply", "host.wait", "ansible.os_baseline.run", "ansible.web_server.run",
        ]  # fmt: skip


async def test_a_remedy_of_hosts_runs_only_the_role(on_stage):
    """Without a module nothing is planned; the role has a change and a review of its own."""
    remedy = decided("remediate", module=None, configure=[{"role": "web_server", "inputs": {}}])
    own = check(change="f" * 64)
    async with on_stage(
        compliance__report=[report(finding()), report()], finding__decide=[remedy], ansible__web_server__check=[own]
    ) as actors:
        instance = await checked(actors)
        await actors.complete(DECIDE, 1, {"decision": "remediate"})
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        assert "terraform.local_host.plan" not in actors.types()
        assert actors.inputs("ansible.web_server.run")[0]["change"] == "f" * 64


async def test_a_remedy_without_roles_ends_with_the_apply(on_stage):
    """A stack without hosts waits for none."""
    remedy = decided("remediate", configure=[], hosts=[])
    async with on_stage(
        compliance__report=[report(finding()), report()], finding__decide=[remedy], policy__check=[policy(0)]
    ) as actors:
        instance = await checked(actors)
        await actors.complete(DECIDE, 1, {"decision": "remediate"})
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        assert "host.wait" not in actors.types()
        assert "terraform.local_host.apply" in actors.types()


@pytest.mark.parametrize(
    ("job_type", "code", "event"),
    [
        ("policy__check", "CHANGE_REJECTED", "rejected"),
        ("policy__check", "POLICY_DENIED", "failed"),
        ("terraform__local_host__plan", "PLAN_FAILED", "failed"),
        ("terraform__local_host__apply", "APPLY_FAILED", "failed"),
        ("host__wait", "HOST_UNREACHABLE", "failed"),
        ("ansible__web_server__run", "HOST_FAILED", "failed"),
    ],
)
async def test_a_remedy_that_goes_wrong_is_told_of_and_the_check_goes_on(on_stage, job_type, code, event):
    """The finding stays open, the reason is told, and the report is written all the same."""
    answers = {"policy__check": [policy(0)], job_type: [Thrown(code, "The reason.")]}
    async with on_stage(
        compliance__report=[report(finding()), report()], finding__decide=[decided("remediate")], **answers
    ) as actors:
        instance = await checked(actors)
        await actors.complete(DECIDE, 1, {"decision": "remediate"})
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        told = [job for job in actors.inputs("notify.send") if job["event"] == event]
        assert [job["message"] for job in told] == ["The reason."]


async def test_a_finding_that_nobody_takes_goes_to_the_escalation_group(on_stage):
    """The escalation group is told and gets the task beside the first group, and its decision leads on."""
    terms = {"escalateTo": "managers", "escalateAt": soon()}
    async with on_stage(compliance__report=[report(finding(), **terms), report()]) as actors:
        instance = await checked(actors)

        async def escalated():
            tasks = [t for t in await actors.people.user_tasks(state="CREATED") if t.process.startswith(actors.prefix)]
            return next((t for t in tasks if set(t.groups) == {"managers", "approvers"}), None)

        task = await actors.sees(escalated, "task of the escalation group")
        await actors.people.assign(task.key, "demo")
        await actors.people.complete(task.key, {"decision": "ignore"})
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        told = [job["group"] for job in actors.inputs("notify.send") if job["event"] == "escalated"]
        assert told == ["managers"]


async def test_the_group_is_reminded_of_an_open_finding(on_stage):
    """The reminder goes out while the task stays open and can still be completed."""
    async with on_stage(compliance__report=[report(finding(), remindAfter="PT1S"), report()]) as actors:
        instance = await checked(actors)

        async def reminded() -> bool | None:
            return "reminder" in actors.notices() or None

        await actors.sees(reminded, "reminder")
        await actors.complete(DECIDE, 1, {"decision": "ignore"})
        assert await actors.ended(instance) == "EndEvent_ReportReady"


async def test_a_finding_that_nobody_decides_on_stays_open(on_stage):
    """When the time is over the worker is told so, and the check ends."""
    answers = {"finding__decide": [decided("ignored")]}
    async with on_stage(compliance__report=[report(finding(), closeAt=soon(2)), report()], **answers) as actors:
        instance = await checked(actors)
        assert await actors.ended(instance) == "EndEvent_ReportReady"
        assert [job["decision"] for job in actors.inputs("finding.decide")] == ["expired"]


async def test_the_timer_checks_every_environment_that_is_due(on_stage, gateway):
    """The schedule, deployed with a timer that fires once in a second, starts a check of each due environment."""
    async with on_stage(compliance__due=[{"due": ["local", "other"]}]) as actors:
        model = copies(actors.prefix)["ComplianceSchedule.bpmn"]
        assert b">0 0 3 * * *<" in model
        await gateway.deploy({"ComplianceSchedule.bpmn": model.replace(b">0 0 3 * * *<", b">R1/PT1S<")})

        async def told() -> bool | None:
            return actors.notices() == ["report-ready"] * 2 or None

        await actors.sees(told, "reports of two environments")
        assert {job["environment"] for job in actors.inputs("compliance.begin")} == {"local", "other"}
