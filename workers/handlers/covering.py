"""Which approved change covers a role on some hosts, and on which of them it was used.

Hosts are named by references: ``stack:<environment>/<name>`` for all hosts of a stack,
``stack:<environment>/<name>#<host>`` for one of them, else the name of a host in the environment file. An approval for
all hosts of a stack holds for each of them by itself, and for each of them once.
"""

from __future__ import annotations

from collections.abc import Iterable

from workers.approvals.eyes import verdict
from workers.core.job import Job
from workers.core.records import Change, RoleStep
from workers.handlers.context import Context


async def covering_step(
    context: Context, change: Change | None, step: RoleStep, environment: str, hosts: tuple[str, ...], job: Job
) -> int | None:
    """The number of the step in the approved change that covers this role as it is now and was not used yet.

    A change of its own (no plan) counts only in the process instance whose check made it.
    """
    if change is None or change.environment != environment or not _among(hosts, change.hosts):
        return None
    if change.plan is None and change.process_instance != job.process_instance:
        return None
    if not await _may_run(context, change):
        return None
    places = await used_places(context, environment, hosts)
    for number, known in enumerate(change.roles):
        same = (known.role, known.digest, known.inputs_digest) == (step.role, step.digest, step.inputs_digest)
        if same and not await context.changes.role_used(change.digest, number, places):
            return number
    return None


async def used_places(context: Context, environment: str, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The single hosts behind references, as the marks of what was used name them: a stack's with its name before."""
    places: list[str] = []
    known = context.environment(environment)
    for reference in hosts:
        found = await context.hosts(known, (reference,))
        stack = reference.removeprefix("stack:").partition("#")[0].partition("/")[2]
        places += [f"{stack}.{host.name}" if stack else host.name for host in found]
    return tuple(places)


def subject_of(environment: str, reference: str) -> str:
    """The stack or host that a reference is about, as records and locks name it."""
    if reference.startswith("stack:"):
        return reference.removeprefix("stack:").partition("#")[0]
    return f"{environment}/host-{reference}"


def _among(hosts: Iterable[str], approved: tuple[str, ...]) -> bool:
    return all(host in approved or host.partition("#")[0] in approved for host in hosts)


async def _may_run(context: Context, change: Change) -> bool:
    policy = await context.changes.policy(change.digest)
    if policy is None or policy.denied:
        return False
    if change.plan is not None and not await context.plans.used_by(change.plan):
        return False
    return verdict(policy, await context.changes.approvals(change.digest)).state == "approved"
