"""A job as the engine hands it out, the lease on it, and what can come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from workers.core.values import JsonValue


@dataclass(frozen=True)
class ListenedTask:
    """The user task that a task listener's job is about; engines from 8.8 have task listeners.

    Attributes:
        key: the user task's key.
        assignee: who has claimed it; empty where nobody has.
    """

    key: int
    assignee: str = ""


@dataclass(frozen=True)
class Job:
    """One activated job.

    Attributes:
        key: the engine's key; the same for every retry and for every delivery.
        type: job type, e.g. ``terraform.local_host.plan``.
        process_instance: key of the instance that the job's element belongs to (a called block has its own).
        element_instance: key of this execution of the element; a new pass of a loop has a new one.
        element: id of the BPMN element.
        process: id of the BPMN process.
        process_version: version of the deployed process.
        retries: retries that are left, this one included.
        worker: the name under which we activated it.
        headers: task headers of the model.
        variables: the process variables visible to the job.
        user_task: what a task listener listens to; None for every other job.
        deadline: when our hold on it lapses unless it is renewed, in seconds of the engine's clock.
    """

    key: int
    type: str
    process_instance: int
    element_instance: int
    element: str
    process: str
    process_version: int
    retries: int
    worker: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    user_task: ListenedTask | None = None
    deadline: float = 0.0


class Lease(Protocol):
    """Our hold on a running job, renewed by the job loop while the work runs."""

    @property
    def lost(self) -> asyncio.Event:
        """Set when the engine no longer knows the job: the instance was cancelled. Work has to wind down."""
        ...

    @property
    def draining(self) -> asyncio.Event:
        """Set when the worker was asked to stop (SIGTERM)."""
        ...


class BpmnErrorCode(StrEnum):
    """The outcomes that models can catch. Each has an entry in docs/reference/bpmn-errors.md."""

    REQUEST_INVALID = "REQUEST_INVALID"
    PLAN_STALE = "PLAN_STALE"
    PLAN_FAILED = "PLAN_FAILED"
    POLICY_DENIED = "POLICY_DENIED"
    CHANGE_REJECTED = "CHANGE_REJECTED"
    APPLY_FAILED = "APPLY_FAILED"
    RUN_INTERRUPTED = "RUN_INTERRUPTED"
    HOST_FAILED = "HOST_FAILED"
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    PROBE_FAILED = "PROBE_FAILED"
    ARTIFACT_REFUSED = "ARTIFACT_REFUSED"
    SCAN_FAILED = "SCAN_FAILED"


@dataclass(frozen=True)
class Done:
    """The work is done.

    Attributes:
        variables: what the job gives back to the process: references and summaries, never logs or secrets.
    """

    variables: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """Transient trouble: try again later, with one retry fewer. At zero retries it becomes an incident."""

    message: str
    backoff: timedelta = timedelta(seconds=5)


@dataclass(frozen=True)
class HandedBack:
    """Nothing was started (a busy stack, a full pool): deliver the job again later, retries unchanged."""

    message: str
    delay: timedelta = timedelta(seconds=5)


@dataclass(frozen=True)
class Refused:
    """An outcome that the model knows: a BPMN error.

    Attributes:
        code: what an error boundary event catches.
        message: a sentence fit for people.
        variables: what the model needs at the boundary (the engine does not pass the message on).
    """

    code: BpmnErrorCode
    message: str
    variables: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Stuck:
    """Needs a person: an incident with the reason; resolving it in Operate is a new attempt."""

    message: str


@dataclass(frozen=True)
class Abandoned:
    """The engine no longer knows the job (cancelled instance) or we are draining: nothing is reported."""

    message: str


@dataclass(frozen=True)
class Denied:
    """Only for task listeners: what somebody is about to do with the user task does not happen, and they read why."""

    message: str


Outcome = Denied | Done | Failed | HandedBack | Refused | Stuck | Abandoned

Handler = Callable[[Job, Lease], Awaitable[Outcome]]
"""From a job to an outcome. Knows no gRPC and no HTTP. May raise: the loop turns a SluisError into ``Failed``."""


class Pool(StrEnum):
    """A kind of work with its own bound on how much of it runs at once."""

    TERRAFORM = "terraform"
    ANSIBLE = "ansible"
    LIGHT = "light"


@dataclass(frozen=True)
class JobWorker:
    """A job type with the handler that serves it.

    Attributes:
        type: the job type.
        handler: does the work.
        pool: which bound on running jobs it counts against.
        timeout: how long the engine leaves a job with us before it hands it to somebody else; renewed at a third.
    """

    type: str
    handler: Handler
    pool: Pool = Pool.LIGHT
    timeout: timedelta = timedelta(seconds=60)
