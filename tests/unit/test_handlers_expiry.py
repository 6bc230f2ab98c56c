"""The end date of a stack: who may move it where, and what is due when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers_kit import Lease, job, rules
from workers.core.job import BpmnErrorCode, Done, Refused
from workers.core.moments import moment_text
from workers.core.records import Approval, Change, Decision, Evidence, Policy, StackId, StackRecord
from workers.core.values import digest_value, now
from workers.handlers.decisions import decision_workers
from workers.handlers.expiry import what_is_due

WEB1 = StackId(environment="local", name="web1")
NAMES = {"environment": "local", "stack": "web1"}
HOUR = timedelta(hours=1)


@pytest.fixture
def kit(tmp_path):
    return rules(tmp_path)


def record(**more):
    return StackRecord(id=WEB1, module="box", module_digest="0" * 64, state="applied", updated=now(), **more)


async def ask(kit, type_, key=1, instance=200, **variables):
    [worker] = [w for w in decision_workers(kit) if w.type == type_]
    asked = replace(job(type_, key, **NAMES, **variables), process_instance=instance)
    return await worker.handler(asked, Lease())


async def planned(kit, expires, key=1, instance=200):
    outcome = await ask(kit, "expiry.plan", key, instance, expires=moment_text(expires))
    assert isinstance(outcome, Done), outcome
    return outcome.variables["plan"]


async def approve(kit, change):
    await kit.context.changes.set_policy(Policy(change=change, approvals=1, group="approvers", created=now()))
    await kit.context.changes.add_approval(
        Approval(change=change, decision=Decision.APPROVED, approver="act", evidence=Evidence.ENGINE, user_task=7,
                 verified_by=8, created=now())
    )  # fmt: skip


async def end_of(kit):
    return (await kit.context.stacks.get(WEB1)).expires


async def test_the_first_date_counts_at_once_and_is_kept_with_the_stack(kit):
    """Nobody is asked; the record has the date, the audit trail says who wrote it."""
    await kit.context.stacks.save(record())
    end = now() + HOUR
    plan = await planned(kit, end)
    assert plan["within"]
    outcome = await ask(kit, "expiry.set", 2, change=plan["change"])
    assert outcome.variables["expiry"]["changed"]
    assert await end_of(kit) == end
    assert [entry.action for entry in await kit.context.audit.entries("local/web1")] == ["end-date-set"]


async def test_an_earlier_date_counts_at_once(kit):
    """To end sooner takes nobody's agreement: the removal itself is reviewed."""
    await kit.context.stacks.save(record(expires=now() + 2 * HOUR))
    end = now() + HOUR
    plan = await planned(kit, end)
    assert plan["within"]
    assert isinstance(await ask(kit, "expiry.set", 2, change=plan["change"]), Done)
    assert await end_of(kit) == end


async def test_a_later_date_takes_an_approval(kit):
    """Without one it is refused, whatever the model says; with one it counts."""
    before = now() + HOUR
    await kit.context.stacks.save(record(expires=before))
    plan = await planned(kit, before + HOUR)
    assert not plan["within"]
    assert moment_text(before) in plan["markdown"]
    refused = await ask(kit, "expiry.set", 2, change=plan["change"])
    assert isinstance(refused, Refused)
    assert refused.code is BpmnErrorCode.PLAN_STALE
    assert await end_of(kit) == before
    await approve(kit, plan["change"])
    assert isinstance(await ask(kit, "expiry.set", 3, change=plan["change"]), Done)
    assert await end_of(kit) == before + HOUR


async def test_a_date_that_is_asked_for_is_a_run_which_people_can_decide_on(kit):
    """The run has the change and what to read about it, as that of a plan: the lists of reviews are made from those."""
    await kit.context.stacks.save(record(expires=now() + HOUR))
    plan = await planned(kit, now() + 2 * HOUR)
    [run] = await kit.context.runs.all()
    assert run.id == plan["run"]
    assert (run.stack, run.result["plan"]["change"]) == ("local/web1", plan["change"])
    assert run.result["plan"]["markdown"] == plan["markdown"]


async def test_a_date_that_became_later_meanwhile_takes_an_approval(kit):
    """What lay within the agreement when it was planned is held against the record once more."""
    await kit.context.stacks.save(record())
    plan = await planned(kit, now() + 2 * HOUR)
    await kit.context.stacks.save(record(expires=now() + HOUR))
    assert isinstance(await ask(kit, "expiry.set", 2, change=plan["change"]), Refused)


