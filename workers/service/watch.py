"""Following a process until it ends: its steps, what the tools say, who is asked, what is stuck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from workers.core.errors import EngineUnavailableError
from workers.core.records import Run
from workers.core.values import now
from workers.engine.errors import JobGoneError
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly
from workers.service.family import Family
from workers.service.happenings import (
    GOOD_STATE,
    ApprovalWaits,
    Ended,
    EngineSilent,
    Happening,
    IncidentFound,
    Step,
    StepBegan,
    StepEnded,
    ToolSaid,
)
from workers.service.models import Model, read_models
from workers.service.tool_events import RunFollower

_ENGINE_SECONDS = 1.0
_TOOL_SECONDS = 0.3
_SILENT_SECONDS = 120.0
_END_SECONDS = 60.0
_STEP_TYPES = frozenset(
    {"SERVICE_TASK", "USER_TASK", "CALL_ACTIVITY", "SCRIPT_TASK", "SEND_TASK", "BUSINESS_RULE_TASK", "SUB_PROCESS",
     "RECEIVE_TASK", "MANUAL_TASK"}
)  # fmt: skip


@dataclass
class Watch:
    """Follows one instance and all that it called.

    Args:
        assembly: the parts.
        rest: the engine.
        root: key of the instance.

    Attributes:
        steps: every step so far, by key.
        runs: every run so far, by id.
    """

    assembly: Assembly
    rest: OrchestrationRest
    root: int
    steps: dict[int, Step] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)
    _heard: bool = False
    _silent_since: float = 0.0

    async def happenings(self, within: float = 15) -> AsyncIterator[Happening]:
        """Everything that happens, in the order in which it is seen, until the instance has ended.

        Args:
            within: seconds to wait until the engine's search shows the instance.

        Raises:
            EngineError: no such instance; no engine answers at the first question; or one that did has been silent
                for two minutes.
        """
        family = Family(self.rest, self.root, read_models(self.assembly.context.project))
        runs = RunFollower(self.assembly.store, self.assembly.context.runs, self.root)
        deadline, asked = time.monotonic() + within, 0.0
        while not (family.known and family.instances[self.root].ended):
            found: list[Happening] = []
            if time.monotonic() - asked >= _ENGINE_SECONDS:
                found += await self._engine(family, deadline)
                asked = time.monotonic()
            if family.known:
                found += await self._tools(family, runs)
            # Runs are written down at once, the engine's search follows by a second or more.
            for happening in sorted(found, key=_time):
                yield happening
            await asyncio.sleep(_TOOL_SECONDS)
        for happening in await self._tools(family, runs):
            yield happening
        yield await self._ended(family)

    async def _tools(self, family: Family, runs: RunFollower) -> list[Happening]:
        found: list[Happening] = []
        async for run, events in runs.news({self.root, *family.instances}):
            self.runs[run.id] = run
            step = family.step_of(run)
            if step.key not in self.steps:
                found += self._step(replace(step, state="ACTIVE", end=None))
            found += [ToolSaid(run, event) for event in events]
            found += self._step(step)
        return found

    async def _engine(self, family: Family, deadline: float) -> list[Happening]:
        try:
            await family.refresh()
            found = [*self._steps(family), *await self._tasks(), *await self._incidents(family)]
        except JobGoneError:
            # The search follows the engine by a second, by more when the machine is busy.
            self._heard = True
            if family.known or time.monotonic() > deadline:
                raise
            return []
        except EngineUnavailableError as error:
            return self._silent(error)
        self._heard, self._silent_since = True, 0.0
        return found

    def _silent(self, error: EngineUnavailableError) -> list[Happening]:
        if not self._heard:
            raise error
        if not self._silent_since:
            self._silent_since = time.monotonic()
            return [EngineSilent(error.message)]
        if time.monotonic() - self._silent_since > _SILENT_SECONDS:
            raise error
        return []

    def _steps(self, family: Family) -> Iterator[Happening]:
        for step in sorted(family.steps(), key=lambda s: (s.start or now(), s.key)):
            if step.type in _STEP_TYPES:
                yield from self._step(step)

    def _step(self, step: Step) -> Iterator[Happening]:
        before = self.steps.get(step.key)
        if before is not None and (before.end or not step.end):
            return
        self.steps[step.key] = step
        if before is None:
            yield StepBegan(step)
        if step.end:
            yield StepEnded(step)

    async def _tasks(self) -> list[Happening]:
        waiting = {s.process_instance for s in self.steps.values() if s.type == "USER_TASK" and not s.end}
        found: list[Happening] = []
        for instance in waiting:
            for task in await self.rest.user_tasks(process_instance=instance, state="CREATED"):
                step = self.steps.get(task.element_instance)
                if step and task.key not in self._told:
                    self._told.add(task.key)
                    address = f"{self.rest.address}/tasklist/{task.key}"
                    found.append(ApprovalWaits(task.key, step, task.groups, address))
        return found

    async def _incidents(self, family: Family) -> list[Happening]:
        found: list[Happening] = []
        for instance in [i for i in family.instances.values() if i.has_incident and not i.ended]:
            for incident in await self.rest.incidents(process_instance=instance.key):
                if incident.key not in self._told:
                    self._told.add(incident.key)
                    name = family.label(instance.key, incident.element)
                    address = f"{self.rest.address}/operate/processes/{instance.key}"
                    found.append(IncidentFound(incident.key, name, incident.type, incident.message, address))
        return found

    async def _ended(self, family: Family) -> Ended:
        """How the instance ended; the search may show its end event a moment later than its end."""
        instance = family.instances[self.root]
        model = family.models.get(instance.process_id)
        reached = self._ends(family, model)
        deadline = time.monotonic() + _END_SECONDS
        while instance.state == GOOD_STATE and not reached and time.monotonic() < deadline:
            await asyncio.sleep(_TOOL_SECONDS)
            await family.refresh_elements(self.root)
            reached = self._ends(family, model)
        # An end that the search does not show is not known to be a good one.
        good = instance.state == GOOD_STATE and (
            model is None or bool(set(reached) and set(reached) <= model.good_ends)
        )
        names = ", ".join(family.label(self.root, end) for end in reached)
        seconds = ((instance.end or now()) - (instance.start or now())).total_seconds()
        return Ended(self.root, instance.process_id, instance.state, names, good, seconds)

    def _ends(self, family: Family, model: Model | None) -> tuple[str, ...]:
        ends = (e for e in family.elements.get(self.root, ()) if e.type == "END_EVENT" and e.state == "COMPLETED")
        return tuple(e.element for e in ends if model is None or not model.around(e.element))


def _time(happening: Happening) -> datetime:
    match happening:
        case StepBegan(step):
            return step.start or now()
        case StepEnded(step):
            return step.end or now()
        case ToolSaid(_, event):
            return event.time
    return now()
