"""Our hold on a running job: renewed at a third of its timeout, lost only when the engine says so."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import timedelta
from typing import Final

from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Job
from workers.engine.errors import EngineBusyError, JobGoneError
from workers.engine.gateway import JobGateway
from workers.engine.observe import Observer, tell

_RENEWALS_PER_TIMEOUT: Final = 3
_RETRIES_PER_TIMEOUT: Final = 12
_LONGEST_RETRY_SECONDS: Final = 5.0


class Unread:
    """How long the jobs of one stream lay unread, by the engine's clock and ours, whatever lies between the two.

    The job that came soonest after its activation counts as read at once.
    """

    def __init__(self, timeout: timedelta) -> None:
        self._timeout = timeout.total_seconds()
        self._least = math.inf

    def seconds(self, job: Job) -> float:
        """So long ago was the job pushed. To be asked as soon as it is read."""
        since = time.monotonic() - (job.deadline - self._timeout)
        self._least = min(self._least, since)
        return since - self._least


class HeldLease:
    """The ``Lease`` of one job.

    An engine that does not answer loses us nothing by itself: renewal is tried again, faster. ``NOT_FOUND`` is how the
    engine says that the instance was cancelled (there is no push): it sets ``lost``. A refusal because the timeout
    had passed meanwhile is told, and renewal goes on: the engine takes the job's outcome all the same.
    """

    def __init__(
        self, gateway: JobGateway, job: Job, timeout: timedelta, draining: asyncio.Event, observer: Observer
    ) -> None:
        self._gateway = gateway
        self._job = job
        self._timeout = timeout
        self._draining = draining
        self._observer = observer
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(self._usual, self._begin)

    @property
    def lost(self) -> asyncio.Event:
        """Set when the engine no longer knows the job."""
        return self._lost

    @property
    def draining(self) -> asyncio.Event:
        """Set when the worker was asked to stop."""
        return self._draining

    def end(self) -> None:
        """Stop renewing: the outcome is reported."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    @property
    def _usual(self) -> float:
        return self._timeout.total_seconds() / _RENEWALS_PER_TIMEOUT

    @property
    def _soon(self) -> float:
        return min(self._timeout.total_seconds() / _RETRIES_PER_TIMEOUT, _LONGEST_RETRY_SECONDS)

    def _begin(self) -> None:
        """Most jobs end before their first renewal and never need a task for it."""
        self._task = asyncio.create_task(self._keep(), name=f"lease of job {self._job.key}")

    async def _keep(self) -> None:
        while not self._lost.is_set():  # noqa: ASYNC110 - the event ends the loop, the clock drives it
            await asyncio.sleep(await self._renew())

    async def _renew(self) -> float:
        """Renew once and return the seconds until the next time. Raises nothing: a lease must not die silently."""
        try:
            await self._gateway.extend(self._job.key, self._timeout)
        except JobGoneError:
            self._lost.set()
            tell(self._observer, "lease.lost", job=self._job.key)
        except (EngineUnavailableError, EngineBusyError):
            return self._soon
        except EngineError as error:
            tell(self._observer, "lease.refused", job=self._job.key, error=error)
        except Exception as error:  # noqa: BLE001 - told, and tried again
            tell(self._observer, "lease.refused", job=self._job.key, error=error)
            return self._soon
        else:
            tell(self._observer, "lease.renewed", job=self._job.key)
        return self._usual
