"""Progress of what comes up: downloads with their sizes, then each part with its time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from workers.cli.screen import Screen, duration
from workers.setup.progress import human_size

_QUARTER: Final = 0.25
_NAMES: Final = {
    "opensearch": "OpenSearch answers",
    "camunda": "Camunda answers, with Operate and Tasklist",
    "models": "models, decision table and forms are deployed",
    "workers": "workers serve",
}


@dataclass
class PlainListener:
    """Lines with times, for where there is no terminal; of a download every quarter is told."""

    screen: Screen
    parts: dict[str, float] = field(default_factory=dict)
    _totals: dict[str, int | None] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def started(self, step: str, total: int | None) -> None:
        """See `workers.setup.progress.Progress`."""
        with self._lock:
            self._totals[step] = total
        size = f" ({human_size(total)})" if total else ""
        self.screen.say(f"getting {step}{size} …")

    def advanced(self, step: str, done: int) -> None:
        """See `workers.setup.progress.Progress`."""
        total = self._totals.get(step)
        with self._lock:
            if not total or done / total < self._told.get(step, 0.0) + _QUARTER:
                return
            self._told[step] = done / total
        self.screen.say(f"  {step}: {human_size(done)} of {human_size(total)}")

    def finished(self, step: str, note: str) -> None:
        """See `workers.setup.progress.Progress`."""
        self.screen.say(f"got {step}: {note}")

    def came_up(self, name: str, seconds: float) -> None:
        """See `workers.service.local.Listener`."""
        self.parts[name] = round(seconds, 3)
        self.screen.say(f"{_NAMES.get(name, name)} ({duration(seconds)})")


@dataclass
class LiveListener:
    """Bars and a spinner, for a terminal."""

    screen: Screen
    bars: Progress
    parts: dict[str, float] = field(default_factory=dict)
    _tasks: dict[str, TaskID] = field(default_factory=dict)

    def started(self, step: str, total: int | None) -> None:
        """See `workers.setup.progress.Progress`."""
        self._tasks[step] = self.bars.add_task(step, total=total)

    def advanced(self, step: str, done: int) -> None:
        """See `workers.setup.progress.Progress`."""
        if step in self._tasks:
            self.bars.update(self._tasks[step], completed=done)

    def finished(self, step: str, note: str) -> None:
        """See `workers.setup.progress.Progress`."""
        if step in self._tasks:
            self.bars.remove_task(self._tasks.pop(step))
        self.screen.say(f"✔ {step}: {note}", "green")

    def came_up(self, name: str, seconds: float) -> None:
        """See `workers.service.local.Listener`."""
        self.parts[name] = round(seconds, 3)
        self.screen.say(f"✔ {_NAMES.get(name, name)} ({duration(seconds)})", "green")


@contextmanager
def listening(screen: Screen) -> Iterator[PlainListener | LiveListener]:
    """A listener for what comes up, fit for the screen."""
    if not screen.live:
        yield PlainListener(screen)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen.err, transient=True) as bars:
        waiting = bars.add_task("coming up", total=None)
        try:
            yield LiveListener(screen, bars)
        finally:
            bars.remove_task(waiting)
