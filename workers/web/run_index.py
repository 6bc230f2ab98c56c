"""A line for each run, newest first, kept in memory: an ended run that the engine has taken is read once.

A line takes a few hundred bytes, a whole record with inputs and result several thousand.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from workers.core.records import Run, RunState
from workers.runs.runs import Runs
from workers.runs.store import Nested, Store

_FRESH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class RunLine:
    """What lists show of a run; see `workers.core.records.Run`.

    Attributes:
        summary: of the plan that it made; empty for every other run.
        settled: it has ended and the engine has taken the outcome, so that nothing of it changes any more.
    """

    id: str
    job_type: str
    attempt: int
    stack: str
    process_instance: int
    state: RunState
    code: str
    message: str
    summary: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    settled: bool


def line_of(run: Run) -> RunLine:
    """The line of a run."""
    plan = run.result.get("plan")
    return RunLine(
        id=run.id,
        job_type=sys.intern(run.job_type),  # a few types, thousands of runs
        attempt=run.attempt,
        stack=run.stack,
        process_instance=run.process_instance,
        state=run.state,
        code=sys.intern(run.code),
        message=run.message,
        summary=str(plan.get("summary") or "") if isinstance(plan, dict) else "",
        created=run.created.astimezone(UTC),  # one time zone for all, where reading a record makes one for each time
        started=run.started and run.started.astimezone(UTC),
        ended=run.ended and run.ended.astimezone(UTC),
        settled=run.state.ended and run.reported,
    )


@dataclass
class RunIndex:
    """The runs of the store.

    Args:
        store: where they are.
        runs: their records.
    """

    store: Store
    runs: Runs
    _known: dict[str, RunLine] = field(default_factory=dict)
    _looked: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def all(self) -> tuple[RunLine, ...]:
        """Every run, newest first; at most a second old."""
        async with self._looking:
            if time.monotonic() - self._looked > _FRESH_SECONDS:
                await self._look()
                self._looked = time.monotonic()
        return tuple(sorted(self._known.values(), key=lambda run: run.created, reverse=True))

    async def busy_stacks(self) -> int:
        """How many stacks and hosts are being worked on."""
        running = (run for run in await self.all() if run.state is RunState.RUNNING)
        return len({subject for run in running for subject in run.stack.split()})

    async def _look(self) -> None:
        ids = set(await self._ids())
        for gone in self._known.keys() - ids:
            del self._known[gone]
        for run in ids:
            known = self._known.get(run)
            if known is None or not known.settled:
                found = await self.runs.find(run)
                if found is not None:
                    self._known[run] = line_of(found)

    async def _ids(self) -> tuple[str, ...]:
        if isinstance(self.store, Nested):
            return await self.store.children("runs")
        return tuple(key.split("/")[1] for key in await self.store.keys("runs") if key.endswith("/run.json"))
