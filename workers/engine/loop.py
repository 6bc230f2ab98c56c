"""The job loop: takes jobs from the engine, runs their handlers, reports what came of it.

How many types share few slots without taking more than can run (docs/adr/ has the reasons and the measurements):

- **Watch.** A type without known demand has one long poll of minutes for one job, parked in the gateway, without a
  slot: hundreds of idle types cost next to nothing, and the first job arrives at once. If no slot is free for that
  job, it is given back at once, retries unchanged. So at most one job per type is ever out beyond the slots, for one
  round trip, once per busy spell. The type counts as in demand then, and when its job took the last slot, came while
  another one runs, or is one of several in quick succession.
- **Fetch.** A type in demand waits its turn for slots (``Slots``: in order of asking, in fair shares), reserves them
  first and then takes at most that many jobs, without waiting. An empty answer ends the demand: back to the watch.
- **Push.** For light types the engine pushes new jobs besides, which saves it the fetching. While no slot is free the
  stream is not read: gRPC's flow control then stops the engine, which leaves the jobs to those who poll.

A running job keeps its slot until its outcome is reported, except one that is handed back.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Final

from workers.core.errors import EngineUnavailableError
from workers.core.job import Job, JobWorker, Pool
from workers.engine.errors import EngineBusyError
from workers.engine.gateway import JobGateway
from workers.engine.lease import HeldLease, Unread
from workers.engine.link import EngineLink, Pace, pause, sleep_together
from workers.engine.observe import LogObserver, Observer, tell
from workers.engine.report import Reporter
from workers.engine.slots import Slots
from workers.engine.work import Work

_SHORTEST_WATCH: Final = 30.0
_LONGEST_WATCH: Final = 300.0
_WATCHES_PER_SECOND: Final = 4
_SOON_SECONDS: Final = 0.5
_SOON_IN_A_ROW: Final = 4
"""So many watches in a row that are answered so soon mean a backlog, even where each job ends before the next one."""
_QUICK_SECONDS: Final = 0.02
"""For so long the next poll waits for the job that a watch brought: a poll that finds nothing is a command for the
engine, and would be in the way of the job's own completion."""
_NEXT_SECONDS: Final = 0.003
"""For so long it then waits for the next job, which a client that asked for one after another asks for just then: the
first poll finds it, where an earlier one costs the engine a second command."""
_PUSHED: Final = Pool.LIGHT
_REOPEN_SECONDS: Final = 1.0
_NO_WAIT: Final = timedelta()
_BUSY_FETCHES: Final = 10
_FETCH_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 5.0


