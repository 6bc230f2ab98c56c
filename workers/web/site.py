"""What pages and the REST API work with."""

from __future__ import annotations

from dataclasses import dataclass

from workers.core.records import Run
from workers.handlers.context import Context
from workers.web.access import Person, Role
from workers.web.filters import Filter, filtered
from workers.web.guard import Guard, refuse_below
from workers.web.logs import LiveLogs, Logs
from workers.web.ports import Desk, StartForm, Waiting
from workers.web.run_index import RunIndex, RunLine


@dataclass(frozen=True)
class Site:
    """The hands of the pages.

    Attributes:
        context: the durable record, the catalogue and the environments.
        index: all runs.
        desk: what people do.
        guard: stands at every route.
        engine_users: people sign in with their name and password at the engine.
        oidc: name of the identity provider to sign in with; empty where none is set.
    """

    context: Context
    index: RunIndex
    desk: Desk
    guard: Guard
    logs: Logs
    live: LiveLogs
    engine_users: bool = True
    oidc: str = ""

    async def run(self, person: Person, run: str) -> Run:
        """A run that the person may see.

        Raises:
            HTTPException: there is none for them.
        """
        found = await self.context.runs.find(run)
        if found is None:
            refuse_below(Role.NONE, Role.VIEWER)
        assert found is not None  # noqa: S101 - for the type checker: refused above
        self.guard.need_run(person, found)
        return found

    async def runs(self, person: Person) -> tuple[RunLine, ...]:
        """The runs that the person may see, newest first."""
        roles = self.guard.access.roles(person)
        everywhere = min(roles.values(), default=Role.NONE)
        return tuple(run for run in await self.index.all() if _sees(run, roles, everywhere))

    async def chosen(self, person: Person, wanted: Filter) -> tuple[RunLine, ...]:
        """Those of them that a filter lets through."""
        family = await self.desk.family(wanted.instance) if wanted.instance else frozenset[int]()
        return filtered(await self.runs(person), wanted, family)

    async def waiting(self, person: Person) -> tuple[Waiting, ...]:
        """The open decisions that the person may see."""
        access = self.guard.access
        return tuple(w for w in await self.desk.waiting() if access.of_stack(person, w.stack) >= Role.VIEWER)

    def form(self, process: str) -> StartForm | None:
        """The start form of a process."""
        return next((form for form in self.desk.forms() if form.process == process), None)


def _sees(run: RunLine, roles: dict[str, Role], everywhere: Role) -> bool:
    names = {subject.partition("/")[0] for subject in run.stack.split()}
    return all(roles.get(name, Role.NONE) for name in names) if names else bool(everywhere)
