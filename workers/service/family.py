"""A process instance with all that it called, and the names that its steps go by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workers.core.records import Run
from workers.engine.rest import ElementInstance, Instance, OrchestrationRest
from workers.service.happenings import Step
from workers.service.models import Model

_CLOCK_TOLERANCE = timedelta(milliseconds=100)


@dataclass
class Family:
    """What is known of an instance and of the instances that it called, refreshed from the engine's search.

    Instances that have ended and whose steps have all ended are not asked for again.

    Args:
        rest: the engine.
        root: key of the outermost instance.
        models: the project's models, by process id.
    """

    rest: OrchestrationRest
    root: int
    models: Mapping[str, Model]
    instances: dict[int, Instance] = field(default_factory=dict)
    elements: dict[int, tuple[ElementInstance, ...]] = field(default_factory=dict)
    _final: set[int] = field(default_factory=set)

    @property
    def known(self) -> bool:
        """The engine's search has shown the root."""
        return self.root in self.instances

    async def refresh(self) -> None:
        """Ask the engine again.

        Raises:
            JobGoneError: its search does not show the root, perhaps not yet.
        """
        if self.root not in self._final:
            self.instances[self.root] = await self.rest.instance(self.root)
        waiting = [self.root]
        while waiting:
            key = waiting.pop(0)
            if key not in self._final:
                for called in reversed(await self.rest.instances(parent=key)):
                    self.instances[called.key] = called
            waiting += [i.key for i in self.instances.values() if i.parent_key == key]
        await asyncio.gather(*(self.refresh_elements(key) for key in self.instances if key not in self._final))

    async def refresh_elements(self, key: int) -> None:
        """Ask for the steps of one instance again, even where all of it seemed to have been shown."""
        found = self.elements[key] = await self.rest.elements(key)
        # The search may show an instance as ended before the steps in it.
        if self.instances[key].ended and found and all(e.state != "ACTIVE" for e in found):
            self._final.add(key)

    def label(self, instance: int, element: str) -> str:
        """The name of a step."""
        model = self._model(instance)
        return model.label(element) if model else element

    def steps(self) -> Iterator[Step]:
        """Every step so far, those of callers before those of the called."""
        for key, elements in self.elements.items():
            for element in elements:
                yield self._step(key, element)

    def step_of(self, run: Run) -> Step:
        """The step that a run works for, known before the engine's search shows it."""
        path = self._path(run.process_instance, run.element, run.started)
        model = self.models.get(run.process)
        name = model.label(run.element) if model else run.element
        state = "COMPLETED" if run.outcome == "done" else "TERMINATED" if run.outcome == "refused" else "ACTIVE"
        return Step(
            run.element_instance, run.element, name, "SERVICE_TASK", run.process_instance, path, state, run.started,
            run.ended if state != "ACTIVE" else None,
        )  # fmt: skip

    def _step(self, instance: int, element: ElementInstance) -> Step:
        return Step(
            element.key, element.element, self.label(instance, element.element), element.type, instance,
            self._path(instance, element.element, element.start), element.state, element.start, element.end,
        )  # fmt: skip

    def _path(self, instance: int, element: str, start: datetime | None) -> tuple[str, ...]:
        model = self._model(instance)
        around = tuple(model.label(outer) for outer in model.around(element)) if model else ()
        found = self.instances.get(instance)
        if found is None or found.parent_key is None:
            return around
        caller = self._caller(found, found.start or start)
        if caller is None:
            return around
        return (
            *self._path(found.parent_key, caller.element, caller.start),
            self._name(found.parent_key, caller),
            *around,
        )

    def _name(self, instance: int, element: ElementInstance) -> str:
        return self.label(instance, element.element)

    def _caller(self, called: Instance, start: datetime | None) -> ElementInstance | None:
        """The call activity that called an instance: the last one of that process that began before it."""
        parent = called.parent_key or 0
        model = self._model(parent)
        candidates = [
            e
            for e in self.elements.get(parent, ())
            if e.type == "CALL_ACTIVITY" and (model is None or model.calls(e.element) in ("", called.process_id))
        ]
        before = [e for e in candidates if start is None or e.start is None or e.start <= start + _CLOCK_TOLERANCE]
        return max(before or candidates, key=lambda e: e.key, default=None)

    def _model(self, instance: int) -> Model | None:
        found = self.instances.get(instance)
        return self.models.get(found.process_id) if found else None
