"""Whether the parts that a worker needs are there: looked at in the background, answered from memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from workers.core.values import JsonValue

Check = Callable[[], Awaitable[object]]
"""Looks at one part; raises where it is not usable."""

_SECONDS: Final = 3.0
_PAUSE: Final = 10.0
_OLD: Final = 60.0


@dataclass(frozen=True)
class Seen:
    """What a check saw.

    Attributes:
        status: ``ok``, ``failing``, ``slow`` or ``unknown``. Why it fails is in the log, never in an answer.
        seconds: how long the check took.
    """

    status: str
    seconds: float = 0.0

    def as_json(self) -> JsonValue:
        """For the answer."""
        return {"status": self.status, "seconds": round(self.seconds, 3)}


@dataclass
class Health:
    """The state of every part, as last seen.

    Args:
        checks: by the part's name.
        facts: what else is told of a worker: short, public values.
    """

    checks: Mapping[str, Check]
    facts: Callable[[], dict[str, JsonValue]] = dict
    limit: float = _SECONDS
    stopping: bool = False
    _seen: dict[str, Seen] = field(default_factory=dict)
    _looking: dict[str, asyncio.Future[object]] = field(default_factory=dict)
    _looked: float = 0.0

    @property
    def ready(self) -> bool:
        """Every part is there, was looked at lately, and we are not stopping."""
        fresh = self._looked and time.monotonic() - self._looked < _OLD
        return bool(fresh) and not self.stopping and all(self._status(name) == "ok" for name in self.checks)

    def as_json(self) -> dict[str, JsonValue]:
        """For the answer: a status and one component each."""
        parts = {name: self._seen.get(name, Seen("unknown")).as_json() for name in self.checks}
        return {"status": "ok" if self.ready else "failing", "components": {**parts, **self.facts()}}

    async def look(self) -> None:
        """Look at every part once, all at the same time, each within the limit."""
        found = await asyncio.gather(*(self._one(name, check) for name, check in self.checks.items()))
        self._seen = dict(zip(self.checks, found, strict=True))
        self._looked = time.monotonic()

    async def watch(self, pause: float = _PAUSE) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(pause)
        finally:
            for looking in self._looking.values():
                looking.cancel()

    def _status(self, name: str) -> str:
        return self._seen[name].status if name in self._seen else "unknown"

    async def _one(self, name: str, check: Check) -> Seen:
        """Look at one part. A check that hangs is waited for the next time: it is never begun a second time beside."""
        began = time.monotonic()
        looking = self._looking.get(name) or asyncio.ensure_future(check())
        self._looking[name] = looking
        done, _ = await asyncio.wait({looking}, timeout=self.limit)
        if not done:
            return Seen("slow", time.monotonic() - began)
        del self._looking[name]
        if error := looking.exception():
            self._tell(name, error)
        return Seen("failing" if error else "ok", time.monotonic() - began)

    def _tell(self, name: str, error: BaseException) -> None:
        if self._status(name) != "failing":
            structlog.get_logger("sluis.web").warning("health.failing", part=name, error=str(error))
