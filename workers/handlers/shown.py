"""The user task that was just completed: the engine's search shows it seconds later, after a burst minutes later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from workers.core.job import Failed, HandedBack, Job
from workers.handlers.ports import CompletedTask
from workers.handlers.rules import Rules

_VISIBLE_WITHIN: Final = timedelta(seconds=30)
_FIRST_PAUSE: Final = 0.05
_GROWTH: Final = 1.3
_LAST_PAUSE: Final = 1.0
"""Seconds between two looks: a few hundredths at first, since most decisions show within half a second, then ever more,
so that a thousand decisions at once do not keep the search busy with being asked."""
_BEHIND: Final = timedelta(seconds=15)
_SOON: Final = timedelta(seconds=30)
_LATER: Final = timedelta(minutes=10)
_LAST_RETRIES: Final = 2


async def completed_task(
    rules: Rules, job: Job, element: str, fresh: Callable[[int], bool]
) -> CompletedTask | HandedBack | Failed:
    """The newest completed user task that counts, or when to look again where half a minute shows none.

    A task that is still shown as open has certainly been completed, or its process instance would not have come as far
    as this job: the search is behind, and looking again uses up no retry. Where none is shown at all, a model may well
    have no such task, and then none will ever be; so the retries end: soon at first, then long after a burst.

    Args:
        rules: where the engine's record of user tasks is.
        job: the job of the process instance that had the task.
        element: the id of the user task in the model.
        fresh: whether a task of that key counts; older ones of the same element do not.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _VISIBLE_WITHIN.total_seconds()
    pause = _FIRST_PAUSE
    while True:
        tasks = await rules.tasks.completed_tasks(job.process_instance, element)
        if found := [task for task in tasks if fresh(task.key)]:
            return found[-1]
        if loop.time() > deadline:
            break
        await asyncio.sleep(pause)
        pause = min(_GROWTH * pause, _LAST_PAUSE)
    if any(fresh(key) for key in await rules.tasks.open_tasks(job.process_instance, element)):
        return HandedBack("The engine's search still shows the completed user task as open.", _BEHIND)
    later = _SOON if job.retries > _LAST_RETRIES else _LATER
    return Failed("The engine does not show the completed user task yet.", later)
