"""What the demonstration looks at by itself, whatever the process says."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from workers.core.records import Approval, HostAddress, Run, RunState, StackId, StackRecord
from workers.core.values import JsonValue
from workers.service.assembly import Assembly


@dataclass(frozen=True)
class Looked:
    """One thing that was looked at."""

    what: str
    good: bool
    detail: str

    @property
    def text(self) -> str:
        """On one line."""
        return f"{self.what}: {self.detail}"

    def as_json(self) -> dict[str, JsonValue]:
        """For the result."""
        return {"what": self.what, "good": self.good, "detail": self.detail}


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        checks: what was looked at.
        stack: the stack's record.
        approvals: the decisions that were made for this instance.
        made: the runs that changed something: an apply, roles.
        counts: what the plan said, in words.
        configured: changed tasks of each role that was looked at.
    """

    checks: tuple[Looked, ...] = ()
    stack: StackRecord | None = None
    approvals: tuple[Approval, ...] = ()
    made: tuple[Run, ...] = ()
    counts: str = ""
    configured: tuple[tuple[str, int], ...] = ()

    @property
    def good(self) -> bool:
        """Something was looked at, and all of it is as it should be."""
        return bool(self.checks) and all(check.good for check in self.checks)

    def as_json(self) -> dict[str, JsonValue]:
        """For the result."""
        return {
            "checks": [c.as_json() for c in self.checks],
            "plan": self.counts,
            "changed": bool(self.made),
            "approvals": [a.model_dump(mode="json") for a in self.approvals],
            "roles": [{"role": role, "changed": changed} for role, changed in self.configured],
            "hosts": [h.model_dump(mode="json") for h in self.stack.hosts] if self.stack else [],
            "machine": {n: v for n, v in self.stack.outputs.items() if n in ("kind", "reason")} if self.stack else {},
        }


async def verify(
    assembly: Assembly, stack: StackId, instance: int, page: tuple[int, str], run_ids: tuple[str, ...]
) -> Verified:
    """Look at the record, the approvals, the audit trail and the machine's page.

    Args:
        assembly: the parts.
        stack: the stack that was asked for.
        instance: the process instance.
        page: port of the page, and the text that must be on it.
        run_ids: the runs of the instance and of what it called.
    """
    context = assembly.context
    runs = tuple([run for run_id in run_ids if (run := await context.runs.find(run_id))])
    record = await context.stacks.find(stack)
    planned, made = _last_plan(runs), _that_changed(runs)
    approvals = tuple([a for change in _changes(runs) for a in await context.changes.approvals(change)])
    request = await context.requests.find(instance)
    requester = request.requester if request else ""
    checks = [
        Looked("stack record", _made(record), f"{stack} is {record.state if record else 'not recorded'}"),
        _decided(made, approvals, requester),
        await _trail(assembly, str(stack)),
        *[await _page(host, *page) for host in (record.hosts if record else ())],
    ]
    counts = _plan_summary(planned)
    return Verified(tuple(checks), record, approvals, made, counts, tuple(_configured(runs)))


def _made(record: StackRecord | None) -> bool:
    return record is not None and record.state == "applied" and bool(record.hosts)


def _decided(made: tuple[Run, ...], approvals: tuple[Approval, ...], requester: str) -> Looked:
    """What was changed has an approval that counts; where nothing was, nobody was asked."""
    what = "approval"
    if not made:
        detail = "somebody decided, and nothing was changed" if approvals else "nothing to approve: no changes"
        return Looked(what, not approvals, detail)
    counting = [a for a in approvals if a.counts and a.approver != requester]
    if not requester or not counting:
        return Looked(what, False, "the change was applied without a second person's recorded approval")
    last = counting[-1]
    return Looked(what, True, f"{last.approver} {last.decision.value} change {last.change}, asked for by {requester}")


async def _trail(assembly: Assembly, subject: str) -> Looked:
    problems = await assembly.context.audit.problems(subject)
    entries = await assembly.context.audit.entries(subject)
    return Looked(
        "audit trail", not problems and bool(entries), "; ".join(problems) or f"{len(entries)} entries, whole"
    )


async def _page(host: HostAddress, port: int, text: str) -> Looked:
    address = f"[{host.address}]" if ":" in host.address else host.address
    url = f"http://{address}:{port}/"
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.get(url)
    except httpx.HTTPError as error:
        return Looked("page", False, f"{url}: no answer ({type(error).__name__})")
    if answer.status_code != httpx.codes.OK:
        return Looked("page", False, f"{url} answers {answer.status_code}")
    shown = text in answer.text
    return Looked("page", shown, f"{url} shows “{text}”" if shown else f"{url} does not show “{text}”")


def _last_plan(runs: tuple[Run, ...]) -> Run | None:
    found = (r for r in runs if r.job_type.startswith("terraform.") and r.job_type.endswith(".plan"))
    return max((r for r in found if r.state is RunState.FINISHED), key=lambda r: r.created, default=None)


def _that_changed(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    return tuple(r for r in runs if r.job_type.endswith((".apply", ".run")) and r.state is RunState.FINISHED)


def _changes(runs: tuple[Run, ...]) -> tuple[str, ...]:
    results = (r.result.get(name) for r in runs for name in ("plan", "check"))
    return tuple(dict.fromkeys(str(x["change"]) for x in results if isinstance(x, dict) and x.get("change")))


def _plan_summary(run: Run | None) -> str:
    plan = run.result.get("plan") if run else None
    return str(plan.get("summary", "")) if isinstance(plan, dict) else ""


def _configured(runs: tuple[Run, ...]) -> list[tuple[str, int]]:
    """How many tasks each role changed; of a role that only had to be checked, how many it would have changed."""
    found: dict[str, int] = {}
    for run in sorted(runs, key=lambda r: r.created):
        kind, _, rest = run.job_type.partition(".")
        result = run.result.get("configured") or run.result.get("check")
        if kind == "ansible" and isinstance(result, dict):
            found[rest.rpartition(".")[0]] = int(str(result.get("changed") or 0))
    return list(found.items())
