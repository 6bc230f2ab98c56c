"""What the web service asks of the rest of the worker; the composition root plugs it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from workers.core.records import Decision, Policy
from workers.core.values import JsonValue
from workers.web.access import Person


@dataclass(frozen=True)
class Waiting:
    """A change that waits for people.

    Attributes:
        task: key of the user task.
        root: the outermost process instance.
        change: the change digest.
        stack: ``environment/name``.
        summary: the counts, in words.
        run: the run that planned it.
        requester: who asked; empty where that is not known.
        tasklist: where Tasklist shows it.
    """

    task: int
    root: int
    process: str
    change: str
    stack: str
    summary: str
    run: str
    requester: str
    assignee: str
    created: datetime | None
    policy: Policy | None
    tasklist: str


@dataclass(frozen=True)
class StartForm:
    """A process that can be started, with the fields of its start form.

    Attributes:
        fields: components of the form: type, key, label, description, values, defaultValue, validate.
        about: what it does, in a few sentences; may be empty.
    """

    process: str
    name: str
    fields: tuple[Mapping[str, Any], ...]
    about: str = ""


class Desk(Protocol):
    """What people do through our pages."""

    async def let_in(self, user: str, password: str) -> bool:
        """Whether the engine's own sign-in takes this name and password."""
        ...

    async def waiting(self) -> tuple[Waiting, ...]:
        """Every change that waits, oldest first."""
        ...

    def forms(self) -> tuple[StartForm, ...]:
        """The processes that can be started."""
        ...

    async def start(
        self, person: Person, process: str, texts: Mapping[str, str], values: Mapping[str, JsonValue]
    ) -> int:
        """Start a process in the person's name; returns the instance.

        Raises:
            UsageError: there is no such process, or the variables do not fit.
        """
        ...

    async def decide(self, person: Person, waiting: Waiting, decision: Decision, reason: str, password: str) -> None:
        """Record what the person decided and complete the user task.

        Args:
            person: who decides.
            waiting: on what.
            decision: what they say.
            reason: why; needed for a rejection.
            password: theirs at the engine, where they are known to the engine only.

        Raises:
            UsageError: the decision would not count, or cannot be made here.
            BusyError: it was decided meanwhile.
        """
        ...

    async def family(self, instance: int) -> frozenset[int]:
        """The outermost instance that a process instance belongs to, and all that was called in it."""
        ...

    def operate(self, instance: int) -> str:
        """Where Operate shows a process instance."""
        ...

    def tasklist(self, task: int) -> str:
        """Where Tasklist shows a user task."""
        ...


class LogSwitch(Protocol):
    """The level of the service's log."""

    @property
    def level(self) -> str:
        """The least severe event that is logged."""
        ...

    def set_level(self, level: str) -> None:
        """Change it.

        Raises:
            UsageError: there is no such level.
        """
        ...
