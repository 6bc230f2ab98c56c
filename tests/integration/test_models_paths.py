"""Every path through the models, walked on the real engine by a scripted worker and people over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.integration.models_fixtures import (
    DECIDE,
    HOSTS,
    MODELS,
    PLAN_CHANGE,
    PROCESSES,
    Answer,
    Stage,
    Thrown,
    approval,
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

pytestmark = [pytest.mark.engine, pytest.mark.conformance]

OnStage = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[ZeebeGateway]:
    async with ZeebeGateway.from_settings(settings) as opened:
        yield opened


@pytest.fixture
async def on_stage(settings: Settings, gateway: ZeebeGateway) -> AsyncIterator[OnStage]:
    async with OrchestrationRest.as_user(settings, "demo", "demo") as people:
        yield partial(stage, gateway, people)


async def test_all_models_deploy_in_one_transaction(gateway):
    """The engine takes every file in bpmn/ as it is, together."""
    deployment = await gateway.deploy({path.name: path.read_bytes() for path in sorted(MODELS.iterdir())})
    assert {process.id for process in deployment.processes} == set(PROCESSES)


async def test_a_request_becomes_a_verified_machine(on_stage):
    """One approval leads through machine, both roles and both verifications, in that order, to one notice."""
    async with on_stage() as actors:
        instance = await actors.start()
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert actors.types() == [
            "request.check",
            "terraform.local_host.plan", "policy.check", "approval.verify", "terraform.local_host.apply",
            "host.wait",
            "ansible.os_baseline.check", "ansible.os_baseline.run",
            "ansible.web_server.check", "ansible.web_server.run",
            "host.wait", "http.probe", "notify.send",
        ]  # fmt: skip
        assert actors.notices() == ["applied"]


async def test_blocks_get_exactly_what_they_need(on_stage):
    """Change digests, roles, hosts and the website's text reach the jobs; nothing of the caller leaks in beside."""
    async with on_stage() as actors:
        instance = await actors.start()
        await actors.review()
        await actors.ended(instance)
        [planned] = actors.inputs("terraform.local_host.plan")
        assert (planned["environment"], planned["stack"], planned["operation"]) == ("local", "web1", "apply")
        assert [role["role"] for role in planned["configure"]] == ["os_baseline", "web_server"]
        assert planned["cleanupOf"] is None
        assert "request" not in planned
        [verified] = actors.inputs("approval.verify")
        assert (verified["change"], verified["decision"], verified["reason"]) == (PLAN_CHANGE, "approved", "")
        assert actors.inputs("terraform.local_host.apply")[0]["change"] == PLAN_CHANGE
        [checked] = actors.inputs("ansible.web_server.check")
        assert (checked["change"], checked["hosts"]) == (PLAN_CHANGE, HOSTS)
        assert actors.inputs("ansible.web_server.run")[0]["inputs"] == {"web_server_message": "Hello"}
        [probed] = actors.inputs("http.probe")
        assert (probed["port"], probed["path"], probed["contains"]) == (80, "/", "Hello")


async def test_a_request_without_roles_gets_the_usual_two(on_stage):
    """The roles and the environment that nobody named are filled in before the request is checked."""
    async with on_stage() as actors:
        instance = await actors.start(name="web1", message="Hi")
        await actors.review()
        await actors.ended(instance)
        [asked] = actors.inputs("request.check")
        assert asked["environment"] == "local"
        assert asked["configure"][1] == {"role": "web_server", "inputs": {"web_server_message": "Hi"}}


async def test_nothing_to_change_asks_nobody(on_stage):
    """A plan without changes and roles without changes are neither approved nor applied."""
    unchanged = [check(has_changes=False)]
    async with on_stage(
        terraform__local_host__plan=[plan(has_changes=False)],
        ansible__os_baseline__check=unchanged,
        ansible__web_server__check=unchanged,
    ) as actors:
        instance = await actors.start()
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert not {"policy.check", "approval.verify", "terraform.local_host.apply", "ansible.web_server.run"} & set(
            actors.types()
        )
        assert actors.inputs("ansible.web_server.check")[0]["change"] is None


