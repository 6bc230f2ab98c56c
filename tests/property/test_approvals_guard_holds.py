"""Whatever the store holds, the guard lets through only what people approved, as it is, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workers.approvals.guard import Evidence, refusal
from workers.core.records import Approval, Change, Counts, Decision, Operation, Plan, Policy, StackId
from workers.core.records import Evidence as Source

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
STACKS = [StackId(environment="local", name="one"), StackId(environment="local", name="two")]
# Few values of each kind, so that things that have to be equal often are.
digests = st.sampled_from(["a" * 64, "b" * 64])
instances = st.sampled_from([5, 5, 5, 6])
stacks = st.sampled_from([STACKS[0], STACKS[0], STACKS[1]])


@st.composite
def plans(draw):
    """A plan, expired or not."""
    return Plan(
        digest=draw(digests), stack=draw(stacks), operation=draw(st.sampled_from(Operation)), module="m",
        module_digest=draw(digests), workspace_digest=draw(digests), inputs={}, counts=Counts(create=1), changes=(),
        empty_before=True, has_changes=True, tool="t", run="1-1", process_instance=draw(instances),
        created=MOMENT, expires=MOMENT + draw(st.sampled_from([timedelta(hours=1), timedelta(), timedelta(hours=-1)])),
    )  # fmt: skip


@st.composite
def approvals(draw):
    """A recorded decision of any kind."""
    return Approval(
        change="c" * 64, decision=draw(st.sampled_from([*Decision, Decision.APPROVED, Decision.APPROVED])),
        approver=draw(st.sampled_from(["act", "demo", "zoe"])), evidence=draw(st.sampled_from(Source)),
        user_task=draw(st.integers(1, 9)), verified_by=1, counts=draw(st.sampled_from([True, True, True, False])),
        created=MOMENT,
    )  # fmt: skip


@st.composite
def policies(draw):
    """What the policy said."""
    return Policy(
        change="c" * 64, approvals=draw(st.integers(0, 3)), group="g", created=MOMENT,
        denied=draw(st.sampled_from([False, False, True])),
    )  # fmt: skip


@st.composite
def evidence(draw):
    """Anything that the store may hold."""
    change = Change(environment="local", stack="local/one", plan="a" * 64, process_instance=draw(instances))
    return Evidence(
        change=draw(st.none() | st.just(change)), plan=draw(st.none() | plans() | plans()),
        policy=draw(st.none() | policies() | policies()), approvals=tuple(draw(st.lists(approvals(), max_size=4))),
        used_by=draw(st.sampled_from(["", "", "9-1"])), module_digest=draw(digests),
        workspace_digest=draw(digests), file_digest=draw(digests),
    )  # fmt: skip


def good(instance: int = 5) -> Evidence:
    """Everything as it was approved."""
    plan = Plan(
        digest="a" * 64, stack=STACKS[0], operation=Operation.APPLY, module="m", module_digest="a" * 64,
        workspace_digest="b" * 64, inputs={}, counts=Counts(create=1), changes=(), empty_before=True, has_changes=True,
        tool="t", run="1-1", process_instance=instance, created=MOMENT, expires=MOMENT + timedelta(hours=1),
    )  # fmt: skip
    change = Change(environment="local", stack="local/one", plan=plan.digest, process_instance=instance)
    policy = Policy(change=change.digest, approvals=1, group="g", created=MOMENT)
    approval = Approval(
        change=change.digest, decision=Decision.APPROVED, approver="act", evidence=Source.ENGINE, user_task=1,
        verified_by=1, created=MOMENT,
    )  # fmt: skip
    return Evidence(change, plan, policy, (approval,), "", "a" * 64, "b" * 64, "a" * 64)


def must_hold(known: Evidence, stack: StackId, instance: int) -> bool:
    """What has to be true of everything that is applied, written down a second time and otherwise."""
    plan, policy, counting = known.plan, known.policy, [a for a in known.approvals if a.counts]
    if known.change is None or plan is None or policy is None:
        return False
    agreed = {a.approver for a in counting if a.decision is Decision.APPROVED}
    return (
        known.change.process_instance == plan.process_instance == instance
        and plan.stack == stack
        and not policy.denied
        and len(agreed) >= policy.approvals
        and not [a for a in counting if a.decision in (Decision.REJECTED, Decision.EXPIRED)]
        and not known.used_by
        and plan.expires > MOMENT
        and (known.module_digest, known.workspace_digest, known.file_digest)
        == (plan.module_digest, plan.workspace_digest, plan.digest)
    )


@given(evidence(), stacks, instances)
def test_what_the_guard_lets_through_is_approved_fresh_and_unused(known, stack, instance):
    """No record, and no combination of records, gets past the guard without everything that an apply needs."""
    assert (refusal(known, stack, instance, MOMENT) == "") == must_hold(known, stack, instance)


@given(evidence())
def test_one_wrong_thing_is_enough(other):
    """Of a good plan, any one thing put in another's place is refused unless it is as good."""
    fields = ("change", "plan", "policy", "approvals", "used_by", "module_digest", "workspace_digest", "file_digest")
    assert refusal(good(), STACKS[0], 5, MOMENT) == ""
    for name in fields:
        mixed = replace(good(), **{name: getattr(other, name)})
        assert (refusal(mixed, STACKS[0], 5, MOMENT) == "") == must_hold(mixed, STACKS[0], 5)
