"""What a role gives back, and what is remembered of its run: how the hosts of a stack are meant to be."""

from __future__ import annotations

from workers.core.compliance import ConfiguredRole
from workers.core.contract import Kind
from workers.core.records import StackId
from workers.core.values import JsonValue, now
from workers.execution.ansible import RoleResult
from workers.handlers.context import Context

HIDDEN = "(sensitive)"
"""What stands in the record for a sensitive value that was not given as a reference."""


def shown_outputs(result: RoleResult) -> JsonValue:
    """What the role gave back, as a process variable."""
    return {host: dict(outputs) for host, outputs in result.outputs.items()}


async def remember(context: Context, role: str, inputs: dict[str, JsonValue], hosts: tuple[str, ...], run: str) -> None:
    """Note that the hosts of the stacks among these are meant to be as this role makes them."""
    hidden = {i.name for i in context.contract(Kind.ROLE, role).inputs if i.sensitive}
    kept = {name: HIDDEN if name in hidden and not _is_reference(value) else value for name, value in inputs.items()}
    for host in (h for h in hosts if h.startswith("stack:")):
        environment, _, name = host.removeprefix("stack:").partition("#")[0].partition("/")
        stack = StackId(environment=environment, name=name)
        await context.configured.save(stack, ConfiguredRole(role=role, inputs=kept, run=run, ended=now()))


def _is_reference(value: JsonValue) -> bool:
    return isinstance(value, str) and value.startswith("secret://")
