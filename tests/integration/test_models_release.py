"""Every path of a release, walked on the real engine by a scripted worker and people over REST."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, Final

import pytest

from tests.integration.models_fixtures import (
    PLAN_CHANGE,
    Answer,
    Stage,
    Thrown,
    approval,
    check,
    plan,
    policy,
    soon,
    stage,
)
from workers.core.settings import Settings
from workers.engine.errors import JobGoneError
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest

pytestmark = pytest.mark.engine

OnStage = Callable[..., AbstractAsyncContextManager[Stage]]

CHECK, RUN = "ansible.app_release.check", "ansible.app_release.run"
APPLY = "terraform.local_host.apply"
SHA256 = "d" * 64
RELEASE = {
    "app_release_name": "shop", "app_release_version": "1.1", "app_release_artifact": f"artifact://{SHA256}",
    "app_release_sha256": SHA256, "app_release_port": 8083,
}  # fmt: skip
HOSTS = [{"name": "shop-1"}, {"name": "shop-2"}]
EACH = ["stack:production/shop#shop-1", "stack:production/shop#shop-2"]
ALL = ["stack:production/shop"]
ORDER = {"environment": "production", "application": "shop", "version": "1.1", "source": "./releases/shop.tar.gz",
         "digest": SHA256, "health": "/health", "smoke": "/"}  # fmt: skip


def request(*, new: bool = True) -> Answer:
    """What the check of a request for a release gives."""
    return {
        "request": {
            "environment": "production", "name": "shop", "stack": "production/shop", "module": "local_host",
            "inputs": {"name": "shop"}, "configure": [{"role": "app_release", "inputs": RELEASE}],
            "hosts": ALL, "approvers": "release-managers", "isNew": new,
        }
    }  # fmt: skip


def there() -> Answer:
    """A plan that finds the hosts as they are to be."""
    found: Any = plan(has_changes=False)
    return {"plan": found["plan"] | {"hosts": HOSTS}}


def usual() -> dict[str, list[Answer]]:
    """A release in which everything goes well, to hosts that are made for it."""
    applied = {"outputs": {}, "hosts": HOSTS, "run": "101-1", "counts": {}, "summary": "2 created"}
    return {
        "artifact__fetch": [{"artifact": {"reference": f"artifact://{SHA256}", "sha256": SHA256}}],
        "request__check": [request()],
        "terraform__local_host__apply": [{"applied": applied}],
        "ansible__app_release__check": [check(covered=True, change=PLAN_CHANGE)],
        "ansible__app_release__run": [{"configured": {"changed": 3, "run": "300-1", "summary": "3 changed"}}],
    }


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[ZeebeGateway]:
    async with ZeebeGateway.from_settings(settings) as opened:
        yield opened


@pytest.fixture
async def on_stage(settings: Settings, gateway: ZeebeGateway) -> AsyncIterator[OnStage]:
    async with OrchestrationRest.as_user(settings, "demo", "demo") as people:

        def set_out(**changed: list[Answer]) -> AbstractAsyncContextManager[Stage]:
            return partial(stage, gateway, people)(**usual() | changed)

        yield set_out


async def released(actors: Stage, *decisions: str, **variables: Any) -> str:
    """Release to production with these decisions in order; the element whose job was the last."""
    instance = await actors.start("StageRelease", **ORDER | variables)
    for number, decision in enumerate(decisions, 1):
        await actors.review(number, decision)
    return await stopped(actors, instance)


async def stopped(actors: Stage, instance: int) -> str:
    """Wait for the last notice, then take the instance away: called by nobody, its error is an incident."""

    async def told() -> bool | None:
        return any(job.element in ("EndEvent_StageReleased", "Task_TellPeople") for _, job in actors.jobs) or None

    await actors.sees(told, f"end of instance {instance}")
    with suppress(JobGoneError):  # where the release went well it has ended by itself
        await actors.gateway.cancel_instance(instance)
    return actors.jobs[-1][1].element


def runs(actors: Stage) -> list[tuple[str, list[str]]]:
    """The runs of the role in their order: what for, and where."""
    return [(job["inputs"].get("app_release_state", "present"), job["hosts"]) for job in actors.inputs(RUN)]


async def test_a_release_goes_through_three_stages(on_stage):
    """Each stage fetches, asks once, and rolls out host by host; the next starts when it is done."""
    async with on_stage() as actors:
        order = ORDER | {"stages": "dev , staging,production", "command": "python3 serve.py --quiet"}
        instance = await actors.start("DeploymentPipeline", **order)
        for number in (1, 2, 3):
            await actors.review(number)
        assert await actors.ended(instance) == "EndEvent_ReleasedEverywhere"
        one = [
            "artifact.fetch", "request.check", "terraform.local_host.plan", "policy.check", "approval.verify", APPLY,
            "host.wait", CHECK, RUN, "http.probe", RUN, "http.probe", "http.probe", "notify.send",
        ]  # fmt: skip
        assert actors.types() == [*one * 3, "notify.send"]
        assert [job["environment"] for job in actors.inputs("artifact.fetch")] == ["dev", "staging", "production"]
        asked = actors.inputs("request.check")[0]["configure"][0]["inputs"]
        assert asked["app_release_command"] == ["python3", "serve.py", "--quiet"]
        assert asked["app_release_health_contains"] == "1.1"
        assert actors.notices() == ["applied"] * 3 + ["report-ready"]


async def test_a_stage_that_fails_stops_the_pipeline(on_stage):
    """What is refused in staging never reaches production."""
    fetched = usual()["artifact__fetch"]
    refused: list[Answer] = [*fetched, Thrown("ARTIFACT_REFUSED")]
    async with on_stage(artifact__fetch=refused, policy__check=[policy(0)]) as actors:
        instance = await actors.start("DeploymentPipeline", **ORDER)
        assert await actors.ended(instance) == "Task_TellPeople"
        assert [job["environment"] for job in actors.inputs("artifact.fetch")] == ["dev", "staging"]
        assert actors.notices() == ["applied", "request-invalid"]


async def test_what_was_approved_with_the_hosts_covers_roll_out_and_way_back(on_stage):
    """The plan's change holds both runs of the role; the roll-out goes by its digest, one host after the other."""
    async with on_stage() as actors:
        assert await released(actors, "approved") == "EndEvent_StageReleased"
        [planned] = actors.inputs("terraform.local_host.plan")
        assert [step["role"] for step in planned["configure"]] == ["app_release"] * 2
        assert planned["configure"][1]["inputs"]["app_release_state"] == "rolled_back"
        assert SHA256 in planned["configure"][0]["inputs"]["app_release_artifact"]
        assert runs(actors) == [("present", [EACH[0]]), ("present", [EACH[1]])]
        assert {job["change"] for job in actors.inputs(RUN)} == {PLAN_CHANGE}
        probes = actors.inputs("http.probe")
        assert [job["hosts"] for job in probes] == [[EACH[0]], [EACH[1]], ALL]
        assert [(job["port"], job["path"], job["contains"]) for job in probes] == [
            (8083, "/health", "1.1"), (8083, "/health", "1.1"), (8083, "/", ""),
        ]  # fmt: skip


