"""Telling the engine what came of a job, until it has answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Abandoned, Denied, Done, Failed, HandedBack, Job, Outcome, Refused, Stuck
from workers.core.values import JsonValue, canonical_json
from workers.engine.errors import EngineBusyError, JobGoneError
from workers.engine.gateway import JobGateway
from workers.engine.link import EngineLink, pause
from workers.engine.observe import Observer, tell

RESULT_LIMIT: Final = 100_000
"""Bytes of JSON that a job may give back. The engine rejects results of a few MB only after the work is done, and the
job then runs again with its retries untouched; references and summaries are far below this."""

_MESSAGE_LIMIT: Final = 4_000
_AT_ONCE: Final = timedelta()


class Reporter:
    """Sends outcomes. An unreachable or busy engine is asked again, forever; a rejection becomes an incident."""

    def __init__(self, gateway: JobGateway, link: EngineLink, observer: Observer) -> None:
        self._gateway = gateway
        self._link = link
        self._observer = observer

    async def report(self, job: Job, outcome: Outcome, started: float) -> None:
        """Report until the engine has answered. Raises nothing.

        Args:
            job: the job.
            outcome: what came of it.
            started: ``time.monotonic()`` when the work began.
        """
        attempt = 0
        current = _within_limits(job, outcome)
        while True:
            try:
                await self._send(job, current)
            except JobGoneError:
                tell(self._observer, "job.gone", job=job.key, type=job.type)
                return
            except (EngineUnavailableError, EngineBusyError) as error:
                await self._wait(job, error, attempt)
                attempt += 1
            except Exception as error:  # noqa: BLE001 - told, and turned into an incident
                tell(self._observer, "report.rejected", job=job.key, type=job.type, error=error)
                if isinstance(current, Stuck):
                    return
                current = Stuck(f"The engine rejected the outcome of the job ({type(outcome).__name__}): {error}")
            else:
                self._tell_reported(job, current, started)
                return

    async def give_back(self, job: Job) -> None:
        """Return a job that we cannot run now: at once, retries unchanged."""
        await self.report(job, HandedBack("No free slot in this worker; given back.", _AT_ONCE), time.monotonic())

    async def _wait(self, job: Job, error: EngineError, attempt: int) -> None:
        if isinstance(error, EngineUnavailableError):
            self._link.lose(error)
        tell(self._observer, "report.retried", job=job.key, type=job.type, error=error, attempt=attempt + 1)
        await asyncio.sleep(pause(attempt, first=0.1))

    async def _send(self, job: Job, outcome: Outcome) -> None:
        match outcome:
            case Done(variables=variables):
                await self._gateway.complete(job.key, variables)
            case Denied(message=message):
                await self._gateway.deny(job.key, _short(message))
            case Refused(code=code, message=message, variables=variables):
                await self._gateway.throw_error(job.key, code.value, _short(message), variables)
            case Failed(message=message, backoff=backoff):
                await self._gateway.fail(job.key, max(job.retries - 1, 0), _short(message), backoff)
            case HandedBack(message=message, delay=delay):
                await self._gateway.fail(job.key, job.retries, _short(message), delay)
            case Stuck(message=message):
                await self._gateway.fail(job.key, 0, _short(message), _AT_ONCE)
            case Abandoned():
                pass

    def _tell_reported(self, job: Job, outcome: Outcome, started: float) -> None:
        about = {"job": job.key, "type": job.type, "seconds": round(time.monotonic() - started, 3)}
        match outcome:
            case Done():
                tell(self._observer, "job.completed", **about)
            case Denied(message=message):
                tell(self._observer, "job.denied", message=message, **about)
            case Refused(code=code, message=message):
                tell(self._observer, "job.refused", code=code.value, message=message, **about)
            case Failed(message=message):
                tell(self._observer, "job.failed", retries=max(job.retries - 1, 0), message=message, **about)
            case HandedBack(message=message):
                tell(self._observer, "job.handed_back", message=message, **about)
            case Stuck(message=message):
                tell(self._observer, "job.failed", retries=0, message=message, **about)
            case Abandoned(message=message):
                tell(self._observer, "job.abandoned", message=message, **about)


def _within_limits(job: Job, outcome: Outcome) -> Outcome:
    """The outcome, or an incident in its place where its variables cannot or must not be sent."""
    if not isinstance(outcome, Done | Refused) or not outcome.variables:
        return outcome
    try:
        size = _size(outcome.variables)
    except (TypeError, ValueError) as error:
        return Stuck(f"The result of {job.type} is not JSON: {error}. Report this as a bug of its handler.")
    if size <= RESULT_LIMIT:
        return outcome
    return Stuck(
        f"The result of {job.type} has {size} bytes; at most {RESULT_LIMIT} are sent to the engine. "
        "Give back a reference or a summary instead; the work itself was done."
    )


def _size(variables: Mapping[str, JsonValue]) -> int:
    return len(canonical_json(dict(variables)))


def _short(message: str) -> str:
    return message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…"