class JobLoop:
    """Serves job types until it is drained.

    Args:
        gateway: the engine.
        workers: the job types and their handlers; types are distinct.
        slots: how many jobs of each pool run at once.
        name: the name under which jobs are activated.
        observer: who is told; by default everything is logged and counted.
        push: let the engine push the jobs of light types.
    """

    def __init__(
        self,
        gateway: JobGateway,
        workers: Sequence[JobWorker],
        slots: Mapping[Pool, int],
        name: str,
        observer: Observer | None = None,
        *,
        push: bool = True,
    ) -> None:
        self._gateway = gateway
        self._push = push
        self._workers = tuple(workers)
        self._slots = {pool: Slots(count) for pool, count in slots.items()}
        self._name = name
        self._observer = observer or LogObserver()
        self._link = EngineLink(gateway, self._observer)
        self._reporter = Reporter(gateway, self._link, self._observer)
        self._pace = Pace()
        self._draining = asyncio.Event()
        self._stopped = asyncio.Event()
        self._running: dict[int, Work] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._fetching: set[asyncio.Task[None] | None] = set()
        self._soon: Counter[str] = Counter()
        self._returning: set[asyncio.Task[None]] = set()
        self._check()

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs that run or are being reported."""
        return tuple(work.job for work in self._running.values())

    @property
    def engine_lost(self) -> bool:
        """The engine did not answer lately."""
        return self._link.lost

    async def run(self) -> None:
        """Work until ``drain`` is done. Cancelled: handlers are cancelled too, reports under way get a few seconds."""
        tell(self._observer, "loop.started", types=len(self._workers), slots=self._capacities())
        for worker in self._workers:
            self._serving.add(asyncio.create_task(self._serve(worker, self._look), name=f"serve {worker.type}"))
            if self._pushed(worker):
                self._serving.add(asyncio.create_task(self._serve(worker, self._follow), name=f"follow {worker.type}"))
        try:
            await self._stopped.wait()
        except asyncio.CancelledError:
            self._draining.set()
            await self._cancel_running()
            raise
        finally:
            await self._end_serving()

    async def drain(self, timeout: timedelta) -> tuple[Job, ...]:  # noqa: ASYNC109 - a limit that must not cancel
        """Take no more jobs, let running ones end, and return those that still run after ``timeout``.

        Handlers see ``lease.draining`` at once. What still runs is left running; ``run`` returns.
        """
        tell(self._observer, "loop.draining", running=len(self._running))
        self._draining.set()
        deadline = time.monotonic() + timeout.total_seconds()
        await self._end_serving()
        while tasks := [work.task for work in self._running.values()] + list(self._returning):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            await asyncio.wait(tasks, timeout=left)
        self._stopped.set()
        return self.running

    async def _serve(self, worker: JobWorker, serve: Callable[[JobWorker], Awaitable[None]]) -> None:
        """Serve one type in one way until draining. Nothing else ends it: every error is told and waited out."""
        failures = 0
        while not self._draining.is_set():
            try:
                await self._link.wait()
                await serve(worker)
                failures = 0
            except EngineUnavailableError as error:
                self._link.lose(error)
            except EngineBusyError:
                tell(self._observer, "poll.busy", type=worker.type)
                await sleep_together(self._busy_pause(failures))
                failures += 1
            except Exception as error:  # noqa: BLE001 - the poll must not die silently
                tell(self._observer, "poll.failed", type=worker.type, error=error)
                await asyncio.sleep(pause(failures, first=0.5, longest=30))
                failures += 1

    async def _look(self, worker: JobWorker) -> None:
        """Watch, and fetch where there is demand."""
        if await self._watch(worker):
            await self._fetch_while_in_demand(worker)

    async def _follow(self, worker: JobWorker) -> None:
        """Take what the engine pushes, until the stream ends or is unread for too long; return when there is room.

        Jobs that lie unread are not renewed. We leave them before they could be with somebody else too.
        """
        slots, unread = self._slots[worker.pool], Unread(worker.timeout)
        async with aclosing(self._gateway.stream(worker.type, self._name, worker.timeout)) as jobs:
            async for job in jobs:
                patience = worker.timeout.total_seconds() / 2 - unread.seconds(job)
                if patience < 0 or not (slots.take() or await self._taken(slots, job, patience)):
                    tell(self._observer, "push.paused", type=worker.type)
                    break
                self._start(job, worker, slots)
        await asyncio.sleep(_REOPEN_SECONDS)
        slots.settle(await slots.reserve(1), 0)

    async def _taken(self, slots: Slots, job: Job, patience: float) -> bool:
        """Wait for a slot and take it. Where there is none in time, or the wait is cancelled, the job goes back."""
        taken = False
        try:
            async with asyncio.timeout(patience):
                slots.settle(await slots.reserve(1), 1)
                taken = True
        except TimeoutError:
            pass
        finally:
            if not taken:
                self._give_back(job)
        return taken

    async def _watch(self, worker: JobWorker) -> bool:
        """One long poll without a slot. True where there is demand: its job is hardly the only one.

        A fetch after every single job would be one more command for the engine, in the way of the next job.
        """
        await self._pace.wait()
        began = time.monotonic()
        jobs = await self._activate(worker, 1, self._watch_time())
        soon = bool(jobs) and time.monotonic() - began < _SOON_SECONDS
        self._soon[worker.type] = self._soon[worker.type] + 1 if soon else 0
        # What a stream does not bring was there before it, or was too much for it.
        slots, crowded = self._slots[worker.pool], soon and self._pushed(worker)
        for job in jobs:
            if not self._draining.is_set() and slots.take():
                crowded |= slots.free < 1 or bool(self._works(worker.type))
                self._start(job, worker, slots)
            else:
                crowded = True
                self._give_back(job)
        if not crowded and (works := self._works(worker.type)):
            await asyncio.wait(works, timeout=_QUICK_SECONDS)
            await asyncio.sleep(_NEXT_SECONDS)
        return crowded or (soon and self._soon[worker.type] % _SOON_IN_A_ROW == 0)

    def _pushed(self, worker: JobWorker) -> bool:
        return self._push and worker.pool is _PUSHED

    def _works(self, job_type: str) -> list[asyncio.Task[None]]:
        return [work.task for work in self._running.values() if work.job.type == job_type]

    async def _fetch_while_in_demand(self, worker: JobWorker) -> None:
        """Fetch until there is nothing left. A busy engine is asked again soon: there is work, and slots for it."""
        failures = 0
        while not self._draining.is_set():
            try:
                if not await self._fetch(worker):
                    return
                failures = 0
            except EngineBusyError:
                failures += 1
                if failures > _BUSY_FETCHES:
                    raise
                await asyncio.sleep(pause(failures, first=0.03, longest=0.5))

    async def _fetch(self, worker: JobWorker) -> bool:
        """Reserve slots and fill them. False where there was no job."""
        slots = self._slots[worker.pool]
        reserved = await slots.reserve()
        used = 0
        ours = asyncio.current_task()
        self._fetching.add(ours)
        try:
            jobs = await self._activate(worker, reserved, _NO_WAIT)
            used = min(len(jobs), reserved)
        finally:
            self._fetching.discard(ours)
            slots.settle(reserved, used)
        for job in jobs[:used]:
            self._start(job, worker, slots)
        for job in jobs[used:]:
            self._give_back(job)
        return bool(jobs)

    async def _activate(self, worker: JobWorker, count: int, hold: timedelta) -> Sequence[Job]:
        return await self._gateway.activate(worker.type, self._name, count, worker.timeout, hold)

    def _start(self, job: Job, worker: JobWorker, slots: Slots) -> None:
        """Start the work on a job whose slot is taken."""
        before = self._running.get(job.key)
        if before is not None and not before.settled:
            # Our hold had lapsed (the engine was away); taking the job again has renewed it, the work goes on.
            tell(self._observer, "job.redelivered", job=job.key, type=job.type)
            slots.release()
            return
        tell(self._observer, "job.activated", job=job.key, type=job.type)
        lease = HeldLease(self._gateway, job, worker.timeout, self._draining, self._observer)
        work = Work(job, worker.handler, lease, self._reporter, self._observer, slots.release, before)
        self._running[job.key] = work
        work.task.add_done_callback(lambda task: self._forget(work, task))

    def _forget(self, work: Work, task: asyncio.Task[None]) -> None:
        if self._running.get(work.job.key) is work:
            del self._running[work.job.key]
        if not task.cancelled() and (error := task.exception()) is not None:
            tell(self._observer, "job.crashed", job=work.job.key, type=work.job.type, error=error)

    def _give_back(self, job: Job) -> None:
        tell(self._observer, "job.given_back", job=job.key, type=job.type)
        task = asyncio.create_task(self._reporter.give_back(job), name=f"give back job {job.key}")
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    def _busy_pause(self, failures: int) -> float:
        """Longer for more types: a busy engine refuses parked polls too, and hundreds of them must not hammer it."""
        types = len(self._workers)
        return pause(failures, first=max(0.1, types / 200), longest=max(2.0, types / 20))

    def _watch_time(self) -> timedelta:
        """Longer for more types, so that re-opening the polls stays rare; spread out so that they do not align."""
        seconds = len(self._workers) / _WATCHES_PER_SECOND
        seconds = min(max(seconds, _SHORTEST_WATCH), _LONGEST_WATCH)
        return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311

    async def _end_serving(self) -> None:
        """End the polls: those that wait are cancelled, a fetch under way gets the time to bring in what it took."""
        for task in self._serving - self._fetching:
            task.cancel()
        for late in await _settle(self._serving, _FETCH_SECONDS):
            late.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _cancel_running(self) -> None:
        for work in self._running.values():
            work.cancel()
        reports = {work.task for work in self._running.values()} | self._returning
        for late in await _settle(reports, _STOP_SECONDS):
            late.cancel()

    def _capacities(self) -> dict[str, int]:
        return {pool.value: slots.capacity for pool, slots in self._slots.items()}

    def _check(self) -> None:
        types = [worker.type for worker in self._workers]
        twice = sorted({one for one in types if types.count(one) > 1})
        missing = sorted({worker.pool.value for worker in self._workers} - {pool.value for pool in self._slots})
        if twice or missing:
            raise ValueError(f"job types served twice: {twice}; pools without slots: {missing}")


async def _settle(tasks: set[asyncio.Task[None]], seconds: float) -> set[asyncio.Task[None]]:
    """Wait for tasks; return those that have not ended."""
    if not tasks:
        return set()
    return (await asyncio.wait(tasks, timeout=seconds))[1]
