"""Four eyes: which decisions count and what they amount to."""

from datetime import timedelta

import pytest

from workers.approvals.eyes import deciding_groups, objection, required_approvals, time_ran_out, verdict
from workers.core.records import Approval, Decision, Evidence, Policy
from workers.core.values import now

CHANGE = "a" * 64
MEMBERS = ("act", "demo", "zoe")


def policy(approvals=1):
    return Policy(change=CHANGE, approvals=approvals, group="approvers", created=now())


def approval(approver, task, *, decision=Decision.APPROVED, counts=True, note="", reason=""):
    return Approval(
        change=CHANGE,
        decision=decision,
        approver=approver,
        evidence=Evidence.ENGINE,
        user_task=task,
        verified_by=task,
        counts=counts,
        note=note,
        reason=reason,
        created=now(),
    )


def why(approver, decision=Decision.APPROVED, requester="demo", members=MEMBERS):
    return objection(approver, decision, requester, members, "approvers", "service")


def test_another_member_of_the_group_may_approve():
    """The plain case has no objection."""
    assert why("act") == ""


@pytest.mark.parametrize(
    ("approver", "words"),
    [
        ("demo", "asked for this change"),
        ("eve", "does not belong to the approving group"),
        ("", "without an assignee"),
        ("service", "service identity"),
    ],
)
def test_who_may_not_approve_is_told_why(approver, words):
    """The requester, a stranger, nobody and the service itself are each refused in words."""
    assert words in why(approver)


def test_the_service_may_not_decide_even_as_a_member():
    """Being listed in the group does not make the service identity a person."""
    assert "service identity" in why("service", members=(*MEMBERS, "service"))


def test_a_requester_may_withdraw():
    """Rejecting one's own change needs nobody else."""
    assert why("demo", Decision.REJECTED) == ""


def test_a_stranger_cannot_reject_either():
    """A rejection by somebody outside the group does not end the matter."""
    assert why("eve", Decision.REJECTED) != ""


def test_one_person_counts_once():
    """Two approvals by the same person are one."""
    found = verdict(policy(2), [approval("act", 1), approval("act", 2)])
    assert (found.state, found.missing) == ("more", 1)
    assert "one more person" in found.note


def test_enough_distinct_approvers_approve():
    """Two people approve where two are asked for."""
    assert verdict(policy(2), [approval("act", 1), approval("zoe", 2)]).approvers == ("act", "zoe")


def test_a_decision_that_does_not_count_leaves_its_reason_for_the_next_person():
    """The note of the last refused decision is what the task shows."""
    found = verdict(policy(), [approval("demo", 1, counts=False, note="demo asked for it")])
    assert (found.state, found.note) == ("more", "demo asked for it")


def test_a_rejection_ends_the_matter_whatever_was_approved():
    """Nothing outweighs a rejection that counts."""
    rejected = approval("zoe", 2, decision=Decision.REJECTED, reason="too late")
    assert verdict(policy(), [approval("act", 1), rejected]).state == "rejected"


def test_a_policy_without_approvers_needs_none():
    """A change that nobody has to look at is approved as it is."""
    assert verdict(policy(0), []).state == "approved"


def test_an_unknown_requester_costs_one_approver_more():
    """Where nobody knows who asked, two people look instead of one; where none is needed, none is."""
    assert [required_approvals(1, None), required_approvals(1, "demo"), required_approvals(0, None)] == [2, 1, 0]


def test_the_escalation_group_decides_only_from_its_moment_on():
    """Before, only the policy's group may decide, whoever the task is shown to; from then on both may."""
    moment = now()
    answer = policy().model_copy(update={"escalate_to": "managers", "escalate_at": moment})
    assert deciding_groups(answer, moment - timedelta(seconds=1)) == ("approvers",)
    assert deciding_groups(answer, moment) == ("approvers", "managers")
    assert deciding_groups(policy(), moment) == ("approvers",)


def test_time_runs_out_when_the_policy_said_so():
    """Neither long before the recorded moment nor ever without one; a minute covers clocks that differ."""
    moment = now()
    answer = policy().model_copy(update={"reject_at": moment})
    assert not time_ran_out(answer, moment - timedelta(minutes=2))
    assert time_ran_out(answer, moment - timedelta(seconds=1))
    assert not time_ran_out(policy(), moment)


def test_nobody_in_time_is_a_rejection():
    """What was approved before does not help a change that ran out of time."""
    expired = approval("", 0, decision=Decision.EXPIRED, reason="Nobody decided in time.")
    assert verdict(policy(2), [approval("act", 1), expired]).state == "rejected"


def test_a_person_cannot_say_that_time_ran_out():
    """A member of the group who completes the task with 'expired' has decided nothing."""
    assert "without a decision" in why("act", Decision.EXPIRED)
