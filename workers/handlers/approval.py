"""``approval.verify``: who agreed to a change, on which evidence, and where the change stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from workers.approvals.eyes import Verdict, deciding_groups, objection, time_ran_out, verdict
from workers.core.job import BpmnErrorCode, Done, Failed, HandedBack, Job, Lease, Outcome, Stuck
from workers.core.records import Approval, Change, Decision, Evidence, Policy, Statement
from workers.core.values import JsonValue, now
from workers.handlers.attempt import parse, refused
from workers.handlers.ports import CompletedTask
from workers.handlers.rules import Rules, requester_of
from workers.handlers.shown import completed_task

LISTENER_HEADER: Final = "taskListener"
"""Header of the task that verifies, where the user task has a listener; `sluis deploy` sets it."""


class DecisionRequest(BaseModel):
    """Variables of ``approval.verify``: the change, and what the approver entered in the form."""

    change: str
    decision: Decision = Decision.NONE
    reason: str = ""


@dataclass(frozen=True)
class VerifyApproval:
    """Writes down who decided what, on the engine's own evidence, and says where the change stands."""

    rules: Rules

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Record the decision of the user task just completed, once, and count."""
        request = parse(DecisionRequest, job, "approval")
        context = self.rules.context
        change = await context.changes.find(request.change)
        policy = await context.changes.policy(request.change)
        if change is None or policy is None:
            return Stuck(f"The store holds no change {request.change} with a policy.")
        if change.process_instance != job.process_instance:
            return Stuck(f"Change {request.change} belongs to process instance {change.process_instance}.")
        recorded = await context.changes.approvals(change.digest)
        if request.decision is Decision.EXPIRED and time_ran_out(policy, now()):
            await self._expire(job, change)
            recorded = await context.changes.approvals(change.digest)
        elif not any(approval.verified_by == job.key for approval in recorded):
            task = await self._completed_task(job, policy, {approval.user_task for approval in recorded})
            if not isinstance(task, CompletedTask):
                return task
            await self._record(job, request, change, policy, task)
            recorded = await context.changes.approvals(change.digest)
        return _outcome(change, verdict(policy, recorded), recorded)

    async def _completed_task(self, job: Job, policy: Policy, seen: set[int]) -> CompletedTask | HandedBack | Failed:
        """The review just completed; one that is older than the policy's answer was of an earlier change.

        The engine's keys grow within a process instance.
        """
        element = job.headers.get("reviewElement", "Task_ReviewChange")
        return await completed_task(self.rules, job, element, lambda key: key not in seen and key > policy.asked_by)

    async def _record(
        self, job: Job, request: DecisionRequest, change: Change, policy: Policy, task: CompletedTask
    ) -> None:
        context = self.rules.context
        environment = context.environment(change.environment)
        said = await self._said(job, request, change, task)
        groups = deciding_groups(policy, now())
        members = {*environment.people.members(*groups), *_vouched(said, groups)}
        requester = await requester_of(self.rules, change.process_instance)
        note = objection(said.person, said.decision, requester, members, "' or '".join(groups), self.rules.service)
        approval = Approval(
            change=change.digest,
            decision=said.decision,
            approver=said.person,
            reason=said.reason,
            evidence=Evidence.SLUIS if said.channel else Evidence.ENGINE,
            channel=said.channel,
            user_task=task.key,
            verified_by=job.key,
            counts=not note,
            note=note,
            completed=task.completed,
            created=now(),
        )
        if await context.changes.add_approval(approval):
            await context.audit.add(
                change.stack or f"{environment.name}/hosts", approval.approver or "nobody", approval.decision.value,
                change=change.digest, user_task=task.key, counts=approval.counts, note=note, reason=approval.reason,
                evidence=approval.evidence.value, channel=said.channel, identity=said.identity,
            )  # fmt: skip

    async def _expire(self, job: Job, change: Change) -> None:
        """Record that nobody decided in time, once per change."""
        approval = Approval(
            change=change.digest, decision=Decision.EXPIRED, approver="", reason="Nobody decided in time.",
            evidence=Evidence.ENGINE, user_task=0, verified_by=job.key, created=now(),
        )  # fmt: skip
        if await self.rules.context.changes.add_approval(approval):
            await self.rules.context.audit.add(
                change.stack or f"{change.environment}/hosts", "nobody", approval.decision.value,
                change=change.digest, reason=approval.reason,
            )  # fmt: skip

    async def _said(self, job: Job, request: DecisionRequest, change: Change, task: CompletedTask) -> Statement:
        """What was decided, and by whom.

        Our own record, where the service completed the task or the engine asked us at the completion; else the
        engine's. Where the model says that the engine asks, a task without our record decided nothing.
        """
        stated = await self.rules.context.changes.statement(change.digest, task.key)
        asked = stated is not None and not stated.channel and stated.person == task.assignee
        if stated is not None and (asked or task.assignee == self.rules.service):
            return stated
        listened = job.headers.get(LISTENER_HEADER) is not None
        return Statement(
            change=change.digest, user_task=task.key, person=task.assignee,
            decision=Decision.NONE if listened else request.decision, reason=request.reason[:2000], created=now(),
        )  # fmt: skip


def _vouched(said: Statement, groups: tuple[str, ...]) -> tuple[str, ...]:
    """The person, where the identity provider that we asked put them in one of the groups."""
    return (said.person,) if set(groups) & set(said.groups) else ()


def _outcome(change: Change, found: Verdict, recorded: tuple[Approval, ...]) -> Outcome:
    if found.state == "rejected":
        who = next((a.approver for a in recorded if a.counts and a.decision is Decision.REJECTED), "")
        text = f"{who} rejected the change: {found.note or 'no reason given'}" if who else found.note
        return refused(BpmnErrorCode.CHANGE_REJECTED, text, change=change.digest)
    answer: JsonValue = {
        "state": found.state,
        "approvers": list(found.approvers),
        "missing": found.missing,
        "note": found.note,
    }
    return Done({"approval": answer})
