"""``terraform.<module>.apply``: exactly the approved plan, once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from workers.approvals.guard import Evidence, refusal
from workers.core.contract import Contract, Kind
from workers.core.environment import Environment
from workers.core.errors import StoreError, ToolError
from workers.core.job import BpmnErrorCode, Done, Outcome, Stuck
from workers.core.records import HostAddress, Operation, Plan, StackId, StackRecord
from workers.core.redaction import Redactor
from workers.core.values import JsonValue, digest_bytes, now
from workers.execution.errors import EndUnknownError, StalePlanError, ToolInterruptedError
from workers.execution.kept import name_workspace
from workers.execution.stack_root import RootSpec, StackRoot, ephemeral_values
from workers.execution.terraform import Applied, Call
from workers.execution.workspace import private_folder
from workers.handlers.attempt import Attempt, parse, refused
from workers.handlers.context import Context
from workers.handlers.errored_state import keep_errored_state, rescue_state
from workers.handlers.stack import StackRequest, mapping, sensitive_values, tool_call
from workers.runs.packing import unpack_folder


class ApplyRequest(StackRequest):
    """Variables of an apply job."""

    change: str


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
            root = StackRoot(folder, {})
            return await self._apply(attempt, environment, contract, request.change, evidence.plan, root, file)

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
        self,
        attempt: Attempt,
        environment: Environment,
        contract: Contract,
        change: str,
        plan: Plan,
        root: StackRoot,
        file: bytes,
    ) -> Outcome:
        root, call = self._prepared(attempt, environment, contract, plan, root)
        tool = self.context.terraform()
        # Last: what is missing above, a secret perhaps, must not cost the approved plan.
        if not await self.context.plans.use(plan.digest, attempt.run.id):
            return refused(BpmnErrorCode.PLAN_STALE, "The plan was used meanwhile.", attempt.run.id)
        await self._mark(plan, attempt, "half-made")
        if attempt.kept:
            name_workspace(attempt.kept, root.folder)
        try:
            applied = await tool.apply(root, file, call=call)
        except StalePlanError as error:
            return refused(BpmnErrorCode.PLAN_STALE, error, attempt.run.id)
        except ToolInterruptedError:
            await keep_errored_state(self.context, plan.stack, root)
            await self._tell(plan, attempt, "interrupted")
            raise
        except ToolError as error:
            return await self._failed(attempt, change, plan, root, error)
        return await self._done(attempt, environment, plan, applied)

    async def take_over(self, attempt: Attempt) -> Outcome:
        """The outcome of an apply whose worker died, from what the tool wrote until its end.

        Raises:
            EndUnknownError: it did not write how it ended.
        """
        request = parse(ApplyRequest, attempt.job, f"module {self.module}")
        environment = self.context.environment(request.environment)
        contract = self.context.contract(Kind.MODULE, self.module)
        with private_folder() as folder:
            root = StackRoot(folder, {})
            evidence, _ = await self._evidence(request.change, contract, root)
            plan = evidence.plan
            if plan is None or evidence.used_by != attempt.run.id or attempt.kept is None:
                raise EndUnknownError(f"The worker died before run {attempt.run.id} had used its plan.")
            root, call = self._prepared(attempt, environment, contract, plan, root)
            try:
                applied = await self.context.terraform().take_over(root, attempt.kept, call=call)
            except ToolError as error:
                if await rescue_state(self.context, plan.stack, attempt.kept):
                    return await self._to_plan_anew(attempt, plan, error)
                return await self._failed(attempt, request.change, plan, root, error)
        if applied is None:
            await self._tell(plan, attempt, "interrupted")
            raise EndUnknownError(
                f"The worker died during run {attempt.run.id}, and the tool did not say how it ended."
            )
        return await self._done(attempt, environment, plan, applied)

    def _prepared(
        self, attempt: Attempt, environment: Environment, contract: Contract, plan: Plan, root: StackRoot
    ) -> tuple[StackRoot, Call]:
        values, secrets = self.context.secrets.resolve(plan.inputs)
        spec = RootSpec(plan.stack, contract, environment, mapping(values), plan.run, self.context.data / "state")
        redactor = Redactor((*secrets, *sensitive_values(contract, mapping(values))))
        call = tool_call(self.context, attempt, environment, redactor, environment.limits.apply_timeout_minutes)
        return replace(root, ephemeral=ephemeral_values(spec, "apply")), call

    async def _done(self, attempt: Attempt, environment: Environment, plan: Plan, applied: Applied) -> Outcome:
        hosts = await self._finish(plan, attempt, applied)
        shown = replace(applied, outputs=applied.outputs | await self._keep(environment, plan, applied))
        return Done({"applied": _applied(plan, shown, hosts, attempt.run.id)})

    async def _failed(self, attempt: Attempt, change: str, plan: Plan, root: StackRoot, error: ToolError) -> Outcome:
        kept = await keep_errored_state(self.context, plan.stack, root)
        # Where the state had no room, the trail may have none.
        with contextlib.suppress(StoreError) if kept else contextlib.nullcontext():
            await self._tell(plan, attempt, "failed", error=str(error)[:2000])
        if not kept:
            return refused(BpmnErrorCode.APPLY_FAILED, error, attempt.run.id, change=change)
        return Stuck(
            f"{error} The state is kept in {kept}, and the next plan of the stack puts it back. "
            f"Repair the cause, then resolve this incident. (run {attempt.run.id})"
        )

    async def _to_plan_anew(self, attempt: Attempt, plan: Plan, error: ToolError) -> Outcome:
        """The end of an apply whose state could not be written and is kept."""
        await self._tell(plan, attempt, "failed", error=str(error)[:2000])
        text = f"{error} The state is kept, and the next plan of the stack puts it back."
        return refused(BpmnErrorCode.RUN_INTERRUPTED, text, attempt.run.id)

    async def _keep(self, environment: Environment, plan: Plan, applied: Applied) -> dict[str, JsonValue]:
        """Put sensitive outputs into the secret store; references to them, which the stack record has too."""
        record = await self.context.stacks.get(plan.stack)
        if not applied.sensitive_outputs and not record.secrets:
            return {}
        keeper = self.context.secret_keeper(environment)
        references = await asyncio.to_thread(keeper.keep, str(plan.stack), applied.sensitive_outputs)
        await self.context.stacks.save(record.model_copy(update={"secrets": references, "updated": now()}))
        return dict(references)

    async def _finish(self, plan: Plan, attempt: Attempt, applied: Applied) -> tuple[HostAddress, ...]:
        destroyed = plan.operation is Operation.DESTROY
        hosts = () if destroyed else hosts_in(applied.outputs, plan.stack)
        end = {"expires": None, "expiry_watch": 0} if destroyed else {}
        state = "destroyed" if destroyed else "applied"
        await self._mark(plan, attempt, state, hosts=hosts, outputs=applied.outputs, **end)
        if destroyed:
            await self.context.configured.forget(plan.stack)
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
