# ruff: noqa: ASYNC109, ASYNC110 - the timeouts are the protocol's; polling is what `until` is for
"""An engine's job side in memory: our own ``JobGateway`` protocol, for tests of the loop's logic and races."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from workers.core.errors import EngineUnavailableError
from workers.core.job import Done, Job, Lease, Outcome
from workers.core.values import JsonValue
from workers.engine.errors import JobGoneError

_OTHER_CLOCK = 1_000_000


@dataclass
class MemoryGateway:
    """Keeps jobs by type, hands them out, remembers what was reported.

    ``down`` makes every call fail as an engine that is not there; ``trouble`` gives, per method, errors to raise
    first, one per call.
    """

    down: bool = False
    queued: dict[str, deque[Job]] = field(default_factory=lambda: defaultdict(deque))
    active: dict[int, Job] = field(default_factory=dict)
    completed: dict[int, Mapping[str, JsonValue]] = field(default_factory=dict)
    failed: list[tuple[int, int, str, timedelta]] = field(default_factory=list)
    thrown: list[tuple[int, str, str, Mapping[str, JsonValue]]] = field(default_factory=list)
    denied: list[tuple[int, str]] = field(default_factory=list)
    extended: list[int] = field(default_factory=list)
    trouble: dict[str, deque[Exception]] = field(default_factory=lambda: defaultdict(deque))
    most_active: int = 0
    unread: int = 2
    polls: int = 0
    streams: dict[str, list[asyncio.Queue[Job | Exception | None]]] = field(default_factory=lambda: defaultdict(list))
    _keys: int = 0
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, job_type: str, count: int = 1, retries: int = 3) -> list[int]:
        """Queue jobs; those who wait for them are woken."""
        keys = []
        for _ in range(count):
            self._keys += 1
            self.queued[job_type].append(make_job(self._keys, job_type, retries))
            keys.append(self._keys)
        async with self._arrived:
            self._arrived.notify_all()
        return keys

    def cancel(self, key: int) -> None:
        """Forget a job, as when its instance is cancelled."""
        self.active.pop(key, None)

    async def redeliver(self, key: int) -> None:
        """Let our hold on a job lapse: it may be taken again, by anybody."""
        job = self.active[key]
        self.queued[job.type].append(job)
        async with self._arrived:
            self._arrived.notify_all()

    async def push(self, job_type: str, count: int = 1, retries: int = 3) -> list[int]:
        """New jobs, pushed to an open stream, or queued where there is none or as many lie in it unread as it takes."""
        keys = []
        for _ in range(count):
            stream = next((one for one in self.streams[job_type] if one.qsize() < self.unread), None)
            if stream is None:
                keys += await self.add(job_type, 1, retries)
                continue
            self._keys += 1
            keys.append(self._keys)
            job = replace(make_job(self._keys, job_type, retries), deadline=time.monotonic() + _OTHER_CLOCK)
            self.active[self._keys] = job
            stream.put_nowait(job)
            await asyncio.sleep(0.001)
        return keys

    async def stream(self, job_type: str, worker: str, timeout: timedelta) -> AsyncGenerator[Job]:
        self._check("stream")
        pushed: asyncio.Queue[Job | Exception | None] = asyncio.Queue()
        self.streams[job_type].append(pushed)
        try:
            while (job := await pushed.get()) is not None:
                if isinstance(job, Exception):
                    raise job
                yield job
        finally:
            self.streams[job_type].remove(pushed)

    async def ready(self) -> bool:
        self._check("ready")
        return True

    async def activate(
        self, job_type: str, worker: str, max_jobs: int, timeout: timedelta, request_timeout: timedelta
    ) -> list[Job]:
        self.polls += 1
        self._check("activate")
        if not self.queued[job_type] and request_timeout > timedelta():
            await self._wait_for(job_type, request_timeout)
        self._check("activate")
        jobs = [self.queued[job_type].popleft() for _ in range(min(max_jobs, len(self.queued[job_type])))]
        self.active |= {job.key: job for job in jobs}
        self.most_active = max(self.most_active, len(self.active))
        await asyncio.sleep(0)
        return jobs

    async def _wait_for(self, job_type: str, request_timeout: timedelta) -> None:
        async def arrival() -> None:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self.queued[job_type] or self.down)

        try:
            await asyncio.wait_for(arrival(), request_timeout.total_seconds())
        except TimeoutError:
            return

    async def stop(self) -> None:
        """The engine goes away; parked polls fail."""
        self.down = True
        async with self._arrived:
            self._arrived.notify_all()

    async def complete(self, job_key: int, variables: Mapping[str, JsonValue]) -> None:
        self._take("complete", job_key)
        self.completed[job_key] = variables

    async def deny(self, job_key: int, reason: str) -> None:
        self._take("deny", job_key)
        self.denied.append((job_key, reason))

    async def fail(self, job_key: int, retries: int, message: str, backoff: timedelta) -> None:
        job = self._take("fail", job_key)
        self.failed.append((job_key, retries, message, backoff))
        if retries > 0:
            self.queued[job.type].append(replace(job, retries=retries))
            async with self._arrived:
                self._arrived.notify_all()

    async def throw_error(self, job_key: int, code: str, message: str, variables: Mapping[str, JsonValue]) -> None:
        self._take("throw_error", job_key)
        self.thrown.append((job_key, code, message, variables))

    async def extend(self, job_key: int, timeout: timedelta) -> None:
        self._check("extend")
        if job_key not in self.active:
            raise JobGoneError(f"job {job_key} is unknown")
        self.extended.append(job_key)

    def _take(self, method: str, key: int) -> Job:
        self._check(method)
        if key not in self.active:
            raise JobGoneError(f"job {key} is unknown")
        return self.active.pop(key)

    def _check(self, method: str) -> None:
        if self.trouble[method]:
            raise self.trouble[method].popleft()
        if self.down:
            raise EngineUnavailableError("nobody answers")


class Recorder:
    """An observer that keeps every event."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, /, **fields: object) -> None:
        self.events.append((name, fields))

    def count(self, name: str) -> int:
        return sum(one == name for one, _ in self.events)


class Gate:
    """A handler that waits until it is opened, and counts how many run at once."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.open = asyncio.Event()
        self.started: list[Job] = []
        self.ended: list[Job] = []
        self.leases: dict[int, Lease] = {}
        self.most = 0
        self._outcome = outcome or Done()

    async def __call__(self, job: Job, lease: Lease) -> Outcome:
        self.started.append(job)
        self.leases[job.key] = lease
        self.most = max(self.most, self.running)
        await self.open.wait()
        self.ended.append(job)
        return self._outcome

    @property
    def running(self) -> int:
        """How many run now."""
        return len(self.started) - len(self.ended)

    @property
    def order(self) -> list[int]:
        """The keys of the jobs, as they began."""
        return [job.key for job in self.started]


async def at_once(job: Job, lease: Lease) -> Outcome:
    """A handler that has nothing to do."""
    return Done()


def make_job(key: int, job_type: str = "t", retries: int = 3) -> Job:
    """A job with made-up surroundings."""
    return Job(
        key=key,
        type=job_type,
        process_instance=key + 1000,
        element_instance=key + 2000,
        element="Task_Work",
        process="Work",
        process_version=1,
        retries=retries,
    )


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until the condition holds; fail after the given seconds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