async def test_no_approval_needed_applies_at_once(on_stage):
    """Where the policy asks for nobody, the change is applied without a review."""
    async with on_stage(policy__check=[policy(0)]) as actors:
        instance = await actors.start()
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert "approval.verify" not in actors.types()


async def test_a_second_approver_is_asked(on_stage):
    """While approvals are missing the review comes back, empty, and the change waits."""
    more = approval("more", "Approved by demo; one more person must approve.")
    async with on_stage(policy__check=[policy(2)], approval__verify=[more, approval()]) as actors:
        instance = await actors.start()
        await actors.review(1)
        await actors.review(2)
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert actors.types().count("approval.verify") == 2
        assert actors.types().count("terraform.local_host.apply") == 1


async def test_a_rejection_ends_the_request(on_stage):
    """Nothing is applied, and people are told who rejected it and why."""
    rejected = Thrown("CHANGE_REJECTED", "Rejected by demo: too big.")
    async with on_stage(approval__verify=[rejected]) as actors:
        instance = await actors.start()
        await actors.review(decision="rejected", reason="too big")
        assert await actors.ended(instance) == "EndEvent_RequestRejected"
        assert actors.inputs("approval.verify")[0]["reason"] == "too big"
        assert "terraform.local_host.apply" not in actors.types()
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"]) == ("rejected", "Rejected by demo: too big.")


@pytest.mark.parametrize("code", ["PLAN_STALE", "RUN_INTERRUPTED"])
async def test_an_outdated_or_interrupted_apply_leads_to_a_new_plan(on_stage, code):
    """The change is planned, decided on and applied anew, with its new digest."""
    plans = [plan(), plan(change="d" * 64)]
    applies: list[Answer] = [Thrown(code), {"applied": {"outputs": {}, "hosts": [], "run": "1-1", "summary": ""}}]
    async with on_stage(terraform__local_host__plan=plans, terraform__local_host__apply=applies) as actors:
        instance = await actors.start()
        await actors.review(1)
        await actors.review(2)
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert [job["change"] for job in actors.inputs("terraform.local_host.apply")] == [PLAN_CHANGE, "d" * 64]


async def test_a_failed_apply_is_cleaned_up(on_stage):
    """What the failed change left is destroyed with reference to it, and people are told of both."""
    plans = [plan(), plan(change="e" * 64, operation="destroy")]
    failed = Thrown("APPLY_FAILED", "No space left.", PLAN_CHANGE)
    applies: list[Answer] = [failed, {"applied": {"outputs": {}, "hosts": [], "run": "9-1", "summary": ""}}]
    async with on_stage(
        terraform__local_host__plan=plans,
        terraform__local_host__apply=applies,
        policy__check=[policy(1), policy(0)],
    ) as actors:
        instance = await actors.start()
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_MachineCleanedUp"
        again = actors.inputs("terraform.local_host.plan")[1]
        assert (again["operation"], again["cleanupOf"]) == ("destroy", PLAN_CHANGE)
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["run"]) == ("cleaned-up", "9-1")
        assert "No space left." in notice["message"]


async def test_a_machine_that_was_there_stays_after_a_failed_apply(on_stage):
    """Nothing plans its removal: people are told that the change is unfinished."""
    [first] = usual()["request.check"]
    there = {"request": {**first["request"], "isNew": False}}
    failed = Thrown("APPLY_FAILED", "No space left.", PLAN_CHANGE)
    async with on_stage(request__check=[there], terraform__local_host__apply=[failed]) as actors:
        instance = await actors.start()
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_ChangeUnfinished"
        assert actors.types().count("terraform.local_host.plan") == 1
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["subject"]) == ("failed", "Change unfinished: local/web1")
        assert "it stays" in notice["message"]
        assert "No space left." in notice["message"]


