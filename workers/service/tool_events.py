"""What the tools say while a process runs: the logs of its runs, followed in the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

from workers.core.events import Event
from workers.core.records import Run
from workers.runs.log import read_log
from workers.runs.runs import Runs
from workers.runs.store import Store


@dataclass
class _Followed:
    run: Run
    seen: int = 0
    over: bool = False


@dataclass
class RunFollower:
    """Follows the runs of an instance and of those that it called.

    Args:
        store: where runs are.
        runs: their records.
        root: key of the outermost instance; jobs of it have greater keys, so older runs are not even read.
    """

    store: Store
    runs: Runs
    root: int
    _known: dict[str, _Followed] = field(default_factory=dict)

    async def news(self, instances: Collection[int]) -> AsyncIterator[tuple[Run, tuple[Event, ...]]]:
        """Runs of these instances that are new or said something, or ended, since the last call."""
        await self._look()
        mine = [f for f in self._known.values() if not f.over and f.run.process_instance in instances]
        for followed in sorted(mine, key=lambda f: f.run.created):
            fresh = await self.runs.find(followed.run.id) or followed.run
            events = await read_log(self.store, fresh.id)
            new, first = events[followed.seen :], followed.seen == 0
            followed.run, followed.seen, followed.over = fresh, len(events), fresh.state.ended
            if new or first or followed.over:
                yield fresh, new

    async def _look(self) -> None:
        for key in await self.store.keys("runs"):
            run = key.split("/")[1]
            if key.endswith("/run.json") and run not in self._known and self._is_later(run):
                found = await self.runs.find(run)
                if found is not None:
                    self._known[run] = _Followed(found)

    def _is_later(self, run: str) -> bool:
        job = run.partition("-")[0]
        return job.isdecimal() and int(job) > self.root
