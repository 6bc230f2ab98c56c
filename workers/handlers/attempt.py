"""One attempt of a job: recorded before it starts and after it ends, with its log, its locks and its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from workers.core.errors import (
    BusyError,
    ContractError,
    InputError,
    MissingToolError,
    SettingError,
    SluisError,
    StoreError,
    ToolError,
)
from workers.core.events import EventKind
from workers.core.job import (
    Abandoned,
    BpmnErrorCode,
    Done,
    Failed,
    HandedBack,
    Job,
    Lease,
    Outcome,
    Refused,
    Stuck,
)
from workers.core.records import Run, RunState
from workers.core.spans import Progress, note
from workers.core.values import JsonValue
from workers.execution.errors import EndUnknownError, StateLockedError, ToolInterruptedError
from workers.execution.kept import KeptOutput
from workers.execution.process import Control
from workers.handlers.context import Context
from workers.handlers.results import fitted
from workers.runs.locks import FileLock, holder_of
from workers.runs.log import RunLog
from workers.runs.runs import Begun, Interrupted
from workers.runs.shared_locks import SharedLock

T = TypeVar("T", bound=BaseModel)

_SHORT = 2000  # characters
_BUSY_DELAY = timedelta(seconds=5)
_RETRY_DELAY = timedelta(seconds=5)


@dataclass(frozen=True)
class Attempt:
    """What a piece of work gets to know about the attempt that it is.

    Attributes:
        stop: set when the engine gave the job up (cancelled instance).
        unlocked: set when a person has taken our lock away.
        descriptors: open locks, to be inherited by the tools.
        kept: where the output of the tool stays under a name until the run has ended; None where nobody takes it over.
    """

    job: Job
    run: Run
    log: RunLog
    stop: asyncio.Event
    unlocked: asyncio.Event
    descriptors: tuple[int, ...]
    grace: timedelta
    kept: Path | None = None

    def control(self, timeout: timedelta | None = None) -> Control:
        """How the tools of this attempt are stopped, timed out and locked."""
        return Control(stop=(self.stop, self.unlocked), grace=self.grace, timeout=timeout, inherit_fds=self.descriptors)


Work = Callable[[Attempt], Awaitable[Outcome]]
Ends = tuple[asyncio.Event, asyncio.Event]
"""What ends an attempt from outside: the engine gave the job up; a person took our lock away."""


@dataclass(frozen=True)
class Recorded:
    """A handler that records what it does.

    Args:
        context: what handlers work with.
        work: does it.
        failure: the BPMN error for trouble that trying again does not cure.
        subject: which stack or hosts the job is about (for the record and the locks); may raise InputError.
        repeatable: after an interruption the work may simply be done again (a plan, a check); where it may not
            (an apply), the model is told RUN_INTERRUPTED once the work had begun.
        locked: nothing else may work on the subject meanwhile.
        take_over: gives the outcome of work whose worker died and whose tool came to its end, from what the tool
            wrote; raises EndUnknownError where that does not show it.
    """

    context: Context
    work: Work
    failure: BpmnErrorCode
    subject: Callable[[Job], tuple[str, ...]]
    repeatable: bool = True
    locked: bool = True
    take_over: Work | None = None

    async def __call__(self, job: Job, lease: Lease) -> Outcome:
        """Do the job, or say what is known of it."""
        try:
            subjects = self.subject(job)
        except (InputError, SettingError) as error:
            return refused(self.failure, error)
        locks = [FileLock(lock_path(self.context, subject)) for subject in sorted(subjects)] if self.locked else []
        try:
            for lock in locks:
                if not lock.take(f"job {job.key}", self.context.runs.worker):
                    return HandedBack(f"{lock.path.stem} is busy: {holder_of(lock.path)}.", _BUSY_DELAY)
            async with self.context.shared_locks.hold(subjects if self.locked else (), f"job {job.key}") as hold:
                if hold.busy is not None:
                    return _held_elsewhere(hold.busy)
                return await self._begin(job, (lease.lost, hold.lost), subjects, locks)
        finally:
            for lock in locks:
                lock.free()

    async def _begin(self, job: Job, ends: Ends, subjects: tuple[str, ...], locks: list[FileLock]) -> Outcome:
        begun = await self.context.runs.begin(job, " ".join(subjects), shown(job.variables))
        if isinstance(begun, Interrupted):
            if not (self.repeatable or begun.run.state is RunState.CREATED):
                return await self._after_interruption(job, ends, begun.run, locks)
            if begun.run.deliveries >= self.context.max_deliveries:
                await self.context.runs.interrupt(begun.run)
                return Stuck(f"The worker died {begun.run.deliveries} times while doing this. See run {begun.run.id}.")
            if not self.repeatable:
                await self._tell_interrupted(begun.run)
            begun = await self.context.runs.begin_again(job, begun.run)
        if not isinstance(begun, Begun):
            return begun.outcome
        try:
            run = await self.context.runs.start(begun.run)
            return await self._run(job, ends, run, [begun.lock, *locks], self.work)
        finally:
            begun.lock.free()

    async def _after_interruption(self, job: Job, ends: Ends, run: Run, locks: list[FileLock]) -> Outcome:
        """Take over what the dead worker's tool has done where it shows; else tell the model that nobody knows."""
        if self.take_over is None or run.state.ended or self._kept.find(run.id) is None:
            await self.context.runs.interrupt(run)
            await self._tell_interrupted(run)
            return _interrupted(run)
        lock = self.context.runs.take_over(run)
        if lock is None:
            return HandedBack(f"Run {run.id} is being taken over by another worker.", _BUSY_DELAY)
        try:
            return await self._run(job, ends, run, [lock, *locks], self.take_over)
        finally:
            lock.free()

    @property
    def _kept(self) -> KeptOutput:
        return KeptOutput(self.context.data)

    async def _tell_interrupted(self, run: Run) -> None:
        for subject in run.stack.split():
            await self.context.audit.add(subject, self.context.runs.worker, "interrupted", run=run.id)

    async def _run(self, job: Job, ends: Ends, run: Run, locks: list[FileLock], work: Work) -> Outcome:
        structlog.contextvars.bind_contextvars(run=run.id, stack=run.stack)
        note({"sluis.run": run.id, "sluis.stack": run.stack, "sluis.attempt": run.attempt})
        descriptors = tuple(lock.descriptor for lock in locks)
        folder = self._kept.keep(run.id) if self.take_over else None
        async with RunLog(self.context.store, run.id, Progress()) as log:
            how = "taken over" if work is self.take_over else "started"
            log.say(f"{job.type} {how}", element=job.element, attempt=run.attempt)
            attempt = Attempt(job, run, log, ends[0], ends[1], descriptors, self.context.grace, folder)
            worked, state = await self._outcome(attempt, work)
            outcome = await fitted(self.context.store, run.id, worked)
            kind = EventKind.STATUS if isinstance(outcome, Done) else EventKind.ERROR
            log.say(f"{job.type} ended: {_words(outcome)}", kind)
        await self._finish(run, outcome, state)
        return outcome

    async def _finish(self, run: Run, outcome: Outcome, state: RunState | None = None) -> None:
        await self.context.runs.finish(run, outcome, state)
        self._kept.drop(run.id)

    async def _outcome(self, attempt: Attempt, work: Work) -> tuple[Outcome, RunState | None]:
        try:
            return await work(attempt), None
        except SluisError as error:
            return self._of_error(attempt, error)
        except asyncio.CancelledError:
            await self._finish(attempt.run, Abandoned("The worker was stopped."), RunState.INTERRUPTED)
            raise
        except Exception as error:
            reason = f"Unexpected {type(error).__name__}: {error}"
            attempt.log.say(reason, EventKind.ERROR)
            await self._finish(attempt.run, Failed(reason))
            raise

    def _of_error(self, attempt: Attempt, error: SluisError) -> tuple[Outcome, RunState | None]:
        """What an error means for the job, and the run's state where the outcome does not say it."""
        run = attempt.run.id
        if isinstance(error, EndUnknownError):
            return _interrupted(attempt.run), RunState.INTERRUPTED
        if isinstance(error, ToolInterruptedError):
            state = RunState.STATE_UNKNOWN if error.killed else RunState.CANCELLED
            if attempt.stop.is_set():
                return Abandoned(str(error)), state
            if self.repeatable and not error.timed_out and attempt.job.retries > 1:
                return Failed(f"{error} (run {run})", _RETRY_DELAY), state
            return refused(self.failure, error, run), state
        if isinstance(error, StateLockedError | BusyError):
            return HandedBack(str(error), _BUSY_DELAY), None
        if isinstance(error, MissingToolError | ContractError | StoreError):
            return Stuck(f"{error} (run {run})"), None
        if isinstance(error, ToolError) and self.repeatable and attempt.job.retries > 1:
            return Failed(f"{error} (run {run})", _RETRY_DELAY), None
        return refused(self.failure, error, run), None


