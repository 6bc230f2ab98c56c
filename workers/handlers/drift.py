"""``terraform.<module>.drift``: what differs between a stack and what it was made from. Changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from workers.core.compliance import CheckId, Finding, ScanKind
from workers.core.contract import Kind
from workers.core.errors import NotFoundError
from workers.core.job import Done, Outcome
from workers.core.records import Operation, StackId, StackRecord
from workers.core.values import JsonValue
from workers.execution.drift import drift_findings
from workers.execution.stack_root import write_root
from workers.execution.workspace import private_folder
from workers.handlers.attempt import Attempt, parse
from workers.handlers.context import Context
from workers.handlers.errored_state import put_back_state
from workers.handlers.scans import Scanned, keep_scan
from workers.handlers.stack import StackRequest, root_spec, tool_call
from workers.handlers.summary import shortened

_LISTED = 100


class DriftRequest(StackRequest):
    """Variables of a drift job."""

    check: CheckId | None = None


@dataclass(frozen=True)
class Drifting:
    """Plans a stack with the inputs of its last apply, and throws the plan away."""

    context: Context
    module: str

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Report what differs; with ``check``, keep it for the report of that compliance check."""
        request = parse(DriftRequest, attempt.job, f"module {self.module}")

        async def look() -> Scanned:
            return await self._findings(attempt, request.id)

        scan = await keep_scan(self.context, request.check, str(request.id), ScanKind.DRIFT, attempt, look)
        return Done({"drift": _answer(scan.findings, attempt.run.id)})

    async def _findings(self, attempt: Attempt, stack: StackId) -> Scanned:
        record = await self._record(stack)
        environment = self.context.environment(stack.environment)
        contract = self.context.contract(Kind.MODULE, self.module)
        spec, redactor = await root_spec(self.context, attempt, environment, contract, stack, record.inputs)
        tool = self.context.terraform()
        with private_folder() as folder:
            root = write_root(spec, folder, phase="plan")
            call = tool_call(self.context, attempt, environment, redactor, environment.limits.plan_timeout_minutes)
            await put_back_state(self.context, stack, root, call)
            planned = await tool.plan(root, operation=Operation.APPLY, call=call)
        document = planned.facts.document
        await self.context.store.write(plan_document_key(attempt.run.id), json.dumps(document, indent=1).encode())
        found = drift_findings(str(stack), document, module_changed=record.module_digest != contract.digest)
        return Scanned(tool.name, found)

    async def _record(self, stack: StackId) -> StackRecord:
        record = await self.context.stacks.get(stack)
        if record.module != self.module:
            raise NotFoundError(f"Stack {stack} is made by the module {record.module}, not by {self.module}.")
        if not record.last_apply and not record.adopted:
            raise NotFoundError(f"Stack {stack} was never applied, so there is nothing that could drift.")
        return record


def plan_document_key(run: str) -> str:
    """Where the redacted plan of a drift run is kept, for policies to look at."""
    return f"runs/{run}/plan.json"


def _answer(findings: tuple[Finding, ...], run: str) -> JsonValue:
    counts = Counter(finding.rule for finding in findings)
    words = ", ".join(f"{n} {rule.removeprefix('drift.')}" for rule, n in sorted(counts.items()))
    lines = [f"- {finding.title}" for finding in findings]
    return {
        "drifted": bool(findings),
        "count": len(findings),
        "findings": [_short(finding) for finding in findings[:_LISTED]],
        "summary": f"drifted: {words}" if findings else "no drift",
        "markdown": shortened("\n".join(lines)),
        "run": run,
    }


def _short(finding: Finding) -> JsonValue:
    return {
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "place": finding.place,
        "severity": finding.severity.value,
    }
