"""``approval.decide``: the decision on a change as it is made, on engines whose user tasks have listeners (from 8.8).

The engine asks before it completes the user task, with the assignee and what they entered. A decision that would not
count is denied with its reason and the task stays open. One that counts is written down first, so that nothing that is
done to variables afterwards changes it: `approval.verify` takes it from the store.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from workers.approvals.eyes import deciding_groups, objection
from workers.core.job import Denied, Done, Job, Lease, ListenedTask, Outcome, Stuck
from workers.core.records import Change, Decision, Policy, Statement
from workers.core.values import now
from workers.handlers.attempt import parse
from workers.handlers.rules import Rules, requester_of

_IDENTITY = "the assignee when the engine completed the task"


class Shown(BaseModel):
    """What the user task shows: the change."""

    change: str


class Completion(BaseModel):
    """Variables at the completion of the user task."""

    review: Shown
    decision: Decision = Decision.NONE
    reason: str = ""


@dataclass(frozen=True)
class DecideAtCompletion:
    """Writes down a decision that counts; denies every other one."""

    rules: Rules

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Decide whether the user task may be completed like this."""
        if job.user_task is None:
            return Stuck(f"{job.type} is for a task listener of an engine from 8.8, which names the user task.")
        completion = parse(Completion, job, "approval")
        changes = self.rules.context.changes
        change = await changes.find(completion.review.change)
        policy = await changes.policy(completion.review.change)
        if change is None or policy is None or change.process_instance != job.process_instance:
            return Denied("The task does not show a change of this process instance.")
        if job.user_task.assignee == self.rules.service:
            return await self._for_somebody(change, job.user_task)
        return await self._by_the_assignee(change, policy, job.user_task, completion)

    async def _for_somebody(self, change: Change, task: ListenedTask) -> Outcome:
        if await self.rules.context.changes.statement(change.digest, task.key):
            return Done()
        return Denied("The service completes a task only for a person who decided with us, and nobody did.")

    async def _by_the_assignee(
        self, change: Change, policy: Policy, task: ListenedTask, completion: Completion
    ) -> Outcome:
        groups = deciding_groups(policy, now())
        members = self.rules.context.environment(change.environment).people.members(*groups)
        requester = await requester_of(self.rules, change.process_instance)
        note = objection(
            task.assignee, completion.decision, requester, members, "' or '".join(groups), self.rules.service
        )
        if note:
            return Denied(note)
        if completion.decision is Decision.REJECTED and not completion.reason.strip():
            return Denied("A rejection needs a reason, which the requester reads.")
        said = Statement(
            change=change.digest, user_task=task.key, person=task.assignee, decision=completion.decision,
            reason=completion.reason[:2000], identity=_IDENTITY, created=now(),
        )  # fmt: skip
        counted = await self.rules.context.changes.add_statement(said)
        if (counted.person, counted.decision) != (said.person, said.decision):
            return Denied(f"{counted.person} has decided on this already: {counted.decision.value}.")
        return Done()
