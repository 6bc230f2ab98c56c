"""Decisions that people take with us, on our pages or in Slack, and not in Tasklist.

We authenticated them, so their word is written down first; then the service completes the user task in their stead.
`approval.verify` takes the decision from this record and never from the variables of the task.
"""

from __future__ import annotations

from dataclasses import dataclass

from workers.approvals.eyes import deciding_groups, objection
from workers.core.environment import Environment
from workers.core.errors import BusyError, DeniedError, UsageError
from workers.core.records import Decision, Policy, Statement
from workers.core.values import now
from workers.runs.records import Changes

_REASON_LENGTH = 2000


@dataclass(frozen=True)
class Person:
    """Somebody whom we authenticated.

    Attributes:
        name: their user name, as in the environment's groups and in requests.
        channel: where they are, e.g. ``web`` or ``slack``.
        identity: how we know, e.g. an OIDC subject or a Slack user id.
        groups: their groups as the identity provider says.
    """

    name: str
    channel: str
    identity: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Question:
    """What is decided on.

    Attributes:
        user_task: key of the open user task.
        policy: what the policy said about the change.
        environment: where the change is made.
        requester: who asked for it, where that is known.
    """

    user_task: int
    policy: Policy
    environment: Environment
    requester: str | None


async def state(changes: Changes, question: Question, person: Person, decision: Decision, reason: str) -> Statement:
    """Write down a person's decision, once per user task. Saying the same again gives the same record.

    Args:
        changes: the record of changes.
        question: what is decided on.
        person: who decides; the caller has authenticated them.
        decision: what they say.
        reason: why; needed for a rejection, for the requester to read.

    Raises:
        UsageError: no decision, or a rejection without a reason.
        DeniedError: they may not decide on this change; says why.
        BusyError: somebody else has decided on this task.
    """
    if decision not in (Decision.APPROVED, Decision.REJECTED):
        raise UsageError("A decision is 'approved' or 'rejected'.")
    if decision is Decision.REJECTED and not reason.strip():
        raise UsageError("A rejection needs a reason, which the requester reads.")
    if refusal := _refusal(question, person, decision):
        raise DeniedError(refusal)
    wanted = Statement(
        change=question.policy.change,
        user_task=question.user_task,
        person=person.name,
        groups=tuple(sorted(person.groups)),
        decision=decision,
        reason=reason.strip()[:_REASON_LENGTH],
        channel=person.channel,
        identity=person.identity,
        created=now(),
    )
    counted = await changes.add_statement(wanted)
    if (counted.person, counted.decision) != (wanted.person, wanted.decision):
        raise BusyError(f"{counted.person} has decided on this already: {counted.decision.value}.")
    return counted


def _refusal(question: Question, person: Person, decision: Decision) -> str:
    groups = deciding_groups(question.policy, now())
    members = {*question.environment.people.members(*groups), *([person.name] if person.groups & {*groups} else [])}
    return objection(person.name, decision, question.requester, members, "' or '".join(groups), service="")
