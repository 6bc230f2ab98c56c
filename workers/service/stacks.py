"""Acts of a person on a stack: look at all that is known of it, take over an existing state, free a stale lock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.core.contract import Kind
from workers.core.errors import BusyError, NotFoundError, SluisError, UsageError
from workers.core.job import Abandoned
from workers.core.records import Plan, Run, RunState, StackId, StackRecord
from workers.core.values import JsonValue, is_name, now
from workers.handlers.attempt import lock_path
from workers.handlers.context import Context
from workers.runs.audit import AuditEntry
from workers.runs.locks import Holder, holder_of, is_held
from workers.runs.shared_locks import SharedLock
from workers.service import state_place
from workers.service.orphans import Found, orphans
from workers.service.state_place import state_path

TOOL_LOCK = ".terraform.tfstate.lock.info"
"""The file with which tofu and terraform lock a local state."""
_STACK_MODULE = "module.stack"
_STATE_VERSION = 4


@dataclass(frozen=True)
class StackView:
    """All that is known of a stack.

    Attributes:
        holder: who holds its lock at this moment.
        orphans: what carries its tag and is not in its state.
        unasked: why nobody knows whether there are orphans; empty where all providers have answered.
    """

    record: StackRecord
    plan: Plan | None
    runs: tuple[Run, ...]
    trail: tuple[AuditEntry, ...]
    holder: Holder | SharedLock | None
    orphans: tuple[Found, ...] = ()
    unasked: str = ""

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "record": self.record.model_dump(mode="json"),
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
            "runs": [run.model_dump(mode="json") for run in self.runs],
            "audit": [entry.model_dump(mode="json") for entry in self.trail],
            "holder": str(self.holder) if self.holder else None,
            "orphans": [{"id": found.id, "run": found.run} for found in self.orphans],
            "unasked": self.unasked,
        }


def parse_stack(text: str) -> StackId:
    """``environment/name`` as a stack.

    Raises:
        UsageError: it is not of that form.
    """
    environment, _, name = text.partition("/")
    if not (is_name(environment) and is_name(name)):
        raise UsageError(f"'{text}' is not a stack.", "A stack is named ENVIRONMENT/NAME, e.g. local/web1.")
    return StackId(environment=environment, name=name)


def holder(context: Context, stack: StackId) -> Holder | None:
    """Who holds the stack at this moment."""
    path = lock_path(context, str(stack))
    return holder_of(path) if is_held(path) else None


async def view(context: Context, stack: StackId) -> StackView:
    """All that is known of a stack.

    Raises:
        NotFoundError: there is no such stack.
    """
    record = await context.stacks.get(stack)
    plan = await context.plans.find(record.last_plan) if record.last_plan else None
    runs = tuple(run for run in await context.runs.all() if str(stack) in run.stack.split())
    trail = await context.audit.entries(str(stack))
    found, unasked = await _orphans(context, record)
    held_by = holder(context, stack) or await context.shared_locks.find(str(stack))
    return StackView(record, plan, runs, trail, held_by, found, unasked)


async def _orphans(context: Context, record: StackRecord) -> tuple[tuple[Found, ...], str]:
    """What is in no state, or why nobody knows. While the stack is held, things are made that are not in it yet."""
    if holder(context, record.id) is not None:
        return (), "The stack is worked on."
    try:
        return await orphans(context, record), ""
    except SluisError as error:
        return (), str(error)


async def adopt(context: Context, stack: StackId, module: str, state: Path, person: str) -> StackRecord:
    """Take over a state that was made without Sluis, by copying it to where the stack keeps its state.

    The generated root calls a catalogue module as ``module.stack``, so the addresses in the copy are moved there;
    lineage and serial stay. Nothing is applied: the next plan says what differs, and people decide on it.

    Raises:
        BusyError: the stack exists already.
        StoreError: the state cannot be put to where the environment keeps it.
        UsageError: the file is no Terraform state.
    """
    contract = context.contract(Kind.MODULE, module)
    context.environment(stack.environment)
    if await context.stacks.find(stack):
        raise BusyError(f"Stack {stack} exists already.", "Choose another name.")
    document = read_state(state, await asyncio.to_thread(_read, state))
    adopted = document if contract.is_root else moved_to_stack(document)
    await asyncio.to_thread(state_place.create, context, stack, json.dumps(adopted, indent=2).encode() + b"\n")
    record = StackRecord(
        id=stack, module=module, module_digest=contract.digest, state="applied", adopted=True, updated=now()
    )
    await context.stacks.save(record)
    facts = {"lineage": document["lineage"], "serial": document["serial"], "resources": len(document["resources"])}
    await context.audit.add(str(stack), person, "adopted", module=module, source=str(state), **facts)
    return record


async def unlock(context: Context, stack: StackId, person: str) -> tuple[str, ...]:
    """Free what a dead process left locked; what was done, in words.

    Raises:
        BusyError: the holder is alive.
        NotFoundError: there is no such stack.
    """
    await context.stacks.get(stack)
    alive = holder(context, stack)
    if alive is not None:
        hint = f"Wait for it, or cancel its process instance in Operate; `sluis run log {alive.run} -f` shows it."
        raise BusyError(f"Stack {stack} is held by {alive}, which is alive.", hint)
    done = [
        *await _clear_shared_lock(context, stack),
        *_remove_tool_lock(context, stack),
        *await _mark_runs(context, stack),
    ]
    if done:
        details: list[JsonValue] = list(done)
        await context.audit.add(str(stack), person, "unlocked", done=details)
    return tuple(done)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path}: {error.strerror}.", "Name the terraform.tfstate to take over.") from error


def read_state(path: Path, content: bytes) -> dict[str, Any]:
    """A Terraform state of version 4.

    Raises:
        UsageError: it is something else, or encrypted.
    """
    try:
        document = json.loads(content)
        lineage, serial, resources = document["lineage"], document["serial"], document["resources"]
        fits = isinstance(lineage, str) and isinstance(serial, int) and isinstance(resources, list)
    except (ValueError, KeyError, TypeError) as error:
        hint = "Decrypt it first, if it is encrypted: `tofu state pull` prints it in clear."
        raise UsageError(f"{path} is not a Terraform state of version 4.", hint) from error
    if not fits or document.get("version") != _STATE_VERSION:
        raise UsageError(f"{path} is not a Terraform state of version 4.", "`tofu state pull` prints one.")
    return dict(document)


def moved_to_stack(document: Mapping[str, Any]) -> dict[str, Any]:
    """A state with every resource below ``module.stack``, as a generated root has it. Outputs stay outside.

    What a resource depends on is moved with it: an address that begins with a resource type or a module gets the same
    prefix.
    """
    resources = document["resources"]
    if any(str(r.get("module", "")).split("[")[0].startswith(_STACK_MODULE) for r in resources):
        return dict(document)
    return {**document, "resources": [_moved(resource) for resource in resources]}


def _moved(resource: Mapping[str, Any]) -> dict[str, Any]:
    module = f"{_STACK_MODULE}.{resource['module']}" if resource.get("module") else _STACK_MODULE
    instances = [_instance(instance) for instance in resource.get("instances", ())]
    return {"module": module, **{k: v for k, v in resource.items() if k != "module"}, "instances": instances}


def _instance(instance: Mapping[str, Any]) -> dict[str, Any]:
    if "dependencies" not in instance:
        return dict(instance)
    return {**instance, "dependencies": [f"{_STACK_MODULE}.{address}" for address in instance["dependencies"]]}


async def _clear_shared_lock(context: Context, stack: StackId) -> list[str]:
    lock = await context.shared_locks.find(str(stack))
    if lock is None:
        return []
    if lock.fresh or not await context.shared_locks.clear(lock):
        raise BusyError(f"Stack {stack} is held by {lock}, which is alive.", "Wait for it, or cancel its process.")
    return [f"freed the lock of {lock}"]


def _remove_tool_lock(context: Context, stack: StackId) -> list[str]:
    lock = state_path(context, stack).with_name(TOOL_LOCK)
    if not lock.exists():
        return []
    try:
        who = str(json.loads(lock.read_text())["Who"])
    except (ValueError, KeyError, TypeError, OSError):
        who = "somebody"
    lock.unlink(missing_ok=True)
    return [f"removed the tool's lock on the state ({who})"]


async def _mark_runs(context: Context, stack: StackId) -> list[str]:
    """Runs whose worker is dead are marked so that the next delivery of their job knows."""
    reason = Abandoned("Its worker was found dead and a person freed the stack.")
    open_runs = (r for r in await context.runs.all() if str(stack) in r.stack.split() and not r.state.ended)
    dead = [run for run in open_runs if not is_held(context.runs.lock_path(run.id))]
    for run in dead:
        await context.runs.finish(run, reason, RunState.INTERRUPTED)
    return [f"marked run {run.id} as {RunState.INTERRUPTED.value}" for run in dead]
