"""What a tool tells while it runs: one event per line of a run's log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from workers.core.values import JsonValue, Record


class EventKind(StrEnum):
    """What an event is about."""

    STATUS = "status"  # the run itself: created, started, finished
    RESOURCE = "resource"  # progress of one Terraform resource
    TASK = "task"  # progress of one Ansible task on one host
    OUTPUT = "output"  # a line of the tool
    WARNING = "warning"
    ERROR = "error"


class Event(Record):
    """One line of a run's log, secrets already removed.

    Attributes:
        time: when, in UTC.
        kind: what it is about.
        text: the line for people.
        subject: the resource address, or ``host: task``; empty otherwise.
        state: where the subject is: started, running, ok, changed, skipped, failed, unreachable.
        data: machine-readable details, small.
    """

    time: datetime
    kind: EventKind
    text: str
    subject: str = ""
    state: str = ""
    data: dict[str, JsonValue] = {}


class EventSink(Protocol):
    """Where events go: a run's log, a terminal, a test's list."""

    def __call__(self, event: Event) -> None:
        """Take one event. Must not block for long and must not raise."""
        ...