async def test_the_same_date_again_changes_nothing(kit):
    """Asked for twice, it is written once."""
    end = now() + HOUR
    await kit.context.stacks.save(record(expires=end))
    plan = await planned(kit, end)
    outcome = await ask(kit, "expiry.set", 2, change=plan["change"])
    assert not outcome.variables["expiry"]["changed"]
    assert await kit.context.audit.entries("local/web1") == ()


@pytest.mark.parametrize("stack", [None, "destroyed", "planned"])
async def test_what_is_not_there_gets_no_end(kit, stack):
    """A stack that was never made, or is removed, is refused."""
    if stack:
        await kit.context.stacks.save(record().model_copy(update={"state": stack}))
    outcome = await ask(kit, "expiry.plan", expires="2100-01-01")
    assert isinstance(outcome, Refused)
    assert outcome.code is BpmnErrorCode.REQUEST_INVALID


@pytest.mark.parametrize(("expires", "words"), [("2001-01-02", "is over"), ("later", "is no date")])
async def test_a_later_date_must_be_a_date_to_come(kit, expires, words):
    """An extension into the past, or to no date, is refused in words."""
    end = now() - 24 * 365 * 40 * HOUR
    await kit.context.stacks.save(record(expires=end))
    outcome = await ask(kit, "expiry.plan", expires=expires)
    assert isinstance(outcome, Refused)
    assert words in outcome.message


async def test_a_change_of_another_process_or_stack_sets_nothing(kit):
    """The digest alone opens nothing: process and stack must be those that the change was made for."""
    await kit.context.stacks.save(record())
    plan = await planned(kit, now() + HOUR, instance=300)
    assert isinstance(await ask(kit, "expiry.set", 2, change=plan["change"]), Refused)
    other = Change(environment="local", stack="local/web2", process_instance=200, expires=now() + HOUR)
    await kit.context.changes.save(other)
    assert isinstance(await ask(kit, "expiry.set", 3, change=other.digest), Refused)
    plain = Change(environment="local", stack="local/web1", process_instance=200)
    await kit.context.changes.save(plain)
    assert isinstance(await ask(kit, "expiry.set", 4, change=plain.digest), Refused)
    assert await end_of(kit) is None


async def test_the_last_process_that_began_to_wait_looks_after_the_end(kit):
    """A second one takes over; the first finds nothing to do any more."""
    await kit.context.stacks.save(record(expires=now() + 2 * HOUR))
    assert (await ask(kit, "expiry.check", 1, 300, begin=True)).variables["expiry"]["due"] == "reminder"
    again = await ask(kit, "expiry.check", 2, 400, begin=True, remindBefore="PT1M")
    assert again.variables["expiry"]["due"] == "wait"
    assert (await ask(kit, "expiry.check", 3, 300)).variables["expiry"]["due"] == "nothing"
    assert (await ask(kit, "expiry.check", 4, 400)).variables["expiry"]["due"] == "reminder"


@pytest.mark.parametrize(
    ("passed", "due"), [(timedelta(0), "wait"), (3 * HOUR, "reminder"), (4 * HOUR, "end"), (9 * HOUR, "end")]
)
def test_what_is_due_follows_the_clock(passed, due):
    """First it waits, then people are reminded, then it ends."""
    begun = now()
    known = record(expires=begun + 4 * HOUR, expiry_watch=1)
    assert what_is_due(known, 1, HOUR, begun + passed) == due
    assert what_is_due(known, 2, HOUR, begun + passed) == "nothing"
    assert what_is_due(record(), 1, HOUR, begun + passed) == "nothing"
    assert what_is_due(None, 1, HOUR, begun + passed) == "nothing"


def test_changes_without_an_end_date_keep_their_digests():
    """Approvals that were given before there were end dates stay valid."""
    change = Change(environment="local", stack="local/web1", hosts=("db1",), process_instance=200)
    old = {"environment": "local", "stack": "local/web1", "plan": None, "roles": [], "hosts": ["db1"],
           "process_instance": 200, "check": ""}  # fmt: skip
    assert change.digest == digest_value(old)
    assert change.model_copy(update={"expires": now()}).digest != change.digest


async def test_the_policy_is_told_that_an_end_date_is_asked_for(kit):
    """The table may ask for other people than where something is changed."""
    await kit.context.stacks.save(record(expires=now() + HOUR))
    plan = await planned(kit, now() + 2 * HOUR)
    outcome = await ask(kit, "policy.check", 2, change=plan["change"])
    assert isinstance(outcome, Done)
    assert kit.table.asked[0]["kind"] == "expiry"
