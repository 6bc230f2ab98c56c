"""What decisions about changes are made with, and who asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from workers.core.job import Failed, Job
from workers.handlers.context import Context
from workers.handlers.ports import PolicyTable, TaskRecords

_SOON: Final = timedelta(seconds=30)
_LATER: Final = timedelta(minutes=10)
_LAST_RETRIES: Final = 2


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


def search_is_behind(job: Job, message: str) -> Failed:
    """Try again when the engine's search has caught up: soon at first, then long after a burst.

    Args:
        job: the job; its retries tell how often it was tried.
        message: what the search does not show.
    """
    return Failed(message, _SOON if job.retries > _LAST_RETRIES else _LATER)
