"""``finding.decide``: a person decided on a finding; who, on which evidence, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from pydantic import BaseModel

from workers.core.compliance import Acceptance, CheckId, CheckRecord, Finding, FindingDecision, Fingerprint, ScanKind
from workers.core.environment import Environment
from workers.core.job import Done, Failed, HandedBack, Job, JobWorker, Lease, Outcome, Stuck
from workers.core.records import StackId
from workers.core.values import JsonValue, now
from workers.handlers.attempt import parse
from workers.handlers.compliance import has_remedy, people_needed
from workers.handlers.context import Context
from workers.handlers.ports import CompletedTask
from workers.handlers.report import read_report
from workers.handlers.rules import Rules
from workers.handlers.scanning import remedy_roles
from workers.handlers.shown import completed_task

_ACTIONS: Final = {"accept": "finding-accepted", "remediate": "finding-to-remediate", "ignore": "finding-left-open"}


class DecideRequest(BaseModel):
    """Variables of ``finding.decide``: the finding, and what the person entered in the form."""

    check: CheckId
    fingerprint: Fingerprint
    decision: Literal["", "accept", "remediate", "ignore", "expired"] = ""
    until: str = ""
    reason: str = ""


def finding_workers(rules: Rules) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    return (JobWorker("finding.decide", DecideOnFinding(rules)),)


@dataclass(frozen=True)
class DecideOnFinding:
    """Writes down what a person decided on a finding, and says what follows."""

    rules: Rules

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Record the decision of the user task just completed, once; remember an acceptance that is complete."""
        request = parse(DecideRequest, job, "finding")
        context = self.rules.context
        check = await context.checks.find(request.check)
        finding = await self._finding(check, request.fingerprint) if check else None
        if check is None or finding is None:
            return Stuck(f"The store holds no finding {request.fingerprint} of check {request.check}.")
        if request.decision == "expired":
            await self._tell(finding, "nobody", "finding-left-open", check, "Nobody decided in time.")
            return Done({"decided": _answer("ignored", "Nobody decided in time.")})
        environment = context.environment(check.environment)
        known = await context.checks.decisions(check.id, finding.fingerprint)
        if not any(decision.verified_by == job.key for decision in known):
            task = await self._completed_task(job, {decision.user_task for decision in known})
            if not isinstance(task, CompletedTask):
                return task
            await self._record(job, request, check, finding, environment, task)
            known = await context.checks.decisions(check.id, finding.fingerprint)
        return await self._outcome(check, finding, environment, known)

    async def _finding(self, check: CheckRecord, fingerprint: str) -> Finding | None:
        report = await read_report(self.rules.context.checks, check, now().date())
        return next((j.finding for j in report.findings if j.finding.fingerprint == fingerprint), None)

    async def _completed_task(self, job: Job, seen: set[int]) -> CompletedTask | HandedBack | Failed:
        element = job.headers.get("decideElement", "Task_DecideOnFinding")
        return await completed_task(self.rules, job, element, lambda key: key not in seen)

    async def _record(
        self,
        job: Job,
        request: DecideRequest,
        check: CheckRecord,
        finding: Finding,
        environment: Environment,
        task: CompletedTask,
    ) -> None:
        note = self._objection(request, check, finding, environment, task.assignee)
        decision = FindingDecision(
            check=check.id,
            fingerprint=finding.fingerprint,
            user_task=task.key,
            verified_by=job.key,
            person=task.assignee,
            decision=request.decision,
            until=_day(request.until) if request.decision == "accept" else None,
            reason=request.reason[:2000],
            counts=not note,
            note=note,
            created=now(),
        )
        if await self.rules.context.checks.add_decision(decision):
            action = _ACTIONS.get(request.decision, "finding-undecided")
            await self._tell(
                finding, task.assignee or "nobody", action, check, decision.reason,
                until=str(decision.until or ""), counts=decision.counts, note=note,
            )  # fmt: skip

    def _objection(
        self, request: DecideRequest, check: CheckRecord, finding: Finding, environment: Environment, person: str
    ) -> str:
        """Why a decision does not count; empty where it does."""
        if not person:
            return "The task was completed without an assignee, so nobody is known to have decided. Claim it first."
        if person == self.rules.service:
            return f"The task was completed by the service identity '{person}', which decides nothing."
        groups = deciding_groups(check, environment)
        if person not in environment.people.members(*groups):
            return f"'{person}' does not belong to the group '{' or '.join(groups)}'."
        if not request.decision:
            return "The task was completed without a decision."
        if request.decision == "remediate" and not has_remedy(finding):
            return "No change that Sluis can plan puts this right: repair it by hand, accept it, or leave it open."
        return _wrong_acceptance(request, environment) if request.decision == "accept" else ""

    async def _outcome(
        self, check: CheckRecord, finding: Finding, environment: Environment, known: tuple[FindingDecision, ...]
    ) -> Outcome:
        last = known[-1]
        if not last.counts:
            return Done({"decided": _answer("more", last.note)})
        if last.decision == "remediate":
            return Done({"decided": _answer("remediate", "", await _remedy(self.rules.context, finding))})
        if last.decision == "ignore":
            return Done({"decided": _answer("ignored", "")})
        agreed = _agreeing(known)
        missing = people_needed(finding, environment) - len(agreed)
        if missing > 0:
            names = ", ".join(sorted(agreed))
            note = f"{names} accepts it until {last.until}: {last.reason}. One more person has to agree."
            return Done({"decided": _answer("more", note)})
        until = min(decision.until for decision in agreed.values() if decision.until)
        acceptance = Acceptance(
            finding=finding, people=tuple(sorted(agreed)), until=until, reason=last.reason, check=check.id,
            created=now(),
        )  # fmt: skip
        await self.rules.context.checks.accept(environment.name, acceptance)
        return Done({"decided": _answer("accepted", f"until {until}")})

    async def _tell(
        self, finding: Finding, person: str, action: str, check: CheckRecord, reason: str, **more: JsonValue
    ) -> None:
        await self.rules.context.audit.add(
            finding.stack, person, action, finding=finding.fingerprint, rule=finding.rule, place=finding.place,
            check=check.id, reason=reason, **more,
        )  # fmt: skip


