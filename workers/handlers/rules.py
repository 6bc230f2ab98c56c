"""What decisions about changes are made with, and who asked for them."""

from __future__ import annotations

from dataclasses import dataclass

from workers.handlers.context import Context
from workers.handlers.ports import PolicyTable, TaskRecords


@dataclass(frozen=True)
class Rules:
    """What decisions are made with.

    Args:
        context: what handlers work with.
        table: the approval policy.
        tasks: what the engine recorded.
        service: the service's own identity at the engine.
    """

    context: Context
    table: PolicyTable
    tasks: TaskRecords
    service: str


async def requester_of(rules: Rules, process_instance: int) -> str | None:
    """Who asked for the outermost process, where somebody whom we authenticated did.

    Raises:
        NotShownYetError: the engine's search does not say yet which instance that is.
    """
    root = await rules.tasks.root_of(process_instance)
    record = await rules.context.requests.find(root)
    return record.requester if record else None
