"""One job at work: its handler, its lease, its slot, its report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from workers.core.errors import EngineUnavailableError, SluisError
from workers.core.job import Abandoned, Denied, Done, Failed, HandedBack, Handler, Job, Outcome, Refused, Stuck
from workers.engine.lease import HeldLease
from workers.engine.observe import Observer, tell
from workers.engine.report import Reporter

_FIRST_PATIENCE: Final = timedelta(seconds=20)
_LAST_PATIENCE: Final = timedelta(seconds=120)
_LAST_BUT_ONE: Final = 2


class Work:
    """The work on one delivery of one job; starts by itself.

    Attributes:
        job: the job.
        task: ends when the outcome is reported.
        settled: the handler has ended; the outcome is known and being reported.
    """

    def __init__(
        self,
        job: Job,
        handler: Handler,
        lease: HeldLease,
        reporter: Reporter,
        observer: Observer,
        release: Callable[[], None],
        before: Work | None = None,
    ) -> None:
        self.job = job
        self._handler = handler
        self._lease = lease
        self._reporter = reporter
        self._observer = observer
        self._release: Callable[[], None] | None = release
        self._outcome: Outcome | None = None
        self.task = asyncio.create_task(self._run(before), name=f"job {job.key} {job.type}")

    @property
    def settled(self) -> bool:
        """The handler has ended."""
        return self._outcome is not None

    def cancel(self) -> None:
        """Cut the handler off; a report under way goes on."""
        if not self.settled:
            self.task.cancel()

    async def _run(self, before: Work | None) -> None:
        started = time.monotonic()
        structlog.contextvars.bind_contextvars(process_instance=self.job.process_instance)  # of this task only
        try:
            if before is not None and await _was_final(before):
                return
            self._outcome = await self._handle()
            if isinstance(self._outcome, HandedBack):
                self._free()
            await self._reporter.report(self.job, self._outcome, started)
        finally:
            self._lease.end()
            self._free()

    async def _handle(self) -> Outcome:
        """What the handler says, or what its exception amounts to. Only our own cancellation passes through."""
        try:
            outcome = await self._handler(self.job, self._lease)
        except EngineUnavailableError as error:
            return Failed(str(error), _patience(self.job.retries))
        except SluisError as error:
            return Failed(str(error))
        except asyncio.CancelledError as error:
            if _cancelled_by_us():
                tell(self._observer, "job.abandoned", job=self.job.key, type=self.job.type, message="cancelled")
                raise
            return self._crash(error)
        except Exception as error:  # noqa: BLE001 - told with its traceback
            return self._crash(error)
        if not isinstance(outcome, Denied | Done | Failed | HandedBack | Refused | Stuck | Abandoned):
            return self._crash(TypeError(f"the handler returned {type(outcome).__name__}, which is no outcome"))
        return outcome

    def _crash(self, error: BaseException) -> Failed:
        tell(self._observer, "job.crashed", job=self.job.key, type=self.job.type, error=error)
        return Failed(f"{type(error).__name__} in the worker for {self.job.type}. The worker's log has the details.")

    def _free(self) -> None:
        if self._release is not None:
            release, self._release = self._release, None
            release()


def _patience(retries: int) -> timedelta:
    """How long to let an engine be whose search does not answer: with three retries over two minutes in all."""
    return _FIRST_PATIENCE if retries > _LAST_BUT_ONE else _LAST_PATIENCE


def _cancelled_by_us() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _was_final(before: Work) -> bool:
    """Wait until the delivery before this one is reported. True where that ended the job: there is nothing to do."""
    await asyncio.wait({before.task})
    return not isinstance(before._outcome, Failed | HandedBack | Stuck)  # noqa: SLF001 - of the same class