def deciding_groups(check: CheckRecord, environment: Environment) -> tuple[str, ...]:
    """Whose members may decide: the group for compliance, after a while the escalation group too."""
    people = environment.people
    group = environment.compliance.group or people.approvers
    late = now() >= check.created + timedelta(minutes=people.escalate_after_minutes)
    return (group, people.escalate_to) if people.escalate_to and late else (group,)


def _agreeing(known: tuple[FindingDecision, ...]) -> dict[str, FindingDecision]:
    """Who accepts it, since somebody last said something else."""
    agreed: dict[str, FindingDecision] = {}
    for decision in (d for d in known if d.counts):
        agreed = {**agreed, decision.person: decision} if decision.decision == "accept" else {}
    return agreed


def _wrong_acceptance(request: DecideRequest, environment: Environment) -> str:
    until, today, days = _day(request.until), now().date(), environment.compliance.accept_days
    if not request.reason.strip():
        return "An acceptance needs a reason."
    if until is None:
        return "An acceptance needs a date until which it holds, such as 2030-12-31."
    if until <= today:
        return f"{until} is over: an acceptance holds until a date to come."
    if until > today + timedelta(days=days):
        return f"Here a finding is accepted for {days} days at most, until {today + timedelta(days=days)}."
    return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


async def _remedy(context: Context, finding: Finding) -> JsonValue:
    """What the models need to plan a change that puts it right."""
    environment, _, name = finding.stack.partition("/")
    stack = StackId(environment=environment, name=name)
    record = await context.stacks.get(stack)
    roles = await context.configured.roles(stack)
    by_role = finding.kind is ScanKind.HOSTS
    wanted = tuple(role for role in roles if role.role == finding.role) if by_role else roles
    configure = remedy_roles(wanted) if record.hosts else []
    return {
        "environment": environment,
        "stack": name,
        "module": None if by_role else record.module,
        "inputs": {} if by_role else dict(record.inputs),
        "configure": configure,
        "hosts": [f"stack:{finding.stack}"] if configure else [],
    }


def _answer(state: str, note: str, remedy: JsonValue = None) -> JsonValue:
    return {"state": state, "note": note, "remedy": remedy}
