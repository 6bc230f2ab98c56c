"""The guard before an apply: only the approved plan, only once, only while nothing has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from workers.approvals.eyes import verdict
from workers.core.records import Approval, Change, Plan, Policy, StackId


@dataclass(frozen=True)
class Evidence:
    """Everything that the guard looks at, all of it from the store.

    Attributes:
        approvals: recorded decisions on the change.
        used_by: run that used the plan before; empty where none did.
        module_digest: content digest of the module as it is now.
        workspace_digest: digest over the unpacked stack root.
        file_digest: digest of the saved plan file as read back.
    """

    change: Change | None
    plan: Plan | None
    policy: Policy | None
    approvals: Iterable[Approval]
    used_by: str
    module_digest: str
    workspace_digest: str
    file_digest: str


def refusal(evidence: Evidence, stack: StackId, process_instance: int, moment: datetime) -> str:
    """Why the plan may not be applied, in one sentence; empty where it may.

    Args:
        evidence: what the store holds.
        stack: the stack that the job names.
        process_instance: the instance that the job belongs to.
        moment: the present.
    """
    change, plan = evidence.change, evidence.plan
    if change is None or plan is None:
        return "The store holds no such change or plan."
    if change.process_instance != process_instance or plan.process_instance != process_instance:
        return "The plan was made for another process instance."
    if plan.stack != stack:
        return f"The plan is for stack {plan.stack}, not {stack}."
    return _approval_refusal(evidence) or _freshness_refusal(evidence, plan, moment)


def _approval_refusal(evidence: Evidence) -> str:
    if evidence.policy is None:
        return "No policy was evaluated for this change."
    if evidence.policy.denied:
        return f"The policy denies this change: {evidence.policy.reason}"
    found = verdict(evidence.policy, evidence.approvals)
    if found.state != "approved":
        return (
            f"The change is not approved ({found.missing} more needed)."
            if found.missing
            else "The change was rejected."
        )
    return ""


def _freshness_refusal(evidence: Evidence, plan: Plan, moment: datetime) -> str:
    if evidence.used_by:
        return f"The plan was used by run {evidence.used_by}; a plan is used once."
    if moment >= plan.expires:
        return f"The plan expired at {plan.expires:%Y-%m-%d %H:%M} UTC."
    if evidence.module_digest != plan.module_digest:
        return f"Module {plan.module} has changed since the plan was made."
    if evidence.workspace_digest != plan.workspace_digest:
        return "The stored workspace is not the one that the plan was made in."
    if evidence.file_digest != plan.digest:
        return "The stored plan file does not have the digest that was approved."
    return ""
