"""Removing what was made here: machines first, then the engine, then everything that was written down."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping

from workers.core.contract import Kind
from workers.core.environment import LocalState
from workers.core.errors import BusyError
from workers.core.records import Operation, StackRecord
from workers.core.values import JsonValue
from workers.engine.embedded import stop_running
from workers.execution.stack_root import RootSpec, write_root
from workers.execution.terraform import Call
from workers.execution.workspace import private_folder
from workers.handlers.attempt import lock_path
from workers.handlers.context import Context
from workers.runs.locks import FileLock, holder_of
from workers.service.assembly import Assembly
from workers.service.local import down

_GONE = ("destroyed",)
Say = Callable[[str], None]


async def what_there_is(assembly: Assembly) -> str:
    """What `clean` would remove, in words."""
    stacks = [str(s.id) for s in await _local_stacks(assembly.context)]
    runs = len(await assembly.context.runs.all())
    machines = f"local stacks {', '.join(stacks)}" if stacks else "no local stack"
    return f"{machines}, {runs} runs, the engine's data, the audit trail"


async def clean(assembly: Assembly, say: Say) -> None:
    """Destroy the stacks that live on this machine, stop the engine, remove the data folder.

    Stacks elsewhere stay as they are; the folder that knows them is kept then.

    Raises:
        BusyError: there are stacks elsewhere, or somebody works on a stack.
        ToolError: a destroy failed; nothing was removed after it.
    """
    context, settings = assembly.context, assembly.settings
    elsewhere = [str(s.id) for s in await context.stacks.all() if s.state not in _GONE and not _is_local(context, s)]
    if elsewhere:
        hint = "Remove them with a process that destroys them, or move the data folder away yourself."
        raise BusyError(f"The data folder is the only record of {', '.join(elsewhere)}.", hint)
    if (state := await down(settings, settings.drain_seconds + 90)) is not None:
        say(f"stopped process {state.pid}")
    await stop_running(settings.data_folder)
    for stack in await _local_stacks(context):
        await _destroy(context, stack)
        say(f"destroyed {stack.id}")
    shutil.rmtree(settings.data_folder)


async def _local_stacks(context: Context) -> tuple[StackRecord, ...]:
    return tuple(s for s in await context.stacks.all() if s.state not in (*_GONE, "planned") and _is_local(context, s))


def _is_local(context: Context, record: StackRecord) -> bool:
    """It was never made, or its state is on this machine and it is in no cloud account."""
    if record.state == "planned":
        return True
    environment = context.environment(record.id.environment)
    return isinstance(environment.state, LocalState) and environment.cloud is None


async def _destroy(context: Context, record: StackRecord) -> None:
    """Plan a destroy and apply that plan: the person at the keyboard has said yes to all of it."""
    lock = FileLock(lock_path(context, str(record.id)))
    if not lock.take("sluis clean", context.runs.worker):
        raise BusyError(f"Stack {record.id} is held by {holder_of(lock.path)}.", "Wait for it, then try again.")
    try:
        await _destroy_held(context, record)
    finally:
        lock.free()


async def _destroy_held(context: Context, record: StackRecord) -> None:
    environment = context.environment(record.id.environment)
    values, _ = context.secrets.resolve(record.inputs)
    inputs: Mapping[str, JsonValue] = values if isinstance(values, dict) else {}
    contract = context.contract(Kind.MODULE, record.module)
    lock_file = await context.store.read(f"provider-locks/{record.id}.hcl")
    spec = RootSpec(record.id, contract, environment, inputs, "clean", context.data / "state", lock_file)
    call = Call(env=dict(context.variables))
    with private_folder() as folder:
        root = write_root(spec, folder, phase="plan")
        planned = await context.terraform().plan(root, operation=Operation.DESTROY, call=call)
        if planned.facts.has_changes:
            await context.terraform().apply(root, planned.plan, call=call)
