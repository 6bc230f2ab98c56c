"""Four eyes: which decisions count, and what follows from those that do.

The rules: the approver is not the requester; the approver belongs to the approving group; each person counts once;
a requester who is not known costs one approver more. A rejection by somebody who may decide ends the matter, and so
does the requester's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from workers.core.records import Approval, Decision, Policy

_ENDED: Final = (Decision.REJECTED, Decision.EXPIRED)
_CLOCKS_APART: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Verdict:
    """Where a change stands.

    Attributes:
        state: ``more`` means that further approvers have to look at it.
        approvers: those whose approval counts.
        missing: how many approvals are still missing.
        note: why the last decision did not count, for the next person who sees the task.
    """

    state: Literal["approved", "rejected", "more"]
    approvers: tuple[str, ...] = ()
    missing: int = 0
    note: str = ""


def objection(
    approver: str, decision: Decision, requester: str | None, members: Collection[str], group: str, service: str
) -> str:
    """Why a decision does not count; empty where it does.

    Args:
        approver: assignee of the completed user task, as the engine recorded it; empty where nobody was.
        decision: what they said.
        requester: who asked for the process, or None where that is not known.
        members: who belongs to the approving group.
        group: its name.
        service: the service's own identity at the engine, which never decides.
    """
    if decision in (Decision.NONE, Decision.EXPIRED):
        return "The task was completed without a decision."
    if not approver:
        return "The task was completed without an assignee, so nobody is known to have decided. Claim it first."
    if approver == service:
        return f"The task was completed by the service identity '{service}', which decides nothing."
    if approver == requester:
        if decision is Decision.REJECTED:
            return ""
        return f"'{approver}' asked for this change, so somebody else has to approve it."
    if approver not in members:
        return f"'{approver}' does not belong to the approving group '{group}'."
    return ""


def verdict(policy: Policy, approvals: Iterable[Approval]) -> Verdict:
    """What the recorded decisions amount to under the policy."""
    recorded = tuple(approvals)
    counting = tuple(a for a in recorded if a.counts)
    rejected = next((a for a in counting if a.decision in _ENDED), None)
    if rejected:
        return Verdict("rejected", (), 0, rejected.reason)
    approvers = tuple(dict.fromkeys(a.approver for a in counting if a.decision is Decision.APPROVED))
    missing = max(0, policy.approvals - len(approvers))
    if missing == 0:
        return Verdict("approved", approvers)
    return Verdict("more", approvers, missing, _note(recorded, approvers, missing))


def required_approvals(asked: int, requester: str | None) -> int:
    """How many approvers are needed: one more where nobody knows who asked."""
    return asked + 1 if asked and requester is None else asked


def deciding_groups(policy: Policy, moment: datetime) -> tuple[str, ...]:
    """Whose members may decide: the policy's group, from the recorded moment on the escalation group too."""
    escalated = policy.escalate_to and policy.escalate_at is not None and moment >= policy.escalate_at
    return (policy.group, policy.escalate_to) if escalated else (policy.group,)


def time_ran_out(policy: Policy, moment: datetime) -> bool:
    """Whether the time to decide is over; the engine's clock, which ends the review, may be a little ahead of ours."""
    return policy.reject_at is not None and moment >= policy.reject_at - _CLOCKS_APART


def _note(recorded: tuple[Approval, ...], approvers: tuple[str, ...], missing: int) -> str:
    last = recorded[-1] if recorded else None
    if last is not None and not last.counts:
        return last.note
    people = "one more person" if missing == 1 else f"{missing} more people"
    return f"Approved by {', '.join(approvers)}; {people} must approve." if approvers else ""
