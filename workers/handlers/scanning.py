"""``compliance.scan``: one scanner looks at one stack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from workers.core.compliance import CheckId, ConfiguredRole, Finding, ScanKind, Severity
from workers.core.contract import Kind
from workers.core.environment import Environment
from workers.core.errors import NotFoundError, ToolError, UsageError
from workers.core.job import BpmnErrorCode, Done, JobWorker, Outcome, Pool, Refused
from workers.core.records import StackRecord
from workers.core.values import JsonValue
from workers.execution.ansible import RoleResult
from workers.execution.scanners import checkov_findings, conftest_findings
from workers.execution.workspace import private_folder
from workers.handlers.attempt import Attempt, Recorded, parse
from workers.handlers.configured import HIDDEN
from workers.handlers.context import Context
from workers.handlers.drift import plan_document_key
from workers.handlers.roles import RoleJob, RoleRequest, play, role_step
from workers.handlers.scans import Scanned, keep_scan
from workers.handlers.stack import StackRequest, stack_subject

POLICIES: Final = "policy"
"""The project's folder of policies; Conftest's own default."""


class ScanRequest(StackRequest):
    """Variables of a scan."""

    check: CheckId
    kind: ScanKind
    plan: str = ""


@dataclass(frozen=True)
class Look:
    """What a scanner gets to look at."""

    context: Context
    attempt: Attempt
    environment: Environment
    record: StackRecord
    plan: str

    @property
    def stack(self) -> str:
        """The stack's name in findings."""
        return str(self.record.id)


Scanner = Callable[[Look], Awaitable[Scanned]]
"""The port: from a stack to what is wrong with it. Raises where it cannot tell."""


def scan_workers(context: Context) -> tuple[JobWorker, ...]:
    """The job workers of this module."""
    scan = Recorded(context, Scanning(context, SCANNERS), BpmnErrorCode.SCAN_FAILED, stack_subject)
    return (JobWorker("compliance.scan", scan, Pool.ANSIBLE),)


@dataclass(frozen=True)
class Scanning:
    """Runs the scanner of the wanted kind and keeps what it says."""

    context: Context
    scanners: dict[ScanKind, Scanner]

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Scan; a scanner that fails is kept as failed and becomes SCAN_FAILED."""
        request = parse(ScanRequest, attempt.job, "scan")

        async def look() -> Scanned:
            scanner = self.scanners.get(request.kind)
            if scanner is None:
                hint = "The job type for it is terraform.<module>.drift."
                raise UsageError(f"compliance.scan has no scanner '{request.kind.value}'.", hint)
            environment = self.context.environment(request.environment)
            record = await self.context.stacks.get(request.id)
            return await scanner(Look(self.context, attempt, environment, record, request.plan))

        scan = await keep_scan(self.context, request.check, str(request.id), request.kind, attempt, look)
        count = len(scan.findings)
        summary = f"{count} finding{'' if count == 1 else 's'}" if count else "clean"
        answer: JsonValue = {"kind": request.kind.value, "count": count, "summary": summary, "run": attempt.run.id}
        return Done({"scan": answer})


async def scan_module(look: Look) -> Scanned:
    """Checkov on the module of the stack, as it is now."""
    command = look.context.program("checkov")
    module = look.context.contract(Kind.MODULE, look.record.module).path
    control = look.attempt.control(timedelta(minutes=look.environment.limits.plan_timeout_minutes))
    found = await checkov_findings(command, module, look.stack, control=control, sink=look.attempt.log)
    return Scanned("checkov", found)


async def scan_policies(look: Look) -> Scanned:
    """The project's policies on the plan that the look for drift has made."""
    policies = look.context.project / POLICIES
    if not any(policies.rglob("*.rego")):
        return Scanned(f"conftest: the project has no {POLICIES}/*.rego", ())
    command = look.context.program("conftest")
    document = await look.context.store.read(plan_document_key(look.plan)) if look.plan else None
    if document is None:
        raise NotFoundError("There is no plan for the policies to look at.", "See why the look for drift failed.")
    control = look.attempt.control(timedelta(minutes=look.environment.limits.plan_timeout_minutes))
    with private_folder() as folder:
        plan = Path(folder) / "plan.json"
        plan.write_bytes(document)
        found = await conftest_findings(command, policies, plan, look.stack, control=control, sink=look.attempt.log)
    return Scanned("conftest", found)


