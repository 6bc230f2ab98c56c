"""``compliance.due``, ``.begin`` and ``.report``: a check of an environment, from its start to its report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import BaseModel

from workers.catalogue.environments import environment_names
from workers.core.compliance import CheckId, CheckRecord, Finding, ScanKind
from workers.core.environment import Environment
from workers.core.errors import SluisError
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Lease, Outcome, Stuck
from workers.core.names import Name
from workers.core.records import StackRecord
from workers.core.values import JsonValue, now
from workers.handlers.attempt import parse, refused
from workers.handlers.context import Context
from workers.handlers.report import Judged, Report, as_json, as_markdown, as_sarif, read_report
from workers.handlers.rules import Rules, requester_of
from workers.handlers.summary import shortened

ASKED: Final = 40
"""How many findings people are asked about in one check; a process variable holds no more."""


class EnvironmentRequest(BaseModel):
    """What names the environment of a check."""

    environment: Name


class ReportRequest(BaseModel):
    """Variables of ``compliance.report``."""

    check: CheckId


def compliance_workers(rules: Rules) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    return (
        JobWorker("compliance.due", FindDue(rules.context)),
        JobWorker("compliance.begin", BeginCheck(rules)),
        JobWorker("compliance.report", WriteReport(rules.context)),
    )


@dataclass(frozen=True)
class FindDue:
    """Names the environments whose next check is due, for a process that runs on a timer."""

    context: Context

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Those that ask for a check every so many days and had none for that long."""
        due: list[JsonValue] = []
        for name in environment_names(self.context.project):
            try:
                days = self.context.environment(name).compliance.every_days
            except SluisError:
                continue
            last = next(iter(await self.context.checks.all(name)), None) if days else None
            # The timer fires at the same time of day, and a check begins a moment later.
            if days and (last is None or now() - last.created > timedelta(days=days) - timedelta(hours=12)):
                due.append(name)
        return Done({"due": due})


@dataclass(frozen=True)
class BeginCheck:
    """Writes down that a check begins, and which stacks it is about."""

    rules: Rules

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Name the stacks that exist in the environment."""
        context = self.rules.context
        try:
            request = parse(EnvironmentRequest, job, "compliance check")
            environment = context.environment(request.environment)
        except SluisError as error:
            return refused(BpmnErrorCode.REQUEST_INVALID, error)
        records = [record for record in await context.stacks.all(environment.name) if _exists(record)]
        check = await context.checks.begin(
            CheckRecord(
                id=str(job.process_instance),
                environment=environment.name,
                stacks=tuple(record.id.name for record in records),
                requester=await requester_of(self.rules, job.process_instance) or "",
                created=now(),
            )
        )
        stacks: list[JsonValue] = [{"stack": r.id.name, "module": r.module} for r in records]
        return Done({"check": {"id": check.id, "environment": environment.name, "stacks": stacks}})


@dataclass(frozen=True)
class WriteReport:
    """Builds the report from what the store has of the check."""

    context: Context

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Keep the report in its three forms; give back a summary and what people have to decide."""
        request = parse(ReportRequest, job, "report")
        check = await self.context.checks.find(request.check)
        if check is None:
            return Stuck(f"The store holds no compliance check {request.check}.")
        environment = self.context.environment(check.environment)
        report = await read_report(self.context.checks, check, now().date())
        markdown = as_markdown(report)
        for form, content in (("json", as_json(report)), ("sarif", as_sarif(report))):
            await self.context.checks.save_report(check.id, form, json.dumps(content, indent=1).encode())
        await self.context.checks.save_report(check.id, "md", markdown.encode())
        return Done({"report": _answer(report, environment, markdown)})


def _exists(record: StackRecord) -> bool:
    return bool(record.last_apply or record.adopted) and record.state not in ("destroyed", "planned")


def _answer(report: Report, environment: Environment, markdown: str) -> JsonValue:
    wanted = environment.compliance.ask_from.rank
    undecided = [j for j in report.open if j.decision is None and j.finding.severity.rank >= wanted]
    drifted = {j.finding.stack for j in report.open if j.finding.kind is ScanKind.DRIFT}
    return {
        "check": report.check.id,
        "summary": report.summary,
        "open": len(report.open),
        "failed": len(report.failed),
        "drifted": len(drifted),
        "decide": [_asked(judged, environment) for judged in undecided[:ASKED]],
        "deciding": deciding(report.check, environment),
        "markdown": shortened(markdown),
    }


def _asked(judged: Judged, environment: Environment) -> JsonValue:
    finding = judged.finding
    return {
        "fingerprint": finding.fingerprint,
        "stack": finding.stack,
        "kind": finding.kind.value,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "title": finding.title,
        "place": finding.place[:300],
        "detail": finding.detail[:600],
        "help": finding.help[:300],
        "remedy": has_remedy(finding),
        "people": people_needed(finding, environment),
    }


def has_remedy(finding: Finding) -> bool:
    """Whether a change that we can plan may put it right; what an audit says is for people to repair."""
    return finding.kind is not ScanKind.HOSTS or bool(finding.role)


def people_needed(finding: Finding, environment: Environment) -> int:
    """How many different people have to accept it."""
    return 2 if finding.severity.rank >= environment.compliance.two_people_from.rank else 1


def deciding(check: CheckRecord, environment: Environment) -> dict[str, JsonValue]:
    """Who decides on findings and how long they have, counted from the beginning of the check."""
    people = environment.people
    escalated = check.created + timedelta(minutes=people.escalate_after_minutes) if people.escalate_to else None
    closed = check.created + timedelta(minutes=people.reject_after_minutes)
    return {
        "group": environment.compliance.group or people.approvers,
        "remindAfter": f"PT{people.remind_after_minutes}M",
        "escalateTo": people.escalate_to or None,
        "escalateAt": escalated.isoformat(timespec="milliseconds") if escalated else None,
        "closeAt": closed.isoformat(timespec="milliseconds"),
    }
