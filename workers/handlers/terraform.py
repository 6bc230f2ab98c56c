"""``terraform.<module>.plan`` and ``terraform.<module>.apply``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from pydantic import BaseModel, Field

from workers.approvals.facts import is_cleanup
from workers.approvals.guard import Evidence, refusal
from workers.catalogue.validation import check_inputs
from workers.core.contract import Contract, Kind
from workers.core.environment import Environment, Name
from workers.core.errors import InputError, ToolError
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Outcome, Pool
from workers.core.records import (
    Change,
    HostAddress,
    Operation,
    Plan,
    RoleStep,
    StackId,
    StackRecord,
)
from workers.core.redaction import Redactor, secret_strings
from workers.core.values import JsonValue, digest_bytes, now
from workers.execution.errors import StalePlanError
from workers.execution.stack_root import RootSpec, StackRoot, ephemeral_values, write_root
from workers.execution.terraform import Applied, Call, Planned
from workers.execution.workspace import private_folder
from workers.handlers.attempt import Attempt, Recorded, parse, refused
from workers.handlers.context import Context
from workers.handlers.roles import RoleRequest, role_step
from workers.handlers.summary import plan_markdown
from workers.runs.folder import pack_folder, unpack_folder

_TIMEOUT = timedelta(seconds=60)
_REFERENCE = "secret://"


class StackRequest(BaseModel):
    """What names the stack of a job."""

    environment: Name
    stack: Name

    @property
    def id(self) -> StackId:
        """The stack."""
        return StackId(environment=self.environment, name=self.stack)


class PlanRequest(StackRequest):
    """Variables of a plan job."""

    inputs: dict[str, JsonValue] = {}
    operation: Operation = Operation.APPLY
    configure: list[RoleRequest] = []
    cleanup_of: str | None = Field(None, alias="cleanupOf")


class ApplyRequest(StackRequest):
    """Variables of an apply job."""

    change: str


def terraform_workers(context: Context, module: str) -> tuple[JobWorker, ...]:
    """The job workers of one module."""
    plan = Recorded(context, Planning(context, module), BpmnErrorCode.PLAN_FAILED, _stack_subject)
    apply = Recorded(context, Applying(context, module), BpmnErrorCode.APPLY_FAILED, _stack_subject, repeatable=False)
    return (
        JobWorker(f"terraform.{module}.plan", plan, Pool.TERRAFORM, _TIMEOUT),
        JobWorker(f"terraform.{module}.apply", apply, Pool.TERRAFORM, _TIMEOUT),
    )


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
        spec, redactor = await self._spec(attempt, environment, contract, request.id, inputs)
        with private_folder() as folder:
            root = write_root(spec, folder, phase="plan")
            call = _call(self.context, attempt, environment, redactor, environment.limits.plan_timeout_minutes)
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

    async def _spec(
        self,
        attempt: Attempt,
        environment: Environment,
        contract: Contract,
        stack: StackId,
        inputs: dict[str, JsonValue],
    ) -> tuple[RootSpec, Redactor]:
        values, secrets = self.context.secrets.resolve(inputs)
        lock_file = await self.context.store.read(_lock_file_key(stack))
        state = self.context.data / "state"
        spec = RootSpec(stack, contract, environment, _mapping(values), attempt.run.id, state, lock_file)
        return spec, Redactor((*secrets, *_sensitive(contract, _mapping(values))))

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
            tool=self.context.terraform().name,
            run=attempt.run.id,
            process_instance=attempt.job.process_instance,
            created=created,
            expires=created + timedelta(minutes=environment.limits.plan_valid_minutes),
        )

    async def _keep(self, plan: Plan, planned: Planned, root: StackRoot, record: StackRecord | None) -> None:
        document = Redactor().json(planned.facts.document)
        await self.context.plans.save(plan, planned.plan, pack_folder(root.folder), _json(document))
        if lock_file := root.lock_file():
            await self.context.store.write(_lock_file_key(plan.stack), lock_file)
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
            "summary": str(plan.counts),
            "markdown": plan_markdown(plan, planned.facts.markdown, change),
            "emptyBefore": plan.empty_before,
            "operation": request.operation.value,
            "run": plan.run,
            "stack": str(plan.stack),
            "outputs": planned.facts.outputs,
            "hosts": [h.model_dump(mode="json") for h in record.hosts] if record else [],
        }


@dataclass(frozen=True)
class Applying:
    """Applies exactly the approved plan, once."""

    context: Context
    module: str

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Check the approval, apply the saved plan, keep what the stack is now."""
        request = parse(ApplyRequest, attempt.job, f"module {self.module}")
        environment = self.context.environment(request.environment)
        contract = self.context.contract(Kind.MODULE, self.module)
        with private_folder() as folder:
            evidence, file = await self._evidence(request.change, contract, StackRoot(folder, {}))
            why_not = refusal(evidence, request.id, attempt.job.process_instance, now())
            if why_not or evidence.plan is None:
                return refused(BpmnErrorCode.PLAN_STALE, why_not, attempt.run.id)
            plan = evidence.plan
            if not await self.context.plans.use(plan.digest, attempt.run.id):
                return refused(BpmnErrorCode.PLAN_STALE, "The plan was used meanwhile.", attempt.run.id)
            return await self._apply(attempt, environment, contract, plan, StackRoot(folder, {}), file)

    async def _evidence(self, digest: str, contract: Contract, root: StackRoot) -> tuple[Evidence, bytes]:
        change = await self.context.changes.find(digest)
        plan = await self.context.plans.find(change.plan) if change and change.plan else None
        file = (await self.context.plans.file(plan.digest) if plan else None) or b""
        packed = await self.context.plans.workspace(plan.digest) if plan else None
        if packed:
            unpack_folder(packed, root.folder)
        evidence = Evidence(
            change=change,
            plan=plan,
            policy=await self.context.changes.policy(digest),
            approvals=await self.context.changes.approvals(digest),
            used_by=await self.context.plans.used_by(plan.digest) if plan else "",
            module_digest=contract.digest,
            workspace_digest=root.digest() if packed else "",
            file_digest=digest_bytes(file),
        )
        return evidence, file

    async def _apply(
        self, attempt: Attempt, environment: Environment, contract: Contract, plan: Plan, root: StackRoot, file: bytes
    ) -> Outcome:
        values, secrets = self.context.secrets.resolve(plan.inputs)
        spec = RootSpec(plan.stack, contract, environment, _mapping(values), plan.run, self.context.data / "state")
        root = replace(root, ephemeral=ephemeral_values(spec, "apply"))
        redactor = Redactor((*secrets, *_sensitive(contract, _mapping(values))))
        call = _call(self.context, attempt, environment, redactor, environment.limits.apply_timeout_minutes)
        await self._mark(plan, attempt, "half-made")
        try:
            applied = await self.context.terraform().apply(root, file, call=call)
        except StalePlanError as error:
            return refused(BpmnErrorCode.PLAN_STALE, error, attempt.run.id)
        except ToolError as error:
            await self._tell(plan, attempt, "failed", error=str(error)[:2000])
            raise
        hosts = await self._finish(plan, attempt, applied)
        return Done({"applied": _applied(plan, applied, hosts, attempt.run.id)})

    async def _finish(self, plan: Plan, attempt: Attempt, applied: Applied) -> tuple[HostAddress, ...]:
        destroyed = plan.operation is Operation.DESTROY
        hosts = () if destroyed else hosts_in(applied.outputs, plan.stack)
        await self._mark(plan, attempt, "destroyed" if destroyed else "applied", hosts=hosts, outputs=applied.outputs)
        await self._tell(plan, attempt, "applied", counts=str(plan.counts))
        return hosts

    async def _mark(self, plan: Plan, attempt: Attempt, state: str, **more: object) -> None:
        record = await self.context.stacks.find(plan.stack) or StackRecord(
            id=plan.stack, module=plan.module, module_digest=plan.module_digest, updated=now()
        )
        update = {
            "module": plan.module,
            "module_digest": plan.module_digest,
            "inputs": plan.inputs,
            "state": state,
            "last_apply": attempt.run.id,
            "updated": now(),
        }
        await self.context.stacks.save(record.model_copy(update=update | more))

    async def _tell(self, plan: Plan, attempt: Attempt, action: str, **details: JsonValue) -> None:
        await self.context.audit.add(
            str(plan.stack), self.context.runs.worker, action, plan=plan.digest, run=attempt.run.id, **details
        )


