"""``terraform.<module>.plan``: a saved plan, and the change that people decide on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from workers.approvals.facts import is_cleanup
from workers.catalogue.validation import check_inputs
from workers.core.contract import Contract, Kind
from workers.core.environment import Environment
from workers.core.errors import InputError
from workers.core.job import Done, Job, Outcome
from workers.core.records import Change, Operation, Plan, RoleStep, StackRecord
from workers.core.values import JsonValue, now
from workers.execution.stack_root import StackRoot, write_root
from workers.execution.terraform import Planned
from workers.execution.workspace import private_folder
from workers.handlers.attempt import Attempt, parse
from workers.handlers.context import Context
from workers.handlers.errored_state import put_back_state
from workers.handlers.roles import RoleRequest, role_step
from workers.handlers.stack import StackRequest, lock_file_key, root_spec, tool_call
from workers.handlers.summary import plan_markdown
from workers.runs.packing import pack_folder

_REFERENCE = "secret://"


class PlanRequest(StackRequest):
    """Variables of a plan job."""

    inputs: dict[str, JsonValue] = {}
    operation: Operation = Operation.APPLY
    configure: list[RoleRequest] = []
    cleanup_of: str | None = Field(None, alias="cleanupOf")
    cleans_up: bool = Field(False, alias="cleansUp")


@dataclass(frozen=True)
class Planning:
    """Makes a saved plan and the change that people decide on."""

    context: Context
    module: str

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Plan, keep the plan and the change, and give back their digests with a summary."""
        request = parse(PlanRequest, attempt.job, f"module {self.module}")
        environment = self.context.environment(request.environment)
        contract = self.context.contract(Kind.MODULE, self.module)
        record = await self.context.stacks.find(request.id)
        inputs = _inputs(request, record, contract)
        spec, redactor = await root_spec(self.context, attempt, environment, contract, request.id, inputs)
        with private_folder() as folder:
            root = write_root(spec, folder, phase="plan")
            call = tool_call(self.context, attempt, environment, redactor, environment.limits.plan_timeout_minutes)
            await put_back_state(self.context, request.id, root, call)
            planned = await self.context.terraform().plan(root, operation=request.operation, call=call)
            plan = self._plan(attempt, request, environment, contract, inputs, planned, root)
            await self._keep(plan, planned, root, record)
        change = await self._change(request, environment, plan, attempt.job)
        await self.context.audit.add(
            str(plan.stack),
            self.context.runs.worker,
            "planned",
            plan=plan.digest,
            change=change.digest,
            counts=str(plan.counts),
            run=attempt.run.id,
            process_instance=attempt.job.process_instance,
        )
        return Done({"plan": await self._result(plan, planned, change, record, request)})

    def _plan(
        self,
        attempt: Attempt,
        request: PlanRequest,
        environment: Environment,
        contract: Contract,
        inputs: dict[str, JsonValue],
        planned: Planned,
        root: StackRoot,
    ) -> Plan:
        facts, created = planned.facts, now()
        return Plan(
            digest=planned.digest,
            stack=request.id,
            operation=request.operation,
            module=self.module,
            module_digest=contract.digest,
            workspace_digest=root.digest(),
            inputs=inputs,
            counts=facts.counts,
            changes=facts.changes,
            output_changes=facts.output_changes,
            empty_before=facts.empty_before,
            has_changes=facts.has_changes,
            cleans_up=request.cleans_up and facts.empty_before and request.operation is Operation.APPLY,
            tool=self.context.terraform().name,
            run=attempt.run.id,
            process_instance=attempt.job.process_instance,
            created=created,
            expires=created + timedelta(minutes=environment.limits.plan_valid_minutes),
        )

    async def _keep(self, plan: Plan, planned: Planned, root: StackRoot, record: StackRecord | None) -> None:
        await self.context.plans.save(plan, planned.plan, pack_folder(root.folder), _json(planned.facts.document))
        if lock_file := root.lock_file():
            await self.context.store.write(lock_file_key(plan.stack), lock_file)
        known = record or StackRecord(
            id=plan.stack, module=plan.module, module_digest=plan.module_digest, inputs=plan.inputs, updated=now()
        )
        await self.context.stacks.save(known.model_copy(update={"last_plan": plan.digest, "updated": now()}))

    async def _change(self, request: PlanRequest, environment: Environment, plan: Plan, job: Job) -> Change:
        steps: tuple[RoleStep, ...] = tuple(role_step(self.context, role) for role in request.configure)
        change = Change(
            environment=environment.name,
            stack=str(plan.stack),
            plan=plan.digest,
            roles=steps,
            hosts=(f"stack:{plan.stack}",) if steps else (),
            process_instance=job.process_instance,
        )
        await self.context.changes.save(change)
        if await self._cleans_up(plan, request.cleanup_of):
            await self.context.changes.mark_cleanup(change.digest)
        return change

    async def _cleans_up(self, plan: Plan, failed_change: str | None) -> bool:
        failed = await self.context.changes.find(failed_change) if failed_change else None
        failed_plan = await self.context.plans.find(failed.plan) if failed and failed.plan else None
        used_by = await self.context.plans.used_by(failed_plan.digest) if failed_plan else ""
        run = await self.context.runs.find(used_by) if used_by else None
        return is_cleanup(plan, failed_plan, run.state.value if run else "")

    async def _result(
        self, plan: Plan, planned: Planned, change: Change, record: StackRecord | None, request: PlanRequest
    ) -> JsonValue:
        return {
            "digest": plan.digest,
            "change": change.digest,
            "hasChanges": plan.has_changes,
            "counts": plan.counts.model_dump(),
            "summary": planned.facts.summary,
            "markdown": plan_markdown(plan, planned.facts.markdown, change, self.context.pages),
            "emptyBefore": plan.empty_before,
            "operation": request.operation.value,
            "run": plan.run,
            "stack": str(plan.stack),
            "outputs": planned.facts.outputs,
            "hosts": [h.model_dump(mode="json") for h in record.hosts] if record else [],
        }


def _inputs(request: PlanRequest, record: StackRecord | None, contract: Contract) -> dict[str, JsonValue]:
    """The inputs of the request; a destroy without any uses those of the stack as it is."""
    inputs = request.inputs
    if request.operation is Operation.DESTROY and not inputs and record:
        inputs = record.inputs
    check_inputs(contract, inputs)
    literal = [i.name for i in contract.inputs if i.ephemeral and _is_literal(inputs.get(i.name))]
    if literal:
        reason = "is ephemeral, so it is needed again at apply: give it as a secret reference (secret://…)"
        raise InputError(f"module {contract.name}", tuple(f"{name} {reason}" for name in literal))
    return inputs


def _is_literal(value: JsonValue) -> bool:
    return value is not None and not (isinstance(value, str) and value.startswith(_REFERENCE))


def _json(document: JsonValue) -> bytes:
    return json.dumps(document, indent=1).encode()