async def test_a_roll_out_to_hosts_that_are_there_is_a_change_of_its_own(on_stage):
    """Check, policy and review are the roll-out's; its change holds the way back."""
    async with on_stage(
        terraform__local_host__plan=[there()], ansible__app_release__check=[check(change="e" * 64)]
    ) as actors:
        assert await released(actors, "approved") == "EndEvent_StageReleased"
        [checked] = actors.inputs(CHECK)
        assert (checked["hosts"], checked["also"][0]["role"]) == (ALL, "app_release")
        assert checked["also"][0]["inputs"]["app_release_state"] == "rolled_back"
        assert {job["change"] for job in actors.inputs(RUN)} == {"e" * 64}
        assert APPLY not in actors.types()


async def test_a_second_approver_is_asked_for_a_roll_out(on_stage):
    """While approvals are missing the review comes back, and no host is touched."""
    more = approval("more", "One more person must approve.")
    async with on_stage(
        terraform__local_host__plan=[there()],
        ansible__app_release__check=[check()],
        policy__check=[policy(2)],
        approval__verify=[more, approval()],
    ) as actors:
        assert await released(actors, "approved", "approved") == "EndEvent_StageReleased"
        assert actors.types().count("approval.verify") == 2


async def test_a_release_that_is_there_already_asks_nobody_and_is_tested(on_stage):
    """Nothing to plan, nothing to run; the hosts are asked once more all the same."""
    async with on_stage(
        terraform__local_host__plan=[there()], ansible__app_release__check=[check(has_changes=False)]
    ) as actors:
        assert await released(actors) == "EndEvent_StageReleased"
        assert not {"policy.check", "approval.verify", APPLY, RUN} & set(actors.types())
        assert actors.types().count("http.probe") == 1


@pytest.mark.parametrize(
    ("job_type", "code", "event"),
    [
        ("artifact__fetch", "ARTIFACT_REFUSED", "request-invalid"),
        ("request__check", "REQUEST_INVALID", "request-invalid"),
        ("terraform__local_host__plan", "PLAN_FAILED", "failed"),
        ("policy__check", "POLICY_DENIED", "rejected"),
        ("approval__verify", "CHANGE_REJECTED", "rejected"),
        ("host__wait", "HOST_UNREACHABLE", "failed"),
        ("ansible__app_release__check", "HOST_FAILED", "failed"),
    ],
)
async def test_what_cannot_be_done_ends_before_a_host_is_touched(on_stage, job_type, code, event):
    """One notice with the worker's message; the role never runs."""
    needed = ["rejected"] if code == "CHANGE_REJECTED" else []
    ask = {} if needed or job_type == "policy__check" else {"policy__check": [policy(0)]}
    async with on_stage(**{job_type: [Thrown(code, "The reason.")]}, **ask) as actors:
        assert await released(actors, *needed) == "Task_TellPeople"
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"], notice["run"]) == (event, "The reason.", "42-1")
        assert RUN not in actors.types()


