# ruff: noqa: ASYNC110 - the search is polled: the engine pushes nothing
"""What `make acceptance` does with every process: five runs, then the first request once more; each leaves a file.

A process joins by a module in ``tests/acceptance/processes`` with a `ProcessRuns` named ``RUNS``.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import FOLDER, Result
from served import Served
from workers.core.settings import Settings
from workers.engine.rest import OrchestrationRest
from workers.execution.keys import environment_key

TIMES = 5
AGAIN = 0
"""Number of the run that repeats the first one."""

Happenings = list[dict[str, Any]]


@dataclass(frozen=True)
class ProcessRuns:
    """How one process is run.

    Attributes:
        process: id of the process.
        once: one run, from the request to the end, with everything that people do in it; gets the project and the
            number of the run, 1 to 5, to name things by. Asserts that the outcome is right, and returns what happened.
        again: the same request as that of the first run, after all of them. Asserts that nothing is different
            afterwards.
    """

    process: str
    once: Callable[[Served, int], Happenings]
    again: Callable[[Served, int], Happenings]


def known() -> list[ProcessRuns]:
    """Every process that has joined, by its module's name."""
    names = sorted(path.stem for path in (Path(__file__).parent / "processes").glob("*.py"))
    return [importlib.import_module(f"acceptance.processes.{name}").RUNS for name in names]


def run(process: ProcessRuns, project: Served, number: int) -> None:
    """Do one run and write down how it went, however it ends."""
    repeats = number == AGAIN
    path = FOLDER / "acceptance" / f"{process.process}-{'again' if repeats else number}.json"
    path.unlink(missing_ok=True)
    with Result(process.process, path, number=number) as result:
        result.steps(process.again(project, 1) if repeats else process.once(project, number))


def ended_well(happenings: Happenings) -> Happenings:
    """What happened, after a look at how it ended."""
    assert happenings[-1]["happening"] == "ended"
    assert happenings[-1]["good"], happenings[-1]
    return happenings


def asked(happenings: Happenings) -> Happenings:
    """The reviews that people were asked for."""
    return [h for h in happenings if h["happening"] == "approval-waits"]


def approve(project: Served, instance: int) -> None:
    """Approve what waits in an instance, as the second person."""
    done = project.approve(instance)
    assert done.returncode == 0, done.stderr


def make_machine(project: Served, name: str) -> None:
    """A machine that is made and not configured: what the block for changes with Terraform makes of a request."""
    inputs = {"name": name, "authorized_key": environment_key(project.data / "keys", "local").public}
    change = {"environment": "local", "stack": name, "module": "local_host", "inputs": inputs, "operation": "apply"}
    instance = project.start_process("TerraformChange", **change, configure=[], purpose="To be removed again.")
    approve(project, instance)
    ended_well(project.watch(instance))
    assert state_of(project, name) == "applied"


def state_of(project: Served, name: str) -> str:
    """What the record says of the stack of that name."""
    return str(project.data_of("stack", "show", f"local/{name}")["record"]["state"])


def answer(project: Served, instance: int, element: str, variables: dict[str, Any], user: str = "act") -> None:
    """Claim and complete the open user task of that element, once it is there, in an instance or what it called."""
    asyncio.run(_answer(project, instance, element, variables, user))


async def _answer(project: Served, instance: int, element: str, variables: dict[str, Any], user: str) -> None:
    settings = Settings(rest_address=project.rest)
    async with OrchestrationRest.as_user(settings, user, user) as rest, asyncio.timeout(120):
        while (key := await _open_task(rest, instance, element)) is None:
            await asyncio.sleep(0.3)
        await rest.assign(key, user)
        await rest.complete(key, variables)


async def _open_task(rest: OrchestrationRest, instance: int, element: str) -> int | None:
    for called in await rest.tree(instance, within=60):
        for task in await rest.user_tasks(process_instance=called.key, state="CREATED", element=element):
            return task.key
    return None
