"""What people do through our pages: starting, deciding, signing in — over the engine and the record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.approvals.statements import Person as Decider
from workers.core.errors import DeniedError, EngineError, EngineUnavailableError, NotFoundError, UsageError
from workers.core.records import Decision
from workers.core.values import JsonValue
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly, open_rest
from workers.service.decisions import OpenTask, decide_for, open_tasks
from workers.service.models import read_models
from workers.service.processes import prepare, start_for
from workers.service.variables import Given, fields_of
from workers.web.access import Person
from workers.web.ports import StartForm, Waiting

_FRESH_SECONDS = 2.0


@dataclass
class EngineDesk:
    """The desk of one worker.

    Args:
        assembly: the parts.
        rest: the engine, as the service's own identity.
    """

    assembly: Assembly
    rest: OrchestrationRest
    _tasks: tuple[OpenTask, ...] = ()
    _looked: float = field(default=float("-inf"))

    async def let_in(self, user: str, password: str) -> bool:
        """See `Desk.let_in`. A session of the engine is opened and closed; the password is not kept."""
        async with open_rest(self.assembly.settings, user, password) as theirs:
            try:
                await theirs.sign_in()
                await theirs.user_tasks(limit=1)  # where sign-in is HTTP basic, only a request shows
            except EngineUnavailableError:
                raise
            except EngineError:
                return False
        return True

    async def waiting(self) -> tuple[Waiting, ...]:
        """See `Desk.waiting`; at most two seconds old."""
        return tuple(_waiting(task) for task in await self._open() if task.change)

    def forms(self) -> tuple[StartForm, ...]:
        """See `Desk.forms`: the processes that have a start form."""
        models = read_models(self.assembly.context.project)
        return tuple(
            StartForm(model.id, model.name, tuple(fields_of(model).values()), model.documentation)
            for model in models.values()
            if model.start_form
        )

    async def start(
        self, person: Person, process: str, texts: Mapping[str, str], values: Mapping[str, JsonValue]
    ) -> int:
        """See `Desk.start`."""
        if process not in {form.process for form in self.forms()}:
            raise NotFoundError(f"There is no process '{process}' that people start.")
        variables = prepare(self.assembly, process, Given(texts, values))
        started = await start_for(self.assembly, self.rest, person.name, process, variables, f"web, {person.via}")
        return started.instance

    async def decide(self, person: Person, waiting: Waiting, decision: Decision, reason: str, password: str) -> None:
        """See `Desk.decide`. Who is known to the engine only proves again that it is them."""
        if person.is_machine:
            raise DeniedError("A token is nobody who could decide.")
        if person.via == "engine" and not (password and await self.let_in(person.name, password)):
            raise UsageError("The engine does not know your name with this password.")
        task = next((task for task in await self._open(fresh=True) if task.key == waiting.task), None)
        if task is None or task.change != waiting.change:
            raise NotFoundError("This is not waiting any more.")
        identity = f"signed in by {person.via}"
        decider = Decider(person.name, "web", identity, frozenset(person.groups))
        await decide_for(self.assembly, self.rest, task, decider, decision, reason)
        self._looked = float("-inf")

    async def family(self, instance: int) -> frozenset[int]:
        """See `Desk.family`. The search follows the engine by a second or two."""
        try:
            root = await self.rest.root_of(instance, within=0)
            return frozenset((instance, *(i.key for i in await self.rest.tree(root.key))))
        except EngineError:
            return frozenset((instance,))

    def operate(self, instance: int) -> str:
        """See `Desk.operate`."""
        return f"{self.rest.address}/operate/processes/{instance}"

    def tasklist(self, task: int) -> str:
        """See `Desk.tasklist`."""
        return f"{self.rest.address}/tasklist/{task}"

    async def _open(self, *, fresh: bool = False) -> tuple[OpenTask, ...]:
        if fresh or time.monotonic() - self._looked > _FRESH_SECONDS:
            self._tasks = await open_tasks(self.assembly, self.rest)
            self._looked = time.monotonic()
        return self._tasks


def _waiting(task: OpenTask) -> Waiting:
    return Waiting(
        task.key, task.root, task.process, task.change, task.stack, task.summary, task.run, task.requester,
        task.assignee, task.created, task.policy, task.tasklist,
    )  # fmt: skip
