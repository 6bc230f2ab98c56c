"""What can be seen of a process while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workers.core.events import Event
from workers.core.records import Run
from workers.core.values import JsonValue, now

GOOD_STATE: Final = "COMPLETED"


@dataclass(frozen=True)
class Step:
    """One execution of one step of the process or of a process that it called.

    Attributes:
        key: the engine's key of this execution.
        name: name of the step in the model.
        path: names of the steps and sub-processes that it lies in, outermost first.
        state: ACTIVE, COMPLETED or TERMINATED.
    """

    key: int
    element: str
    name: str
    type: str
    process_instance: int
    path: tuple[str, ...]
    state: str
    start: datetime | None
    end: datetime | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return max(((self.end or now()) - self.start).total_seconds(), 0) if self.start else 0.0

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json`` and for results."""
        return {
            "step": self.name,
            "path": list(self.path),
            "element": self.element,
            "type": self.type,
            "instance": self.process_instance,
            "state": self.state,
            "start": self.start.isoformat() if self.start else None,
            "end": self.end.isoformat() if self.end else None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class StepBegan:
    """A step was entered."""

    step: Step

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {"happening": "step-began", **self.step.as_json()}


@dataclass(frozen=True)
class StepEnded:
    """A step was left."""

    step: Step

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {"happening": "step-ended", **self.step.as_json()}


@dataclass(frozen=True)
class ToolSaid:
    """A tool that works for a step told something."""

    run: Run
    event: Event

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {"happening": "tool-said", "run": self.run.id, **self.event.model_dump(mode="json")}


@dataclass(frozen=True)
class ApprovalWaits:
    """People are asked to decide; said once for each task."""

    task: int
    step: Step
    groups: tuple[str, ...]
    address: str

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "happening": "approval-waits", "task": self.task, "groups": list(self.groups), "tasklist": self.address,
            **self.step.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class IncidentFound:
    """Something waits for a person."""

    key: int
    name: str
    type: str
    message: str
    address: str

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "happening": "incident", "incident": self.key, "step": self.name, "type": self.type,
            "message": self.message, "operate": self.address,
        }  # fmt: skip


@dataclass(frozen=True)
class EngineSilent:
    """The engine does not answer; we go on asking."""

    message: str

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {"happening": "engine-silent", "message": self.message}


@dataclass(frozen=True)
class Ended:
    """The process has ended.

    Attributes:
        state: COMPLETED or CANCELED.
        end: name of the end event that was reached; empty where none was.
        good: it is completed, at an end that is reached without an error on the way.
    """

    instance: int
    process: str
    state: str
    end: str
    good: bool
    seconds: float

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "happening": "ended", "instance": self.instance, "process": self.process, "state": self.state,
            "end": self.end, "good": self.good, "seconds": round(self.seconds, 3),
        }  # fmt: skip


Happening = StepBegan | StepEnded | ToolSaid | ApprovalWaits | IncidentFound | EngineSilent | Ended
