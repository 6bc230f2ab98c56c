"""All runs, newest first, kept in memory: an ended run that the engine has taken is read once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from workers.core.records import Run, RunState
from workers.runs.runs import Runs
from workers.runs.store import Nested, Store

_FRESH_SECONDS: Final = 1.0


@dataclass
class RunIndex:
    """The runs of the store.

    Args:
        store: where they are.
        runs: their records.
    """

    store: Store
    runs: Runs
    _known: dict[str, Run] = field(default_factory=dict)
    _looked: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def all(self) -> tuple[Run, ...]:
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
            if known is None or not (known.state.ended and known.reported):
                found = await self.runs.find(run)
                if found is not None:
                    self._known[run] = found

    async def _ids(self) -> tuple[str, ...]:
        if isinstance(self.store, Nested):
            return await self.store.children("runs")
        return tuple(key.split("/")[1] for key in await self.store.keys("runs") if key.endswith("/run.json"))