async def scan_hosts(look: Look) -> Scanned:
    """Ansible's check mode: the roles that were run on the stack's hosts, and the environment's audits."""
    if not look.record.hosts:
        return Scanned("ansible: the stack has no hosts", ())
    known = {role.role: role for role in await look.context.configured.roles(look.record.id)}
    asked = {a.role: a.inputs for a in look.environment.compliance.audits if a.role not in known}
    roles = [(name, role.inputs) for name, role in known.items()] + list(asked.items())
    if not roles:
        return Scanned("ansible: no role was run on the hosts, and the environment names no audits", ())
    found: list[Finding] = []
    for role, inputs in roles:
        found += await _check_role(look, role, inputs)
    return Scanned(f"ansible check mode: {', '.join(role for role, _ in roles)}", tuple(found))


async def _check_role(look: Look, role: str, inputs: dict[str, JsonValue]) -> tuple[Finding, ...]:
    if HIDDEN in inputs.values():
        hint = "Give sensitive inputs as references (secret://…)."
        raise UsageError(f"Role {role} cannot be checked: a sensitive input of its last run is not recorded.", hint)
    hosts = [f"stack:{look.record.id}"]
    step = role_step(look.context, RoleRequest(role=role, inputs=inputs))
    request = RoleJob(environment=look.environment.name, hosts=hosts, inputs=inputs)
    result = await play(look.context, look.attempt, look.environment, step, request, check=True)
    if isinstance(result, Refused):
        raise ToolError(result.message)
    if not isinstance(result, RoleResult):
        raise ToolError(f"Role {role} could not be checked.")
    return (*_changes(look.stack, role, result), *_audited(look.stack, role, result))


def _changes(stack: str, role: str, result: RoleResult) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            stack=stack,
            kind=ScanKind.HOSTS,
            rule=f"ansible.{role}",
            place=f"{task.host}: {task.task}"[:1000],
            severity=Severity.MEDIUM,
            title=f"{task.host} is not as the role {role} makes it: {task.task}"[:300],
            detail=task.diff[:2000],
            help="Remediate: the role runs again once it is approved.",
            role=role,
        )
        for task in result.changed_tasks
    )


def _audited(stack: str, role: str, result: RoleResult) -> tuple[Finding, ...]:
    """The findings that an audit gave back, by host.

    Raises:
        ToolError: they are not of the form that an audit's findings have.
    """
    found: list[Finding] = []
    for host, outputs in result.outputs.items():
        listed = outputs.get("findings", [])
        try:
            found += [_of_audit(stack, role, host, entry) for entry in listed]  # type: ignore[union-attr,arg-type]
        except (ValueError, TypeError, KeyError) as error:
            form = "a list of {rule, severity, title, help}"
            raise ToolError(f"The output 'findings' of role {role} on {host} is not {form}: {error}") from error
    return tuple(found)


def _of_audit(stack: str, role: str, host: str, entry: dict[str, str]) -> Finding:
    return Finding(
        stack=stack, kind=ScanKind.HOSTS, rule=f"{role}.{entry['rule']}"[:200], place=host,
        severity=Severity(entry.get("severity", "medium")), title=f"{host}: {entry['title']}"[:300],
        help=str(entry.get("help", ""))[:500],
    )  # fmt: skip


def remedy_roles(roles: tuple[ConfiguredRole, ...]) -> list[JsonValue]:
    """The roles that can be run again as they were, for the models."""
    return [{"role": r.role, "inputs": dict(r.inputs)} for r in roles if HIDDEN not in r.inputs.values()]


SCANNERS: Final[dict[ScanKind, Scanner]] = {
    ScanKind.MODULE: scan_module,
    ScanKind.POLICY: scan_policies,
    ScanKind.HOSTS: scan_hosts,
}
