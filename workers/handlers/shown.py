"""The user task that was just completed: the engine's search shows it seconds later, after a burst minutes later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from workers.core.job import Failed, Job
from workers.handlers.ports import CompletedTask
from workers.handlers.rules import Rules

_VISIBLE_WITHIN: Final = timedelta(seconds=30)
_PAUSE_SECONDS: Final = 0.25
_SOON: Final = timedelta(seconds=30)
_LATER: Final = timedelta(minutes=10)
_LAST_RETRIES: Final = 2


async def completed_task(
    rules: Rules, job: Job, element: str, fresh: Callable[[CompletedTask], bool]
) -> CompletedTask | None:
    """The newest completed user task that counts; None where half a minute shows none.

    Args:
        rules: where the engine's record of user tasks is.
        job: the job of the process instance that had the task.
        element: the id of the user task in the model.
        fresh: whether a task counts; older ones of the same element do not.
    """
    deadline = asyncio.get_running_loop().time() + _VISIBLE_WITHIN.total_seconds()
    while True:
        tasks = await rules.tasks.completed_tasks(job.process_instance, element)
        if found := [task for task in tasks if fresh(task)]:
            return found[-1]
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(_PAUSE_SECONDS)


def not_shown(job: Job) -> Failed:
    """Try again when the engine's search has caught up: soon at first, then long after a burst.

    The retries end, since a model may well have no user task there: then nothing will ever be shown.
    """
    later = _SOON if job.retries > _LAST_RETRIES else _LATER
    return Failed("The engine does not show the completed user task yet.", later)