async def test_an_interrupted_clean_up_needs_people(on_stage):
    """A clean-up that has to be planned again no longer runs by itself."""
    plans = [plan(), plan(operation="destroy"), plan(operation="destroy")]
    failed, interrupted = Thrown("APPLY_FAILED", change=PLAN_CHANGE), Thrown("RUN_INTERRUPTED")
    applies: list[Answer] = [failed, interrupted, {"applied": {"outputs": {}, "hosts": [], "run": "9-1"}}]
    async with on_stage(
        terraform__local_host__plan=plans,
        terraform__local_host__apply=applies,
        policy__check=[policy(1), policy(0), policy(1)],
    ) as actors:
        instance = await actors.start()
        await actors.review(1)
        await actors.review(2)
        assert await actors.ended(instance) == "EndEvent_MachineCleanedUp"
        assert [job["cleanupOf"] for job in actors.inputs("terraform.local_host.plan")] == [None, PLAN_CHANGE, None]


async def test_a_failed_clean_up_says_what_is_left(on_stage):
    """A clean-up that fails ends the process, too, and says that something may be left."""
    failed = [Thrown("APPLY_FAILED", change=PLAN_CHANGE), Thrown("APPLY_FAILED", "Locked.")]
    async with on_stage(terraform__local_host__apply=failed, policy__check=[policy(0)]) as actors:
        instance = await actors.start()
        assert await actors.ended(instance) == "EndEvent_MachineLeftOver"
        [notice] = actors.inputs("notify.send")
        assert notice["event"] == "cleanup-failed"
        assert "Locked." in notice["message"]


@pytest.mark.parametrize(
    ("job_type", "code", "event", "end"),
    [
        ("request__check", "REQUEST_INVALID", "request-invalid", "EndEvent_RequestRefused"),
        ("terraform__local_host__plan", "PLAN_FAILED", "failed", "EndEvent_RequestFailed"),
        ("policy__check", "POLICY_DENIED", "rejected", "EndEvent_RequestForbidden"),
    ],
)
async def test_what_cannot_be_done_ends_before_anything_is_made(on_stage, job_type, code, event, end):
    """The process ends with one notice that carries the worker's message."""
    async with on_stage(**{job_type: [Thrown(code, "The reason.")]}) as actors:
        instance = await actors.start()
        assert await actors.ended(instance) == end
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"], notice["run"]) == (event, "The reason.", "42-1")
        assert "terraform.local_host.apply" not in actors.types()


async def test_a_request_without_a_name_is_told_of(on_stage):
    """A notice is sent even where the request lacks everything that would name it."""
    async with on_stage(request__check=[Thrown("REQUEST_INVALID")]) as actors:
        instance = await actors.start(message="Hello")
        assert await actors.ended(instance) == "EndEvent_RequestRefused"
        assert actors.inputs("notify.send")[0]["subject"] == "Request refused: local/(no name)"


@pytest.mark.parametrize(
    ("job_type", "code"),
    [
        ("host__wait", "HOST_UNREACHABLE"),
        ("ansible__os_baseline__run", "HOST_FAILED"),
        ("ansible__web_server__check", "HOST_UNREACHABLE"),
        ("http__probe", "PROBE_FAILED"),
    ],
)
async def test_a_failed_configuration_is_tried_again(on_stage, job_type, code):
    """People are told, decide to configure again, and the machine gets ready."""
    good = check(covered=True) | {"reachable": {}, "probe": {}, "configured": {"changed": 1}}
    async with on_stage(policy__check=[policy(0)], **{job_type: [Thrown(code), good]}) as actors:
        instance = await actors.start()
        await actors.complete(DECIDE, 1, {"next": "retry"})
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert actors.notices() == ["configuration-failed", "applied"]


async def test_an_unfinished_machine_is_removed_as_a_change_of_its_own(on_stage):
    """Removal after a failed configuration is no clean-up: it has its own plan and its own review."""
    plans = [plan(), plan(operation="destroy")]
    async with on_stage(http__probe=[Thrown("PROBE_FAILED")], terraform__local_host__plan=plans) as actors:
        instance = await actors.start()
        await actors.review(1)
        await actors.complete(DECIDE, 1, {"next": "remove"})
        await actors.review(2)
        assert await actors.ended(instance) == "EndEvent_MachineCleanedUp"
        again = actors.inputs("terraform.local_host.plan")[1]
        assert (again["operation"], again["cleanupOf"]) == ("destroy", None)


