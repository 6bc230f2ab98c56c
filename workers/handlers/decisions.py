"""``policy.check``: whose agreement a change takes; and the list of all workers around decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel

from workers.approvals.eyes import required_approvals
from workers.approvals.facts import facts
from workers.core.environment import Environment
from workers.core.errors import EngineError, NotShownYetError
from workers.core.job import BpmnErrorCode, Done, HandedBack, Job, JobWorker, Lease, Outcome, Stuck
from workers.core.records import Change, Policy
from workers.core.values import JsonValue, now
from workers.handlers.approval import VerifyApproval
from workers.handlers.attempt import parse, refused
from workers.handlers.expiry import expiry_workers
from workers.handlers.listener import DecideAtCompletion
from workers.handlers.requests import CheckRequest
from workers.handlers.rules import Rules, requester_of

_ASK_AGAIN: Final = timedelta(seconds=10)


class ChangeRequest(BaseModel):
    """Variables that name a change."""

    change: str


def decision_workers(rules: Rules) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    return (
        JobWorker("request.check", CheckRequest(rules.context)),
        JobWorker("policy.check", CheckPolicy(rules)),
        JobWorker("approval.verify", VerifyApproval(rules)),
        JobWorker("approval.decide", DecideAtCompletion(rules)),
        *expiry_workers(rules.context),
    )


@dataclass(frozen=True)
class CheckPolicy:
    """Asks the decision table how many approvers a change needs, over facts from our own records."""

    rules: Rules

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Evaluate the policy once per change and keep its answer."""
        request = parse(ChangeRequest, job, "policy")
        context = self.rules.context
        change = await context.changes.find(request.change)
        if change is None:
            return Stuck(f"The store holds no change {request.change}.")
        try:
            policy = await context.changes.policy(change.digest) or await self._evaluate(change, job)
        except NotShownYetError as error:
            # However long it takes: an incident would be shown by that search, too.
            return HandedBack(error.message, _ASK_AGAIN)
        if policy.denied:
            return refused(BpmnErrorCode.POLICY_DENIED, f"The policy denies this change: {policy.reason}")
        return Done({"policy": _shown(policy)})

    async def _evaluate(self, change: Change, job: Job) -> Policy:
        context = self.rules.context
        environment = context.environment(change.environment)
        plan = await context.plans.find(change.plan) if change.plan else None
        known = facts(change, plan, environment, cleanup=await context.changes.is_cleanup(change.digest))
        requester = await requester_of(self.rules, change.process_instance)
        answer = await self.rules.table.evaluate(known)
        policy = read_answer(change.digest, answer.output, answer.table, known, environment, requester)
        policy = await context.changes.set_policy(policy.model_copy(update={"asked_by": job.key}))
        subject = change.stack or f"{environment.name}/hosts"
        await context.audit.add(
            subject, context.runs.worker, "policy", change=change.digest, approvals=policy.approvals,
            group=policy.group, denied=policy.denied, reason=policy.reason, requester=requester, table=policy.table,
        )  # fmt: skip
        return policy


def read_answer(
    change: str,
    output: object,
    table: str,
    known: dict[str, JsonValue],
    environment: Environment,
    requester: str | None,
) -> Policy:
    """The table's answer as a policy record.

    Raises:
        EngineError: no rule of the table matched, or it answered something else than a policy.
    """
    if not isinstance(output, dict) or not isinstance(output.get("approvals"), int | float):
        hint = "A rule must match every fact; look at bpmn/ChangePolicy.dmn."
        raise EngineError(f"The approval policy gave no answer for {known}.", hint)
    asked = int(output["approvals"])
    people, moment = environment.people, now()
    return Policy(
        change=change,
        approvals=required_approvals(asked, requester),
        group=output.get("group") or people.approvers,
        denied=bool(output.get("denied")),
        reason=str(output.get("reason") or ""),
        facts=known,
        table=table,
        remind_after_minutes=people.remind_after_minutes,
        escalate_to=people.escalate_to,
        escalate_at=moment + timedelta(minutes=people.escalate_after_minutes) if people.escalate_to else None,
        reject_at=moment + timedelta(minutes=people.reject_after_minutes),
        created=moment,
    )


def _shown(policy: Policy) -> JsonValue:
    return {
        "approvals": policy.approvals,
        "group": policy.group,
        "denied": policy.denied,
        "reason": policy.reason,
        "remindAfter": f"PT{policy.remind_after_minutes}M",
        "escalateTo": policy.escalate_to or None,
        "escalateAt": _moment(policy.escalate_at),
        "rejectAt": _moment(policy.reject_at),
    }


def _moment(moment: datetime | None) -> str | None:
    """As FEEL reads a date and time."""
    return moment.isoformat(timespec="milliseconds") if moment else None
