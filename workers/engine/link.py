"""Whether the engine is there: said once when it is lost, once when it is back; asked by one, not by hundreds."""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import Final

from workers.core.errors import EngineError
from workers.engine.gateway import JobGateway
from workers.engine.observe import Observer, tell

_FIRST_SECONDS: Final = 0.25
_LONGEST_SECONDS: Final = 10.0
_TOGETHER_SECONDS: Final = 0.1


def pause(attempt: int, first: float = _FIRST_SECONDS, longest: float = _LONGEST_SECONDS) -> float:
    """Seconds to wait after the given failed attempt (0 is the first): doubling, capped, with jitter."""
    return float(min(first * 2 ** min(attempt, 20), longest) * random.uniform(0.7, 1.3))  # noqa: S311


async def sleep_together(seconds: float) -> None:
    """Sleep for at least so long, and wake with all who are due in the same tenth of a second.

    Ten polls opened at once cost 0.26 ms each, one by one 0.65 (measured): our loop, and gRPC's, wake up once for all.
    """
    now = time.monotonic()
    await asyncio.sleep(math.ceil((now + seconds) / _TOGETHER_SECONDS) * _TOGETHER_SECONDS - now)


class EngineLink:
    """The state of the connection, shared by all who poll."""

    def __init__(self, gateway: JobGateway, observer: Observer) -> None:
        self._gateway = gateway
        self._observer = observer
        self._asking = asyncio.Lock()
        self._lost_at: float | None = None

    @property
    def lost(self) -> bool:
        """The engine did not answer lately."""
        return self._lost_at is not None

    def lose(self, error: Exception) -> None:
        """Somebody got no answer."""
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            tell(self._observer, "engine.lost", error=error)

    async def wait(self) -> None:
        """Return when the engine is there. While it is not, one of those who wait asks for all."""
        if not self.lost:
            return
        async with self._asking:
            attempt = 0
            while self._lost_at is not None:
                await asyncio.sleep(pause(attempt))
                attempt += 1
                if await self._answers():
                    seconds = round(time.monotonic() - self._lost_at, 1)
                    self._lost_at = None
                    tell(self._observer, "engine.back", seconds=seconds)

    async def _answers(self) -> bool:
        try:
            return await self._gateway.ready()
        except EngineError:
            return False


class Pace:
    """Lets a burst through and then one every ``gap`` seconds, so that 600 polls do not hit the engine at once."""

    def __init__(self, gap: float = 0.005, burst: int = 100) -> None:
        self._gap = gap
        self._burst = burst
        self._next = 0.0

    async def wait(self) -> None:
        """Return when it is our turn."""
        now = time.monotonic()
        turn = max(self._next, now - self._burst * self._gap)
        self._next = turn + self._gap
        if turn > now:
            await asyncio.sleep(turn - now)