def hosts_in(outputs: Mapping[str, JsonValue], stack: StackId) -> tuple[HostAddress, ...]:
    """The hosts that a module made, from its output ``hosts``.

    Raises:
        ToolError: the output is not a list of hosts.
    """
    listed = outputs.get("hosts") or []
    try:
        return tuple(HostAddress.model_validate(item) for item in listed)  # type: ignore[union-attr]
    except (ValueError, TypeError) as error:
        message = f"The output 'hosts' of stack {stack} is not a list of {{name, address, port, user, host_keys}}"
        raise ToolError(f"{message}: {error}") from error


def _applied(plan: Plan, applied: Applied, hosts: tuple[HostAddress, ...], run: str) -> JsonValue:
    return {
        "outputs": applied.outputs,
        "hosts": [h.model_dump(mode="json") for h in hosts],
        "run": run,
        "counts": plan.counts.model_dump(),
        "summary": str(plan.counts).replace(" to ", " "),
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


def _call(context: Context, attempt: Attempt, environment: Environment, redactor: Redactor, minutes: int) -> Call:
    values, secrets = context.secrets.resolve(dict(environment.variables))
    env = {name: str(value) for name, value in _mapping(values).items()}
    control = attempt.control(timedelta(minutes=minutes))
    return Call(control=control, sink=attempt.log, env=env, redactor=redactor.plus(secrets))


def _sensitive(contract: Contract, values: Mapping[str, JsonValue]) -> tuple[str, ...]:
    return tuple(s for i in contract.inputs if i.sensitive and i.name in values for s in secret_strings(values[i.name]))


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _json(document: JsonValue) -> bytes:
    return json.dumps(document, indent=1).encode()


def _lock_file_key(stack: StackId) -> str:
    return f"provider-locks/{stack}.hcl"


def _stack_subject(job: Job) -> tuple[str, ...]:
    return (str(parse(StackRequest, job, job.type).id),)
