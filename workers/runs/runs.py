"""Runs: one record per attempt of a job, written before the work starts, when it starts and after it ends.

``RunState.may_become`` is the table of what may follow what; everything else is refused.

The engine delivers a job again after a time-out, a reported failure or a resolved incident, always under the same key.
`Runs.begin` says which of these it is and what follows from it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from workers.core.errors import StoreError
from workers.core.job import (
    Abandoned,
    BpmnErrorCode,
    Done,
    Failed,
    HandedBack,
    Job,
    Outcome,
    Refused,
    Stuck,
)
from workers.core.records import Run, RunState
from workers.core.values import JsonValue, now
from workers.runs.locks import FileLock, holder_of, is_held
from workers.runs.plugins import end_plugins_that_hold
from workers.runs.records import decode, encode, read_record
from workers.runs.store import Store

_ALIVE_DELAY: Final = 5


@dataclass(frozen=True)
class Begun:
    """A new attempt was recorded and may start; its lock is held."""

    run: Run
    lock: FileLock


@dataclass(frozen=True)
class Known:
    """This delivery starts nothing: the outcome is known already."""

    outcome: Outcome
    run: Run | None = None


@dataclass(frozen=True)
class Interrupted:
    """The attempt before this delivery died without a result. Its tool may have come to an end all the same."""

    run: Run


@dataclass(frozen=True)
class Runs:
    """The run records of all jobs.

    Args:
        store: where they are kept.
        locks: folder of this machine for the locks that running tools hold.
        worker: our name.
    """

    store: Store
    locks: Path
    worker: str

    async def begin(self, job: Job, stack: str, inputs: dict[str, JsonValue]) -> Begun | Known | Interrupted:
        """Record the first or next attempt, or say why there is none.

        Args:
            job: the job as delivered.
            stack: ``environment/name``, or empty.
            inputs: what the attempt works on, without secrets.
        """
        last = await self.latest(job.key)
        if last is None:
            return await self._create(job, 1, 1, stack, inputs)
        if not last.state.ended:
            return self._unfinished(last)
        if not last.reported:
            if last.state is RunState.INTERRUPTED:
                return Interrupted(last)
            if outcome := recorded_outcome(last):
                return Known(outcome, last)
        return await self._create(job, last.attempt + 1, 1, stack, inputs)

    async def begin_again(self, job: Job, interrupted: Run) -> Begun | Known:
        """Record the next attempt of work that may simply be repeated after an interruption."""
        await self.interrupt(interrupted)
        attempt, deliveries = interrupted.attempt + 1, interrupted.deliveries + 1
        return await self._create(job, attempt, deliveries, interrupted.stack, interrupted.inputs)

    async def start(self, run: Run) -> Run:
        """Record that the work of an attempt begins; before this nothing was done."""
        return await self._move(run.model_copy(update={"state": RunState.RUNNING, "started": now()}))

    async def interrupt(self, run: Run) -> None:
        """Record that an attempt has no end that anybody knows; one that has ended stays as it is."""
        if not run.state.ended:
            when = "before the work began" if run.state is RunState.CREATED else "while the work ran"
            update = {"state": RunState.INTERRUPTED, "ended": now(), "message": f"The worker died {when}."}
            await self._move(run.model_copy(update=update))

    def take_over(self, run: Run) -> FileLock | None:
        """The lock of a run that another worker began; None where that, or a tool of it, is still alive."""
        lock = FileLock(self.lock_path(run.id))
        return lock if lock.take(run.id, self.worker) else None

    async def finish(self, run: Run, outcome: Outcome, state: RunState | None = None) -> Run:
        """Record how an attempt ended.

        Raises:
            StoreError: it has ended already, or never started.
        """
        ended = run.model_copy(
            update={
                "state": state or _STATES[type(outcome)],
                "outcome": type(outcome).__name__.lower(),
                "code": outcome.code if isinstance(outcome, Refused) else "",
                "message": "" if isinstance(outcome, Done) else outcome.message,
                "result": dict(outcome.variables) if isinstance(outcome, Done | Refused) else {},
                "ended": now(),
            }
        )
        return await self._move(ended)

    async def mark_reported(self, job_key: int) -> None:
        """Note that the engine has taken the outcome of the job's last attempt."""
        last = await self.latest(job_key)
        if last is not None and last.state.ended and not last.reported:
            await self.store.write(_key(last), encode(last.model_copy(update={"reported": True})))

    async def find(self, run: str) -> Run | None:
        """The run of that id."""
        return await read_record(self.store, Run, f"runs/{run}/run.json")

    async def latest(self, job_key: int) -> Run | None:
        """The last attempt of a job."""
        newest = await self.store.read(f"jobs/{job_key}")
        return await self.find(newest.decode()) if newest else None

    async def each(self) -> AsyncIterator[Run]:
        """Every run, one after another in no order: for who keeps little of many."""
        for key in await self.store.keys("runs"):
            if key.endswith("/run.json") and (run := await read_record(self.store, Run, key)):
                yield run

    async def all(self) -> tuple[Run, ...]:
        """Every run, newest first."""
        return tuple(sorted([run async for run in self.each()], key=lambda run: run.created, reverse=True))

    def lock_path(self, run: str) -> Path:
        """The lock that a run's worker and its tools hold."""
        return self.locks / "runs" / run

    async def _create(
        self, job: Job, attempt: int, deliveries: int, stack: str, inputs: dict[str, JsonValue]
    ) -> Begun | Known:
        run = Run(
            id=f"{job.key}-{attempt}",
            job_type=job.type,
            job_key=job.key,
            attempt=attempt,
            element=job.element,
            element_instance=job.element_instance,
            process=job.process,
            process_instance=job.process_instance,
            stack=stack,
            worker=self.worker,
            retries=job.retries,
            state=RunState.CREATED,
            deliveries=deliveries,
            inputs=inputs,
            created=now(),
        )
        lock = FileLock(self.lock_path(run.id))
        if not lock.take(run.id, self.worker):
            return Known(HandedBack(f"Run {run.id} is being started by another worker.", _delay()))
        if not await self.store.create(_key(run), encode(run)):
            lock.free()
            # Where its worker died right there, nothing led to the run yet, and it would be met like this for ever.
            await self.store.write(f"jobs/{job.key}", run.id.encode())
            return Known(HandedBack(f"Run {run.id} was started by another worker.", _delay()))
        await self.store.write(f"jobs/{job.key}", run.id.encode())
        return Begun(run, lock)

    def _unfinished(self, last: Run) -> Known | Interrupted:
        path = self.lock_path(last.id)
        if is_held(path) and not (end_plugins_that_hold(path.resolve()) and not is_held(path)):
            holder = holder_of(path)
            return Known(HandedBack(f"Still running: {holder or last.id}.", _delay()))
        return Interrupted(last)

    async def _move(self, run: Run) -> Run:
        """Keep a run in its new state, where the state on record may become that one; whoever else changes it."""
        while True:
            content = await self.store.read(_key(run))
            if content is None:
                raise StoreError(f"The store has no run {run.id} any more.", "Was it removed by hand?")
            before = decode(Run, _key(run), content).state
            if not before.may_become(run.state):
                message = f"Run {run.id} is {before.value} and cannot become {run.state.value}."
                raise StoreError(message, "A person or another worker changed it meanwhile; the record stays as it is.")
            if await self.store.replace(_key(run), content, encode(run)):
                return run


def _key(run: Run) -> str:
    return f"runs/{run.id}/run.json"


def recorded_outcome(run: Run) -> Outcome | None:
    """The outcome of an ended run as it would be reported; None where a fresh attempt is the better answer."""
    if run.outcome == "done":
        return Done(run.result)
    if run.outcome == "refused":
        return Refused(BpmnErrorCode(run.code), run.message, run.result)
    if run.outcome == "stuck":
        return Stuck(run.message)
    return None


def _delay() -> timedelta:
    return timedelta(seconds=_ALIVE_DELAY)


_STATES: Final[dict[type, RunState]] = {
    Done: RunState.FINISHED,
    Refused: RunState.FAILED,
    Failed: RunState.FAILED,
    Stuck: RunState.FAILED,
    HandedBack: RunState.CANCELLED,
    Abandoned: RunState.CANCELLED,
}
