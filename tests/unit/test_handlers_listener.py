"""The decision at the moment of completion: what is denied, what is written down, and what counts afterwards."""

from dataclasses import replace

import pytest

from handlers_kit import Lease, change_with_policy, job, rules
from workers.core.job import BpmnErrorCode, Denied, Done, ListenedTask, Stuck
from workers.core.records import Change, Decision, RequestRecord, Statement
from workers.core.values import now
from workers.handlers.approval import LISTENER_HEADER, VerifyApproval
from workers.handlers.listener import DecideAtCompletion
from workers.handlers.ports import CompletedTask

TASK = 77


@pytest.fixture
async def kit(tmp_path):
    found = rules(tmp_path)
    await found.context.requests.save(
        RequestRecord(process_instance=100, process="P", requester="demo", evidence="test", created=now())
    )
    return found


async def complete(kit, change, who, decision="approved", reason=""):
    asked = job("approval.decide", 1, review={"change": change.digest}, decision=decision, reason=reason)
    return await DecideAtCompletion(kit)(replace(asked, user_task=ListenedTask(TASK, who)), Lease())


async def verify(kit, change, who, decision="approved"):
    kit.tasks.tasks.append(CompletedTask(TASK, who, now()))
    asked = job("approval.verify", 2, change=change.digest, decision=decision)
    return await VerifyApproval(kit)(replace(asked, headers={LISTENER_HEADER: "approval.decide"}), Lease())


async def test_a_decision_that_counts_is_written_down_before_the_task_completes(kit):
    """Another member approves: the engine may go on, and the store knows who decided what."""
    change = await change_with_policy(kit.context)
    assert await complete(kit, change, "act") == Done()
    said = await kit.context.changes.statement(change.digest, TASK)
    assert (said.person, said.decision) == ("act", Decision.APPROVED)
    assert (await verify(kit, change, "act")).variables["approval"]["approvers"] == ["act"]


@pytest.mark.parametrize(
    ("who", "decision", "words"),
    [
        ("demo", "approved", "asked for this change"),
        ("eve", "approved", "does not belong"),
        ("", "approved", "without an assignee"),
        ("service", "approved", "only for a person"),
        ("act", None, "without a decision"),
        ("act", "expired", "without a decision"),
        ("act", "rejected", "needs a reason"),
    ],
)
async def test_what_would_not_count_is_denied_with_its_reason(kit, who, decision, words):
    """The task stays open, the person reads why, and nothing is written down."""
    change = await change_with_policy(kit.context)
    outcome = await complete(kit, change, who, decision)
    assert isinstance(outcome, Denied)
    assert words in outcome.message
    assert await kit.context.changes.statement(change.digest, TASK) is None


async def test_a_variable_changed_after_the_completion_changes_nothing(kit):
    """Rejected at the completion stays rejected, though the variable says approved by the time it is verified."""
    change = await change_with_policy(kit.context)
    assert await complete(kit, change, "act", "rejected", "too big") == Done()
    outcome = await verify(kit, change, "act", "approved")
    assert outcome.code is BpmnErrorCode.CHANGE_REJECTED
    assert outcome.variables["failure"]["message"] == "act rejected the change: too big"


async def test_a_completion_that_we_were_not_asked_about_decides_nothing(kit):
    """Where the model has a listener, a task that went past it approves nothing, whoever its assignee is."""
    change = await change_with_policy(kit.context)
    assert (await verify(kit, change, "act")).variables["approval"]["state"] == "more"


async def test_the_service_completes_for_a_person_who_decided_with_us(kit):
    """With the person's statement in the store the service may complete the task."""
    change = await change_with_policy(kit.context)
    await kit.context.changes.add_statement(
        Statement(
            change=change.digest,
            user_task=TASK,
            person="act",
            decision=Decision.APPROVED,
            channel="slack",
            created=now(),
        )
    )
    assert await complete(kit, change, "service") == Done()
    assert (await verify(kit, change, "service")).variables["approval"]["approvers"] == ["act"]


async def test_the_same_completion_may_be_asked_about_twice(kit):
    """A second delivery of the same decision goes through; another decision on the same task is denied."""
    change = await change_with_policy(kit.context)
    assert await complete(kit, change, "act") == await complete(kit, change, "act") == Done()
    assert isinstance(await complete(kit, change, "zoe"), Denied)


async def test_a_change_of_another_instance_is_denied(kit):
    """A task whose variable names somebody else's change cannot be completed."""
    change = Change(environment="local", process_instance=999)
    await kit.context.changes.save(change)
    assert isinstance(await complete(kit, change, "act"), Denied)


async def test_a_job_that_is_no_listener_needs_a_person(kit):
    """A service task of this type was drawn by mistake: an incident says so."""
    assert isinstance(await DecideAtCompletion(kit)(job("approval.decide"), Lease()), Stuck)
