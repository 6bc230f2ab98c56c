"""The bound on what runs at once in one pool, and fair turns for those who wait for room."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import Final

_GATHER_SECONDS_PER_SLOT: Final = 0.0005
"""How long freed slots are gathered, for each slot of the pool: one activation for many jobs costs the engine little
more than one for one job, and where jobs are quick, a third of the pool comes together (figures: ADR 2). A pool of a
few slots hardly waits."""


class Slots:
    """``capacity`` slots; each is free, reserved by an activation under way, or taken by a job.

    Never more than ``capacity`` are reserved and taken together. Who waits is served in the order of asking and gets
    an equal share of what is free, so that many job types share a pool fairly.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.taken = 0
        self.reserved = 0
        self._waiting: deque[tuple[asyncio.Future[int], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def free(self) -> int:
        """Slots that nobody holds."""
        return self.capacity - self.taken - self.reserved

    def take(self) -> bool:
        """Take a slot without reservation; False where none is free or others wait for it."""
        if self.free < 1 or self._waiting:
            return False
        self.taken += 1
        return True

    async def reserve(self, most: int = sys.maxsize) -> int:
        """Wait for room and reserve a fair share of it, at most ``most``; follow with ``settle``."""
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, most))
        self._serve_soon()
        try:
            return await turn
        except asyncio.CancelledError:
            self._withdraw(turn)
            raise

    def settle(self, reserved: int, used: int) -> None:
        """End a reservation: ``used`` slots of it become taken, the rest is free again."""
        self.reserved -= reserved
        self.taken += used
        self._serve_soon()

    def release(self) -> None:
        """A taken slot is free again."""
        self.taken -= 1
        self._serve_soon()

    def _withdraw(self, turn: asyncio.Future[int]) -> None:
        if turn.done() and not turn.cancelled():
            self.settle(turn.result(), 0)
        else:
            self._waiting = deque(waiting for waiting in self._waiting if waiting[0] is not turn)

    def _serve_soon(self) -> None:
        """Serve those who wait: now where a third is free, else after a moment in which more may become free."""
        if not self._waiting or self.free < 1:
            return
        if self.free * 3 >= self.capacity:
            self._serve()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS_PER_SLOT * self.capacity, self._serve)

    def _serve(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self.free > 0:
            turn, most = self._waiting.popleft()
            if not turn.done():
                share = min(most, max(1, self.free // (len(self._waiting) + 1)))
                self.reserved += share
                turn.set_result(share)
