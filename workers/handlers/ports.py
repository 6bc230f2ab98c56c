"""What handlers need from outside: the engine's records and decisions. The composition root plugs adapters in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from workers.core.environment import Environment
from workers.core.notice import Notice
from workers.core.values import JsonValue


@dataclass(frozen=True)
class PolicyAnswer:
    """What the decision table said, and the digest of the table as the engine holds it."""

    output: Mapping[str, JsonValue]
    table: str


class PolicyTable(Protocol):
    """The approval policy, evaluated by the engine."""

    async def evaluate(self, facts: Mapping[str, JsonValue]) -> PolicyAnswer:
        """The answer for these facts."""
        ...


@dataclass(frozen=True)
class CompletedTask:
    """A completed user task as the engine recorded it."""

    key: int
    assignee: str
    completed: datetime | None


class TaskRecords(Protocol):
    """What the engine recorded of user tasks and instances."""

    async def completed_tasks(self, process_instance: int, element: str) -> tuple[CompletedTask, ...]:
        """Completed executions of a user task in one instance, oldest first. May lag behind by seconds."""
        ...

    async def open_tasks(self, process_instance: int, element: str) -> tuple[int, ...]:
        """Keys of the executions of a user task that are shown as not ended. May lag behind by seconds."""
        ...

    async def root_of(self, process_instance: int) -> int:
        """The outermost instance that called the one given, or that one itself."""
        ...


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """What the channel is called in results and logs."""
        ...

    async def send(self, notice: Notice) -> None:
        """Send one notice; raises where it could not."""
        ...


class Channels(Protocol):
    """The ways to tell people."""

    def __call__(self, environment: Environment | None, notice: Notice) -> tuple[Channel, ...]:
        """Those over which a notice goes; without an environment the ones that need none."""
        ...
