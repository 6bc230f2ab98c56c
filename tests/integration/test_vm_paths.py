"""Every path through removal, lifetime and configuration of machines, on the real engine with a scripted worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.integration.models_fixtures import (
    DECIDE,
    PLAN_CHANGE,
    Answer,
    Stage,
    Thrown,
    check,
    plan,
    policy,
    soon,
    stage,
    usual,
)
from workers.core.settings import Settings
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest

pytestmark = pytest.mark.engine

OnStage = Callable[..., AbstractAsyncContextManager[Stage]]
MACHINE = {"environment": "local", "name": "web1"}
HOSTS = {"environment": "local", "hosts": "db1", "role": "web_server", "inputs": "{}"}
DESTROY = plan(operation="destroy")
DONE: Answer = {"applied": {"outputs": {}, "hosts": [], "run": "9-1", "counts": {}, "summary": "4 deleted"}}


@pytest.fixture
async def on_stage(settings: Settings) -> AsyncIterator[OnStage]:
    async with (
        ZeebeGateway.from_settings(settings) as gateway,
        OrchestrationRest.as_user(settings, "demo", "demo") as people,
    ):
        yield partial(stage, gateway, people)


# Decommissioning


async def test_an_approved_removal_destroys_the_machine(on_stage):
    """The plan is a destroy with the reason in its purpose, one approval leads to it, and people are told."""
    async with on_stage(terraform__local_host__plan=[DESTROY], terraform__local_host__apply=[DONE]) as actors:
        instance = await actors.start("VmDecommissioning", **MACHINE, reason="Too old.")
        task = await actors.task("Task_ReviewChange")
        assert task.groups == ("approvers",)
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_MachineRemoved"
        [asked] = actors.inputs("request.check")
        [planned] = actors.inputs("terraform.local_host.plan")
        [notice] = actors.inputs("notify.send")
    assert asked["operation"] == "destroy"
    assert (planned["operation"], planned["inputs"], planned["cleanupOf"]) == ("destroy", {}, None)
    assert (notice["event"], notice["run"]) == ("removed", "9-1")
    assert "Too old." in notice["message"]


@pytest.mark.parametrize(
    ("job_type", "code", "event", "end"),
    [
        ("request__check", "REQUEST_INVALID", "request-invalid", "EndEvent_RequestRefused"),
        ("policy__check", "POLICY_DENIED", "rejected", "EndEvent_RemovalForbidden"),
        ("terraform__local_host__plan", "PLAN_FAILED", "failed", "EndEvent_RemovalFailed"),
    ],
)
async def test_a_removal_that_cannot_be_done_removes_nothing(on_stage, job_type, code, event, end):
    """It ends with one notice that carries the reason, and nothing is applied."""
    async with on_stage(**{job_type: [Thrown(code, "The reason.")]}) as actors:
        instance = await actors.start("VmDecommissioning", **MACHINE)
        assert await actors.ended(instance) == end
        [notice] = actors.inputs("notify.send")
        assert notice["event"] == event
        assert "The reason." in notice["message"]
        assert "terraform.local_host.apply" not in actors.types()


async def test_a_rejected_removal_leaves_the_machine(on_stage):
    """A rejection ends the process with its reason, and nothing is applied."""
    async with on_stage(approval__verify=[Thrown("CHANGE_REJECTED", "Still needed.")]) as actors:
        instance = await actors.start("VmDecommissioning", **MACHINE)
        await actors.review(decision="rejected", reason="Still needed.")
        assert await actors.ended(instance) == "EndEvent_RemovalRejected"
        assert "Still needed." in actors.inputs("notify.send")[0]["message"]
        assert "terraform.local_host.apply" not in actors.types()


async def test_a_failed_removal_is_tried_again_with_a_new_plan(on_stage):
    """People are told, decide to try again, and the new plan is reviewed like the first one."""
    plans = [DESTROY, plan(operation="destroy", change="e" * 64)]
    applies = [Thrown("APPLY_FAILED", "The disk is busy.", PLAN_CHANGE), DONE]
    async with on_stage(terraform__local_host__plan=plans, terraform__local_host__apply=applies) as actors:
        instance = await actors.start("VmDecommissioning", **MACHINE)
        await actors.review(1)
        await actors.complete("Task_DecideOnRemoval", 1, {"next": "retry"})
        await actors.review(2)
        assert await actors.ended(instance) == "EndEvent_MachineRemoved"
        assert actors.notices() == ["failed", "removed"]
        assert [job["change"] for job in actors.inputs("terraform.local_host.apply")] == [PLAN_CHANGE, "e" * 64]


@pytest.mark.parametrize("decided", [True, False])
async def test_what_a_failed_removal_leaves_is_told(on_stage, decided):
    """Where people leave the rest, or nobody decides in time, the process ends and says that something may be left."""
    failed: list[Answer] = [Thrown("APPLY_FAILED", "The disk is busy.", PLAN_CHANGE)]
    async with on_stage(policy__check=[policy(0)], terraform__local_host__apply=failed) as actors:
        instance = await actors.start("VmDecommissioning", **MACHINE, decideWithin="PT5M" if decided else "PT1S")
        if decided:
            await actors.complete("Task_DecideOnRemoval", 1, {"next": "leave"})
        assert await actors.ended(instance) == "EndEvent_MachineLeftOver"
        assert actors.notices() == ["failed", "cleanup-failed"]
        assert "The disk is busy." in actors.inputs("notify.send")[1]["message"]


# Lifetime


def ends(due: str, seconds: float = 3600) -> Answer:
    """What a look at the end date gives."""
    end = soon(seconds)
    return {"expiry": {"due": due, "expires": end, "remindAt": soon(seconds / 2), "approvers": "approvers"}}


def dated(*, within: bool = True) -> Answer:
    """What the planning of an end date gives."""
    return {
        "plan": {
            "change": "9" * 64, "within": within, "expires": soon(3600), "before": None, "summary": "to end later",
            "markdown": "| Stack |\n|---|\n", "run": "",
        }
    }  # fmt: skip


def living(*looks: Answer, **more: list[Answer]) -> dict[str, list[Answer]]:
    """The answers of a machine with an end date, by its looks at the date."""
    kept: Answer = {"expiry": {"changed": True, "change": "9" * 64, "expires": soon(3600), "summary": ""}}
    end = {"expires": soon(3600), "remindBefore": "PT1H", "name": "web1", "environment": "local"}
    request = {"request": end | {"approvers": "approvers", "stack": "local/web1", "module": "local_host"}}
    usual = {"request__check": [request], "expiry__plan": [dated()], "expiry__set": [kept], "expiry__check": [*looks]}
    destroys = {"terraform__local_host__plan": [DESTROY], "terraform__local_host__apply": [DONE]}
    return usual | destroys | more


async def test_a_machine_ends_after_a_reminder_that_nobody_answered(on_stage):
    """It waits, reminds, asks, and when the end is reached has the machine removed with a review."""
    async with on_stage(**living(ends("wait", 2), ends("reminder", 3), ends("end", 0))) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2100-01-01")
        await actors.review()
        await actors.ended(instance)
        assert actors.notices() == ["ending", "removed"]
        assert [job["begin"] for job in actors.inputs("expiry.check")] == [True, False, False]
        [asked] = actors.inputs("request.check")[:1]
        assert (asked["operation"], asked["endDate"]) == ("expire", "2100-01-01")
        assert actors.inputs("terraform.local_host.plan")[0]["operation"] == "destroy"
        assert "policy.check" in actors.types()


async def test_a_later_date_is_reviewed_and_set(on_stage):
    """Asked for in the form, it is a change of its own: policy, review, and the date is set under its digest."""
    plans = [dated(), dated(within=False)]
    async with on_stage(**living(ends("reminder"), ends("nothing"), expiry__plan=plans)) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2100-01-01")
        answer = {"next": "extend", "newEndDate": "2100-06-01", "reason": "The project goes on."}
        await actors.complete("Task_DecideOnEndDate", 1, answer)
        await actors.review()
        await actors.ended(instance)
        assert [job["expires"] for job in actors.inputs("expiry.plan")][1] == "2100-06-01"
        assert actors.inputs("policy.check")[0]["change"] == "9" * 64
        assert len(actors.inputs("expiry.set")) == 2
        assert "terraform.local_host.plan" not in actors.types()


async def test_a_rejected_extension_leads_back_to_the_question(on_stage):
    """The earlier date stays, everybody is told why, and the machine can still be let go."""
    more = {
        "expiry__plan": [dated(), dated(within=False)],
        "approval__verify": [Thrown("CHANGE_REJECTED", "No money.")],
    }
    looks = (ends("reminder", 600), ends("reminder", 1), ends("nothing"))
    async with on_stage(**living(*looks, **more)) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2100-01-01")
        await actors.complete("Task_DecideOnEndDate", 1, {"next": "extend", "newEndDate": "2100-06-01", "reason": "x"})
        await actors.review(decision="rejected", reason="No money.")
        await actors.ended(instance)
        assert actors.notices() == ["ending", "rejected", "ending"]
        assert "No money." in actors.inputs("notify.send")[1]["message"]
        assert len(actors.inputs("expiry.set")) == 1


async def test_a_machine_that_is_let_go_ends_at_its_date(on_stage):
    """Answered before the end, nothing more is asked until then; the end comes at its moment."""
    async with on_stage(**living(ends("reminder", 20), ends("nothing"))) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2100-01-01")
        await actors.complete("Task_DecideOnEndDate", 1, {"next": "end"})
        await actors.ended(instance)
        assert len(actors.inputs("expiry.check")) == 2


async def test_a_rejected_removal_brings_the_question_back(on_stage):
    """At the end people say no: the machine stays, everybody is asked again, and a later date is possible."""
    more = {"approval__verify": [Thrown("CHANGE_REJECTED", "Still needed."), {"approval": {"state": "approved"}}]}
    plans = {"expiry__plan": [dated(), dated(within=False)]}
    async with on_stage(**living(ends("end", 0), ends("nothing"), **more, **plans)) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2100-01-01")
        await actors.review(1, decision="rejected", reason="Still needed.")
        await actors.complete("Task_DecideOnEndDate", 1, {"next": "extend", "newEndDate": "2100-06-01", "reason": "x"})
        await actors.complete("Task_ReviewChange", 2, {"decision": "approved"})
        await actors.ended(instance)
        assert actors.notices() == ["rejected", "ending"]
        assert "still there" in actors.inputs("notify.send")[1]["message"]
        assert "terraform.local_host.apply" not in actors.types()


async def test_an_end_date_that_cannot_be_kept_is_refused(on_stage):
    """A bad request ends before anything is written down."""
    async with on_stage(request__check=[Thrown("REQUEST_INVALID", "endDate: it is over.")]) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2001-01-01")
        assert await actors.ended(instance) == "EndEvent_RequestRefused"
        assert actors.notices() == ["request-invalid"]


async def test_an_end_date_that_was_changed_meanwhile_is_planned_anew(on_stage):
    """A date whose approval no longer holds is held against the record again."""
    sets: list[Answer] = [Thrown("PLAN_STALE", "Changed."), {"expiry": {"changed": True}}]
    async with on_stage(**living(ends("nothing"), expiry__set=sets)) as actors:
        instance = await actors.start("VmLifetime", **MACHINE, endDate="2100-01-01")
        await actors.ended(instance)
        assert actors.types() == [
            "request.check",
            "expiry.plan",
            "expiry.set",
            "expiry.plan",
            "expiry.set",
            "expiry.check",
        ]


@pytest.mark.parametrize("kept", [False, True])
async def test_a_machine_asked_for_with_an_end_date_gets_it(on_stage, kept):
    """Ready, or kept unfinished: people are told, and the date that was agreed on is waited for."""
    [usually] = usual()["request.check"]
    request = usually["request"] | {"expires": "2100-01-02T00:00:00Z", "remindBefore": "P7D"}
    more = {"http__probe": [Thrown("PROBE_FAILED", "404")]} if kept else {}
    answers = living(ends("nothing"), request__check=[{"request": request}], policy__check=[policy(0)], **more)
    answers["terraform__local_host__plan"] = [plan()]
    async with on_stage(**answers) as actors:
        instance = await actors.start("VmProvisioning", **MACHINE, message="Hi", endDate="2100-01-01")
        if kept:
            await actors.complete(DECIDE, 1, {"next": "keep"})
        assert await actors.ended(instance) == "Task_LookAtEndDate"
        assert actors.inputs("request.check")[0]["endDate"] == "2100-01-01"
        asked = actors.inputs("request.check")[1]
        assert (asked["operation"], asked["endDate"], asked["agreed"]) == ("expire", "2100-01-02T00:00:00Z", True)
        assert actors.notices() == (["configuration-failed", "kept"] if kept else ["applied"])
        assert "2100-01-02" in actors.inputs("notify.send")[-1]["message"]


# Configuration of existing hosts


def hosted(**more: list[Answer]) -> dict[str, list[Answer]]:
    """The answers for a host of the environment file: a role with changes, and none any more afterwards."""
    request = {"environment": "local", "hosts": ["db1"], "role": "web_server", "inputs": {}, "approvers": "approvers"}
    checks: list[Answer] = [check(change="f" * 64), check(has_changes=False)]
    return {"request__check": [{"request": request}], "ansible__web_server__check": checks} | more


async def test_a_host_is_checked_approved_configured_and_verified(on_stage):
    """Reach, check, policy, review, run, check again, one notice: in that order, and for the named host."""
    async with on_stage(**hosted()) as actors:
        instance = await actors.start("ConfigureHost", **HOSTS, reason="New page.")
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_HostsConfigured"
        assert actors.types() == [
            "request.check", "host.wait", "ansible.web_server.check", "policy.check", "approval.verify",
            "ansible.web_server.run", "ansible.web_server.check", "notify.send",
        ]  # fmt: skip
        [asked] = actors.inputs("request.check")
        assert (asked["operation"], asked["hosts"], asked["role"]) == ("configure", "db1", "web_server")
        [ran] = actors.inputs("ansible.web_server.run")
        assert (ran["hosts"], ran["change"]) == (["db1"], "f" * 64)
        assert actors.notices() == ["applied"]


async def test_a_host_that_is_as_wanted_asks_nobody(on_stage):
    """No change, no policy, no review, no run."""
    async with on_stage(**hosted(ansible__web_server__check=[check(has_changes=False)])) as actors:
        instance = await actors.start("ConfigureHost", **HOSTS)
        assert await actors.ended(instance) == "EndEvent_HostsConfigured"
        assert {"policy.check", "ansible.web_server.run"}.isdisjoint(actors.types())


@pytest.mark.parametrize(
    ("answers", "event", "end"),
    [
        ({"request__check": [Thrown("REQUEST_INVALID", "Why.")]}, "request-invalid", "EndEvent_RequestRefused"),
        ({"policy__check": [Thrown("POLICY_DENIED", "Why.")]}, "rejected", "EndEvent_ConfigurationForbidden"),
        ({"approval__verify": [Thrown("CHANGE_REJECTED", "Why.")]}, "rejected", "EndEvent_ConfigurationRejected"),
    ],
)
async def test_a_configuration_that_may_not_be_runs_nothing(on_stage, answers, event, end):
    """Refused, forbidden or rejected: one notice with the reason, and the role does not run."""
    async with on_stage(**hosted(**answers)) as actors:
        instance = await actors.start("ConfigureHost", **HOSTS)
        if "approval__verify" in answers:
            await actors.review(decision="rejected", reason="Why.")
        assert await actors.ended(instance) == end
        assert [n["message"] for n in actors.inputs("notify.send")] == ["Why."]
        assert actors.notices() == [event]
        assert "ansible.web_server.run" not in actors.types()


RAN: Answer = {"configured": {"changed": 1, "run": "1-1", "summary": ""}}


@pytest.mark.parametrize(
    "answers",
    [
        {"host__wait": [Thrown("HOST_UNREACHABLE"), {"reachable": {}}]},
        {"ansible__web_server__run": [Thrown("HOST_FAILED"), RAN],
         "ansible__web_server__check": [check(), check(), check(has_changes=False)]},
        {"ansible__web_server__check": [check(), Thrown("HOST_UNREACHABLE"), check(), check(has_changes=False)]},
        {"ansible__web_server__check": [check(), check(), check(), check(has_changes=False)]},
    ],
    ids=["silent", "run failed", "silent afterwards", "not as wanted"],
)  # fmt: skip
async def test_trouble_with_a_host_is_tried_again(on_stage, answers):
    """People are told, decide to try again, and the host gets configured."""
    async with on_stage(**hosted(policy__check=[policy(0)], **answers)) as actors:
        instance = await actors.start("ConfigureHost", **HOSTS)
        await actors.complete("Task_DecideOnHosts", 1, {"next": "retry"})
        assert await actors.ended(instance) == "EndEvent_HostsConfigured"
        assert actors.notices() == ["configuration-failed", "applied"]


@pytest.mark.parametrize("decided", [True, False])
async def test_hosts_may_be_left_as_they_are(on_stage, decided):
    """Where people leave the hosts, or nobody decides in time, the process ends and says so."""
    async with on_stage(**hosted(host__wait=[Thrown("HOST_UNREACHABLE", "No route.")])) as actors:
        instance = await actors.start("ConfigureHost", **HOSTS, decideWithin="PT5M" if decided else "PT1S")
        if decided:
            await actors.complete("Task_DecideOnHosts", 1, {"next": "leave"})
        assert await actors.ended(instance) == "IntermediateEvent_PeopleTold"
        assert actors.notices() == ["configuration-failed", "kept"]
        assert "No route." in actors.inputs("notify.send")[1]["message"]
