"""What goes into a call of tofu or terraform, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from workers.core.events import Event, EventSink
from workers.core.redaction import Redactor
from workers.core.values import JsonValue
from workers.execution.plan_markdown import PlanFacts
from workers.execution.process import Control


def ignore(event: Event) -> None:
    """The sink of somebody who does not listen."""


@dataclass(frozen=True)
class Call:
    """What goes with every call of the tool.

    Attributes:
        control: how it may be stopped.
        sink: takes its progress, secrets removed.
        env: environment variables on top of the allow-list.
        redactor: knows the secret values of this run.
        lock_timeout: how long to wait for the lock of the state.
        kept: the folder where the output of an apply stays under a name, see `workers.execution.kept`.
    """

    control: Control = field(default_factory=Control)
    sink: EventSink = ignore
    env: Mapping[str, str] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    lock_timeout: timedelta = timedelta(seconds=30)
    kept: Path | None = None


@dataclass(frozen=True)
class Planned:
    """A saved plan.

    Attributes:
        plan: the plan file. It has sensitive values in clear, unless tofu encrypts it.
        digest: its SHA-256.
        facts: what it says, nothing secret.
    """

    plan: bytes
    digest: str
    facts: PlanFacts
    seconds: float


@dataclass(frozen=True)
class Outputs:
    """The outputs of a stack: the values that may be shown, and those that may not."""

    outputs: dict[str, JsonValue]
    sensitive_outputs: dict[str, JsonValue] = field(repr=False)


@dataclass(frozen=True)
class Applied(Outputs):
    """What an apply has left."""

    seconds: float
