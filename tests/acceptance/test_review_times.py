# ruff: noqa: ASYNC110 - the search is polled: the engine pushes nothing
"""A review that nobody takes: the moments of an environment file, seen through engine, worker and store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from served import Served
from workers.core.settings import Settings
from workers.engine.rest import OrchestrationRest, UserTask

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

T = TypeVar("T")

SECONDS = 240
PEOPLE = """
  remind_after_minutes: 1
  escalate_to: managers
  escalate_after_minutes: 1
  reject_after_minutes: 2
  groups:
    approvers: [demo]
    managers: [act]
"""


@pytest.fixture
def hurried(project: Served) -> Iterator[Served]:
    """The project with an environment in which `act` may decide only after a minute, and nobody after two."""
    path = project.folder / "environments" / "local.yaml"
    before = path.read_text()
    path.write_text(before[: before.index("  groups:")].rstrip() + PEOPLE)
    yield project
    path.write_text(before)


async def until(ask: Callable[[], Awaitable[T | None]]) -> T:
    async with asyncio.timeout(SECONDS):
        while (found := await ask()) is None:
            await asyncio.sleep(0.5)
        return found


async def review(rest: OrchestrationRest, instance: int, groups: set[str]) -> UserTask | None:
    for called in await rest.tree(instance, within=60):
        for task in await rest.user_tasks(process_instance=called.key, state="CREATED"):
            if task.element == "Task_ReviewChange" and set(task.groups) == groups:
                return task
    return None


async def decided(project: Served, name: str, action: str) -> dict[str, Any] | None:
    shown = await asyncio.to_thread(project.data_of, "stack", "show", f"local/{name}")
    return next((entry for entry in shown["audit"] if entry["action"] == action), None)


async def decide(rest: OrchestrationRest, task: UserTask, decision: str) -> None:
    await rest.assign(task.key, "act")
    await rest.complete(task.key, {"decision": decision, "reason": "because"})


async def test_a_review_escalates_and_ends_when_the_environment_says_so(hurried: Served, settings: Settings):
    """A manager's decision counts after the escalation and not before; what nobody takes is rejected by nobody."""
    asked = await asyncio.to_thread(hurried.start, "times1")
    left = await asyncio.to_thread(hurried.start, "times2")
    async with OrchestrationRest.as_user(settings, "act", "act") as rest:
        await decide(rest, await until(lambda: review(rest, asked, {"approvers"})), "approved")
        early = await until(lambda: decided(hurried, "times1", "approved"))
        await decide(rest, await until(lambda: review(rest, asked, {"approvers", "managers"})), "rejected")
        late = await until(lambda: decided(hurried, "times1", "rejected"))
        expired = await until(lambda: decided(hurried, "times2", "expired"))
    assert (early["actor"], early["details"]["counts"]) == ("act", False)
    assert (late["actor"], late["details"]["counts"]) == ("act", True)
    assert expired["actor"] == "nobody"
    ends = [(await asyncio.to_thread(hurried.watch, instance))[-1] for instance in (asked, left)]
    assert [end["good"] for end in ends] == [False, False]
    for name in ("times1", "times2"):
        assert await decided(hurried, name, "applied") is None
