"""The guard before an apply refuses everything but the approved, unused, unchanged plan."""

from dataclasses import replace
from datetime import timedelta

import pytest

from workers.approvals.facts import is_cleanup
from workers.approvals.guard import Evidence, refusal
from workers.core.records import Approval, Change, Counts, Decision, Operation, Plan, Policy, StackId
from workers.core.records import Evidence as Source
from workers.core.values import now

STACK = StackId(environment="local", name="web1")
D = {name: name * 64 for name in "abcdef"}


def plan(**changes):
    known = {
        "digest": D["a"],
        "stack": STACK,
        "operation": Operation.APPLY,
        "module": "local_host",
        "module_digest": D["b"],
        "workspace_digest": D["c"],
        "inputs": {},
        "counts": Counts(create=1),
        "changes": (),
        "empty_before": True,
        "has_changes": True,
        "cleans_up": True,
        "tool": "OpenTofu 1.12.6",
        "run": "1-1",
        "process_instance": 5,
        "created": now(),
        "expires": now() + timedelta(hours=1),
    }
    return Plan(**(known | changes))


CHANGE = Change(environment="local", stack="local/web1", plan=D["a"], process_instance=5)
POLICY = Policy(change=CHANGE.digest, approvals=1, group="approvers", created=now())
APPROVED = Approval(
    change=CHANGE.digest,
    decision=Decision.APPROVED,
    approver="act",
    evidence=Source.ENGINE,
    user_task=1,
    verified_by=2,
    created=now(),
)
GOOD = Evidence(CHANGE, plan(), POLICY, (APPROVED,), "", D["b"], D["c"], D["a"])


def why(evidence, stack=STACK, instance=5, moment=None):
    return refusal(evidence, stack, instance, moment or now())


def test_the_approved_plan_may_be_applied():
    """With everything as it was approved, the guard has no objection."""
    assert why(GOOD) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"change": None}, "no such change"),
        ({"plan": None}, "no such change or plan"),
        ({"policy": None}, "No policy"),
        ({"policy": POLICY.model_copy(update={"denied": True, "reason": "frozen"})}, "denies"),
        ({"approvals": ()}, "not approved"),
        ({"approvals": (APPROVED.model_copy(update={"counts": False}),)}, "not approved"),
        ({"approvals": (APPROVED.model_copy(update={"decision": Decision.REJECTED}),)}, "rejected"),
        ({"used_by": "9-1"}, "used by run 9-1"),
        ({"plan": plan(expires=now() - timedelta(seconds=1))}, "expired"),
        ({"module_digest": D["f"]}, "has changed since"),
        ({"workspace_digest": D["f"]}, "workspace"),
        ({"file_digest": D["f"]}, "plan file"),
        ({"plan": plan(process_instance=6)}, "another process instance"),
        ({"plan": plan(stack=StackId(environment="local", name="other"))}, "is for stack local/other"),
    ],
)
def test_every_deviation_is_refused_with_its_reason(change, words):
    """Each single thing that differs from what was approved is enough to refuse."""
    assert words in why(replace(GOOD, **change))


def test_an_approval_does_not_serve_another_instance_or_stack():
    """Naming somebody else's change in a process variable does not help."""
    assert "another process instance" in why(GOOD, instance=6)
    assert "is for stack" in why(GOOD, stack=StackId(environment="local", name="web2"))


def test_a_change_digest_binds_every_part():
    """Any difference in plan, roles, inputs or hosts is another change."""
    others = [
        CHANGE.model_copy(update={"plan": D["f"]}),
        CHANGE.model_copy(update={"hosts": ("stack:local/web2",)}),
        CHANGE.model_copy(update={"process_instance": 6}),
        CHANGE.model_copy(update={"environment": "other"}),
    ]
    assert CHANGE.digest not in {other.digest for other in others}


REMOVAL = plan(operation=Operation.DESTROY, counts=Counts(delete=1), empty_before=False)


def test_removing_what_a_failed_apply_made_is_a_cleanup():
    """Only then may it run by itself."""
    assert is_cleanup(REMOVAL, plan(), "failed")


@pytest.mark.parametrize(
    ("removal", "failed", "state"),
    [
        (REMOVAL, plan(empty_before=False), "failed"),
        (REMOVAL, plan(cleans_up=False), "failed"),
        (REMOVAL, plan(), "finished"),
        (REMOVAL, None, "failed"),
        (REMOVAL, plan(stack=StackId(environment="local", name="other")), "failed"),
        (plan(), plan(), "failed"),
        (plan(operation=Operation.DESTROY, counts=Counts(delete=1, update=1)), plan(), "failed"),
    ],
)
def test_anything_else_is_a_change_that_people_review(removal, failed, state):
    """A stack that held something, an apply that worked or another stack never count as a clean-up."""
    assert not is_cleanup(removal, failed, state)