async def test_a_rejected_roll_out_leaves_the_hosts_as_they_are(on_stage):
    """The rejection of the roll-out's own change is told with its reason."""
    async with on_stage(
        terraform__local_host__plan=[there()],
        ansible__app_release__check=[check()],
        approval__verify=[Thrown("CHANGE_REJECTED", "Rejected by act: not today.")],
    ) as actors:
        assert await released(actors, "rejected") == "Task_TellPeople"
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"]) == ("rejected", "Rejected by act: not today.")
        assert notice["subject"] == "Release rejected: shop 1.1 in production"
        assert RUN not in actors.types()


async def test_hosts_that_a_failed_change_has_made_are_removed(on_stage):
    """The first release to an environment: what is half made goes, with reference to the failed change."""
    failed = Thrown("APPLY_FAILED", "No space left.", PLAN_CHANGE)
    applies: list[Answer] = [failed, {"applied": {"outputs": {}, "hosts": [], "run": "9-1", "summary": ""}}]
    plans = [plan(), plan(change="e" * 64, operation="destroy")]
    async with on_stage(
        terraform__local_host__plan=plans, terraform__local_host__apply=applies, policy__check=[policy(0)]
    ) as actors:
        assert await released(actors) == "Task_TellPeople"
        again = actors.inputs("terraform.local_host.plan")[1]
        assert (again["operation"], again["cleanupOf"]) == ("destroy", PLAN_CHANGE)
        assert actors.inputs("terraform.local_host.plan")[0]["cleansUp"] is True
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"], notice["run"]) == ("cleaned-up", "No space left.", "9-1")


async def test_hosts_that_cannot_be_removed_are_told_of(on_stage):
    """Both reasons are in the notice."""
    failed: list[Answer] = [Thrown("APPLY_FAILED", "Full.", PLAN_CHANGE), Thrown("APPLY_FAILED", "Locked.")]
    async with on_stage(terraform__local_host__apply=failed, policy__check=[policy(0)]) as actors:
        assert await released(actors) == "Task_TellPeople"
        [notice] = actors.inputs("notify.send")
        assert (notice["event"], notice["message"]) == ("cleanup-failed", "Full. Locked.")


async def test_hosts_that_were_there_before_are_never_removed(on_stage):
    """A failed change of an infrastructure in use ends the release, and nothing is destroyed."""
    failed: list[Answer] = [Thrown("APPLY_FAILED", "Full.", PLAN_CHANGE)]
    async with on_stage(
        request__check=[request(new=False)], terraform__local_host__apply=failed, policy__check=[policy(0)]
    ) as actors:
        assert await released(actors) == "Task_TellPeople"
        assert actors.types().count("terraform.local_host.plan") == 1
        assert actors.notices() == ["failed"]


ONCE: Answer = {"configured": {"changed": 1, "run": "300-1", "summary": ""}, "probe": {"url": "http://192.0.2.1/"}}


@pytest.mark.parametrize(
    ("job_type", "answers", "touched"),
    [
        ("ansible__app_release__run", [ONCE, Thrown("HOST_FAILED", "Why."), ONCE], 2),
        ("ansible__app_release__run", [Thrown("RUN_INTERRUPTED", "Why."), ONCE], 1),
        ("ansible__app_release__run", [Thrown("HOST_UNREACHABLE", "Why."), ONCE], 1),
        ("http__probe", [Thrown("PROBE_FAILED", "Why."), ONCE], 1),
        ("http__probe", [ONCE, Thrown("PROBE_FAILED", "Why."), ONCE], 2),
        ("http__probe", [ONCE, ONCE, Thrown("PROBE_FAILED", "Why."), ONCE], 2),
    ],
    ids=["role", "worker", "ssh", "first-host", "second-host", "smoke-test"],
)
async def test_a_release_that_fails_on_a_host_is_taken_back_without_asking(on_stage, job_type, answers, touched):
    """No further host, then the way back on all of them, under the same approval; people are told why."""
    async with on_stage(**{job_type: answers}) as actors:
        assert await released(actors, "approved") == "Task_TellPeople"
        assert runs(actors) == [*(("present", [host]) for host in EACH[:touched]), ("rolled_back", ALL)]
        assert {job["change"] for job in actors.inputs(RUN)} == {PLAN_CHANGE}
        assert actors.types().count("approval.verify") == 1
        [notice] = actors.inputs("notify.send")
        assert notice["subject"] == "Release rolled back: shop 1.1 in production"
        assert notice["message"].endswith("Why.")


