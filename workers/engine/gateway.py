"""What the job loop needs of an engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from workers.core.job import Job
from workers.core.values import JsonValue


class JobGateway(Protocol):
    """The job side of the engine; ``ZeebeGateway`` is the real one.

    Every method raises ``EngineUnavailableError`` where nobody answers, ``EngineBusyError`` for backpressure,
    ``JobGoneError`` for an unknown job, ``EngineError`` for other refusals.
    """

    async def ready(self) -> bool:
        """Whether the engine is there and takes work."""
        ...

    async def activate(
        self,
        job_type: str,
        worker: str,
        max_jobs: int,
        timeout: timedelta,  # noqa: ASYNC109 - the engine's time limit, not ours
        request_timeout: timedelta,
    ) -> Sequence[Job]:
        """Take up to ``max_jobs`` jobs; wait up to ``request_timeout`` for the first (zero: do not wait)."""
        ...

    def stream(
        self,
        job_type: str,
        worker: str,
        timeout: timedelta,
    ) -> AsyncGenerator[Job]:
        """Jobs as the engine pushes them, when they come to be; none from before. Ends with the connection."""
        ...

    async def complete(self, job_key: int, variables: Mapping[str, JsonValue]) -> None:
        """Complete a job."""
        ...

    async def deny(self, job_key: int, reason: str) -> None:
        """Complete a task listener's job by denying what was to happen with its user task."""
        ...

    async def fail(self, job_key: int, retries: int, message: str, backoff: timedelta) -> None:
        """Fail a job; at zero retries it becomes an incident."""
        ...

    async def throw_error(self, job_key: int, code: str, message: str, variables: Mapping[str, JsonValue]) -> None:
        """Throw a BPMN error."""
        ...

    async def extend(self, job_key: int, timeout: timedelta) -> None:  # noqa: ASYNC109 - the engine's time limit
        """Renew our hold on a job."""
        ...