async def test_an_unfinished_machine_may_stay(on_stage):
    """People may keep the machine; the process ends and says so."""
    async with on_stage(policy__check=[policy(0)], http__probe=[Thrown("PROBE_FAILED", "404")]) as actors:
        instance = await actors.start()
        await actors.complete(DECIDE, 1, {"next": "keep"})
        assert await actors.ended(instance) == "EndEvent_MachineKept"
        assert actors.notices() == ["configuration-failed", "kept"]


async def test_a_role_that_no_approval_covers_is_reviewed(on_stage):
    """Policy and review come before the role runs, and it runs under the digest of its own change."""
    own = check(change="f" * 64)
    async with on_stage(ansible__web_server__check=[own], terraform__local_host__plan=[plan(has_changes=False)],
                        ansible__os_baseline__check=[check(has_changes=False)]) as actors:  # fmt: skip
        instance = await actors.start()
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert actors.inputs("policy.check")[0]["change"] == "f" * 64
        assert actors.inputs("ansible.web_server.run")[0]["change"] == "f" * 64


@pytest.mark.parametrize("code", ["PLAN_STALE", "RUN_INTERRUPTED"])
async def test_a_role_without_a_valid_approval_is_checked_anew(on_stage, code):
    """The second check asks for an approval of its own: no earlier change is passed on."""
    checks = [check(covered=True, has_changes=False, change=PLAN_CHANGE), check(change="f" * 64)]
    runs: list[Answer] = [Thrown(code), {"configured": {"changed": 1, "run": "1-1", "summary": ""}}]
    async with on_stage(ansible__web_server__check=checks, ansible__web_server__run=runs) as actors:
        instance = await actors.start()
        await actors.review(1)
        await actors.review(2)
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert [job["change"] for job in actors.inputs("ansible.web_server.check")] == [PLAN_CHANGE, None]


async def test_a_rejected_role_leaves_the_machine_to_a_decision(on_stage):
    """A rejection inside the configuration is reported with its reason like any other trouble there."""
    rejected = Thrown("CHANGE_REJECTED", "Rejected by demo.")
    async with on_stage(
        terraform__local_host__plan=[plan(has_changes=False)],
        ansible__os_baseline__check=[check()],
        approval__verify=[rejected],
    ) as actors:
        instance = await actors.start()
        await actors.review(decision="rejected", reason="no")
        await actors.complete(DECIDE, 1, {"next": "keep"})
        assert await actors.ended(instance) == "EndEvent_MachineKept"
        assert actors.inputs("notify.send")[0]["message"] == "Rejected by demo."


async def test_approvers_are_reminded_of_an_overdue_review(on_stage):
    """The reminder goes out while the review stays open and can still be approved."""
    async with on_stage() as actors:
        request = {"environment": "local", "name": "web1", "message": "Hello", "reminderAfter": "PT1S"}
        instance = await actors.start(**request)

        async def reminded() -> bool | None:
            return "reminder" in actors.notices() or None

        await actors.sees(reminded, "reminder")
        assert actors.inputs("notify.send")[0]["group"] == "approvers"
        await actors.review()
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        assert actors.notices() == ["reminder", "applied"]


UNDECIDED = {"terraform": {}, "role": {"terraform__local_host__plan": [plan(has_changes=False)],
                                       "ansible__os_baseline__check": [check()]}}  # fmt: skip
"""What leaves the review of a plan, or that of a role, as the first thing to be decided."""

each_block = pytest.mark.parametrize("block", UNDECIDED)