async def test_an_approval_that_holds_no_longer_is_asked_for_anew(on_stage):
    """A role that was edited meanwhile is checked again, and people decide on what the check finds."""
    runs_: list[Answer] = [Thrown("PLAN_STALE", "Edited."), ONCE]
    checks = [check(covered=True, change=PLAN_CHANGE), check(change="f" * 64)]
    async with on_stage(ansible__app_release__run=runs_, ansible__app_release__check=checks) as actors:
        assert await released(actors, "approved", "approved") == "EndEvent_StageReleased"
        assert [job["change"] for job in actors.inputs(CHECK)] == [PLAN_CHANGE, None]
        assert [job["change"] for job in actors.inputs(RUN)] == [PLAN_CHANGE, "f" * 64, "f" * 64]


BROKEN: Final[tuple[Answer, ...]] = (Thrown("HOST_FAILED", "First."), Thrown("HOST_FAILED", "Second."))


async def test_hosts_that_need_somebody_may_be_left(on_stage):
    """Where the way back fails too, people are told and choose; what they leave, they are told of again."""
    async with on_stage(ansible__app_release__run=[*BROKEN], policy__check=[policy(0)]) as actors:
        instance = await actors.start("StageRelease", **ORDER)
        task = await actors.task("Task_DecideOnHosts")
        assert task.groups == ("release-managers",)
        await actors.complete("Task_DecideOnHosts", 1, {"next": "leave"})
        assert await stopped(actors, instance) == "Task_TellPeople"
        assert actors.notices() == ["configuration-failed", "failed"]
        notice = actors.inputs("notify.send")[-1]
        assert notice["subject"] == "Release failed, hosts left to people: shop 1.1 in production"
        assert "First. The way back: Second." in notice["message"]


async def test_the_way_back_may_be_tried_again_as_a_change_of_its_own(on_stage):
    """It is checked, reviewed and run; where that fails, people choose once more."""
    again: list[Answer] = [*BROKEN, Thrown("HOST_FAILED", "Third."), ONCE]
    checks = [check(covered=True, change=PLAN_CHANGE), check(change="f" * 64)]
    async with on_stage(ansible__app_release__run=again, ansible__app_release__check=checks) as actors:
        instance = await actors.start("StageRelease", **ORDER)
        await actors.review(1)
        for number in (1, 2):
            await actors.complete("Task_DecideOnHosts", number, {"next": "rollback"})
            await actors.review(number + 1)
        assert await stopped(actors, instance) == "Task_TellPeople"
        assert runs(actors)[2:] == [("rolled_back", ALL)] * 2
        notice = actors.inputs("notify.send")[-1]
        assert notice["subject"] == "Release rolled back: shop 1.1 in production"


async def test_an_overdue_review_of_a_roll_out_is_reminded_of(on_stage):
    """After the time that the environment says; the review stays open."""
    reminded = policy(remindAfter="PT1S")
    async with on_stage(
        terraform__local_host__plan=[there()], ansible__app_release__check=[check()], policy__check=[reminded]
    ) as actors:
        instance = await actors.start("StageRelease", **ORDER)
        await actors.sees(lambda: told(actors, "reminder"), "reminder")
        await actors.review()
        assert await stopped(actors, instance) == "EndEvent_StageReleased"


async def test_a_review_of_a_roll_out_escalates(on_stage):
    """The escalation group is told and asked beside the first one."""
    escalating = policy(escalateTo="managers", escalateAt=soon())
    async with on_stage(
        terraform__local_host__plan=[there()], ansible__app_release__check=[check()], policy__check=[escalating]
    ) as actors:
        instance = await actors.start("StageRelease", **ORDER)
        await actors.sees(lambda: told(actors, "escalated"), "escalation")
        task = await actors.task("Task_ReviewChange", 2)
        assert set(task.groups) == {"managers", "approvers"}
        await actors.review(2)
        assert await stopped(actors, instance) == "EndEvent_StageReleased"


async def test_a_roll_out_that_nobody_decides_on_ends(on_stage):
    """The time runs out, which is verified like any other decision."""
    async with on_stage(
        terraform__local_host__plan=[there()],
        ansible__app_release__check=[check()],
        policy__check=[policy(rejectAt=soon())],
        approval__verify=[Thrown("CHANGE_REJECTED", "Nobody decided in time.")],
    ) as actors:
        assert await released(actors) == "Task_TellPeople"
        assert actors.inputs("approval.verify")[0]["decision"] == "expired"
        assert RUN not in actors.types()


async def told(actors: Stage, event: str) -> bool | None:
    """Whether people were told of that event."""
    return event in actors.notices() or None
