"""A job that came without a slot, and waits for one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from workers.core.job import HandedBack, Handler, Job, Lease, Outcome
from workers.engine.slots import Slots


class Turn:
    """The turn of one job: its handler begins when it has a slot. Its lease is renewed meanwhile, as any job's."""

    def __init__(self, slots: Slots, handler: Handler) -> None:
        self._slots = slots
        self._handler = handler
        self._turn = slots.ask(1)
        self._begun = False

    async def work(self, job: Job, lease: Lease) -> Outcome:
        """Wait for the slot and do the work; go back to the engine where the worker is to stop before that."""
        ends: list[asyncio.Future[Any]] = [asyncio.ensure_future(one.wait()) for one in (lease.draining, lease.lost)]
        try:
            await asyncio.wait([self._turn, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if not self._turn.done():
            return HandedBack("The worker stops, or the job is gone, before it had a slot.", timedelta())
        self._slots.settle(1, 1)
        self._begun = True
        return await self._handler(job, lease)

    def leave(self) -> None:
        """Give back the slot, or the place in the queue for one."""
        if self._begun:
            self._slots.release()
        else:
            self._slots.withdraw(self._turn)