def _held_elsewhere(lock: SharedLock) -> Outcome:
    """A lock of another machine is waited for while its holder renews it; afterwards it is for people to judge."""
    if lock.fresh:
        return HandedBack(f"{lock.subject} is busy: {lock}.", _BUSY_DELAY)
    return Stuck(
        f"{lock.subject} is locked by {lock}, which has not renewed it for long. Make sure that its tool has ended, "
        f"say `sluis stack unlock {lock.subject}`, and resolve this incident."
    )


def lock_path(context: Context, subject: str) -> Path:
    """The lock of a stack (``environment/name``) or of a host (``environment/host:name``)."""
    return context.data / "locks" / "stacks" / f"{subject}.lock"


def parse(kind: type[T], job: Job, subject: str) -> T:
    """The job's variables as a typed request; variables that it does not name are ignored.

    Raises:
        InputError: one is missing or of the wrong type; every one is named.
    """
    names = (field.alias or name for name, field in kind.model_fields.items())
    wanted = {name: job.variables[name] for name in names if job.variables.get(name) is not None}
    try:
        return kind.model_validate(wanted)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(subject, tuple(problems)) from error


def refused(code: BpmnErrorCode, error: SluisError | str, run: str = "", **more: JsonValue) -> Refused:
    """A BPMN error with the variable ``failure`` that the models show to people."""
    message = str(error)
    failure: dict[str, JsonValue] = {"code": code.value, "message": message[:_SHORT], "run": run, **more}
    return Refused(code, message, {"failure": failure})


def shown(variables: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Job variables as they are kept with the run: short values; of inputs, which may be secret, only the names."""
    short = {name: value for name, value in variables.items() if len(str(value)) <= _SHORT}
    return {name: _names_only(value) if name in ("inputs", "configure") else value for name, value in short.items()}


def _names_only(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_names_only(item) for item in value]
    if isinstance(value, dict):
        return {name: item if name == "role" else "…" for name, item in value.items()}
    return "…"


def _interrupted(run: Run) -> Refused:
    text = f"The worker died during run {run.id}, so it is not known how far it came."
    return refused(BpmnErrorCode.RUN_INTERRUPTED, text, run.id)


def _words(outcome: Outcome) -> str:
    return "done" if isinstance(outcome, Done) else f"{type(outcome).__name__.lower()}: {outcome.message}"
