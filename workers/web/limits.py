"""How many requests somebody may make: a bucket per key that fills again with time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_MOST_KEYS: Final = 10_000


@dataclass
class RateLimit:
    """Lets through ``burst`` requests at once and ``per_minute`` in the long run, for each key.

    Args:
        per_minute: tokens that come back in a minute.
        burst: tokens at the beginning, and the most there ever are.
        clock: seconds that only grow.
    """

    per_minute: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def allows(self, key: str) -> bool:
        """Take a token for ``key``; False where there is none."""
        moment = self.clock()
        left, since = self._buckets.pop(key, (self.burst, moment))
        left = min(self.burst, left + (moment - since) * self.per_minute / 60)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, moment)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return allowed