@each_block
async def test_a_review_that_nobody_takes_goes_to_the_escalation_group(on_stage, block):
    """The escalation group is told once, gets the review beside the first group, and its approval leads on."""
    answer = policy(escalateTo="managers", escalateAt=soon())
    async with on_stage(policy__check=[answer], **UNDECIDED[block]) as actors:
        instance = await actors.start()
        task = await actors.sees(lambda: escalated(actors), "review for the escalation group")
        await actors.people.assign(task.key, "demo")
        await actors.people.complete(task.key, {"decision": "approved"})
        assert await actors.ended(instance) == "EndEvent_MachineReady"
        told = [job["group"] for job in actors.inputs("notify.send") if job["event"] == "escalated"]
        assert told == ["managers"]


async def escalated(actors):
    tasks = [t for t in await actors.people.user_tasks(state="CREATED") if t.process.startswith(actors.prefix)]
    return next((t for t in tasks if set(t.groups) == {"managers", "approvers"}), None)


@each_block
async def test_a_review_that_nobody_decides_on_ends_as_a_rejection(on_stage, block):
    """When the time is over the worker is asked to record that nobody decided, and nothing is applied or run."""
    nobody = Thrown("CHANGE_REJECTED", "Nobody decided in time.")
    async with on_stage(
        policy__check=[policy(rejectAt=soon())], approval__verify=[nobody], **UNDECIDED[block]
    ) as actors:
        instance = await actors.start()

        async def told() -> bool | None:
            return bool(actors.notices()) or None

        await actors.sees(told, "notice of the rejection")
        assert actors.inputs("approval.verify")[0]["decision"] == "expired"
        assert actors.inputs("notify.send")[0]["message"] == "Nobody decided in time."
        assert {"terraform.local_host.apply", "ansible.os_baseline.run"}.isdisjoint(actors.types())
        if block == "role":
            await actors.complete(DECIDE, 1, {"next": "keep"})
        assert await actors.ended(instance) in ("EndEvent_RequestRejected", "EndEvent_MachineKept")


@pytest.mark.parametrize("reader", [{"assignee": "demo"}, {"group": "approvers"}, {}])
async def test_a_notice_waits_for_its_reader(on_stage, reader):
    """A notice is a task of one person, of one group, or of nobody in particular."""
    async with on_stage() as actors:
        instance = await actors.start("Notice", subject="Machine ready", message="It is **ready**.", **reader)
        task = await actors.task("Task_ReadNotice")
        assert (task.assignee, task.groups) == (
            reader.get("assignee", ""),
            (reader["group"],) if "group" in reader else (),
        )
        await actors.complete("Task_ReadNotice", 1, {})
        await actors.ended(instance)


FACTS = {
    "kind": "terraform", "environment": "local", "stage": "development", "operation": "apply",
    "creates": 1, "updates": 0, "replaces": 0, "deletes": 0, "roles": 0, "cleanup": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "approvals", "denied"),
    [
        ({}, 1, False),
        ({"deletes": 3, "operation": "destroy"}, 1, False),
        ({"cleanup": True, "deletes": 3, "operation": "destroy"}, 0, False),
        ({"cleanup": True, "stage": "production", "deletes": 3, "operation": "destroy"}, 0, False),
        ({"stage": "production"}, 1, False),
        ({"stage": "production", "kind": "ansible", "creates": 0}, 1, False),
        ({"stage": "production", "deletes": 1}, 2, False),
        ({"stage": "production", "replaces": 1}, 2, False),
        ({"stage": "production", "operation": "destroy", "creates": 0}, 2, False),
        ({"stage": "staging", "deletes": 1}, 1, False),
        ({"stage": "unheard-of"}, 0, True),
    ],
)
async def test_the_policy_table_asks_for_enough_people(gateway, given, approvals, denied):
    """The table as deployed answers each kind of change with its approvals and a reason for people."""
    await gateway.deploy({"ChangePolicy.dmn": (MODELS / "ChangePolicy.dmn").read_bytes()})
    decision = await gateway.evaluate_decision("ChangePolicy", FACTS | given)
    assert (decision.output["approvals"], decision.output["denied"]) == (approvals, denied)
    assert decision.output["group"] == ""
    assert decision.output["reason"]
