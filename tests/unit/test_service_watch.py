"""How the end of a process is told while the engine's search is behind the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service_kit import parts, project
from workers.core.values import now
from workers.engine.rest_records import ElementInstance, Instance
from workers.service import watch
from workers.service.happenings import Ended
from workers.service.watch import Watch

ROOT = 7


@dataclass
class LateSearch:
    """An engine whose search shows an instance as ended, and its end event only after some questions."""

    end: str
    after: int
    address: str = "http://engine"
    asked: int = field(default=0)

    async def instance(self, key: int) -> Instance:
        return Instance(key, "Order", 1, "COMPLETED", None, now(), now())

    async def instances(self, **_: Any) -> tuple[Instance, ...]:
        return ()

    async def elements(self, key: int) -> tuple[ElementInstance, ...]:
        self.asked += 1
        start = ElementInstance(1, "Start", key, "START_EVENT", "COMPLETED")
        end = ElementInstance(2, self.end, key, "END_EVENT", "COMPLETED")
        return (start, end) if self.asked > self.after else (start,)

    async def user_tasks(self, **_: Any) -> tuple[()]:
        return ()

    async def incidents(self, **_: Any) -> tuple[()]:
        return ()


async def end_of(folder: Path, search: LateSearch) -> Ended:
    """The last happening of a process of the small project."""
    assembly = parts(project(folder))
    *_, last = [one async for one in Watch(assembly, search, ROOT).happenings()]  # type: ignore[arg-type]
    assert isinstance(last, Ended)
    return last


@pytest.mark.parametrize(("end", "good"), [("Good", True), ("Bad", False)])
async def test_the_end_is_waited_for_where_the_search_shows_it_late(tmp_path: Path, end: str, good: bool) -> None:
    """An instance that is shown as ended before its end event ends as the end event says."""
    found = await end_of(tmp_path, LateSearch(end, after=2))
    assert (found.end, found.good) == ({"Good": "Made", "Bad": "Failed"}[end], good)


async def test_an_end_that_is_never_shown_is_not_called_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of a success that nobody has seen."""
    monkeypatch.setattr(watch, "_END_SECONDS", 0.5)
    found = await end_of(tmp_path, LateSearch("Good", after=1000))
    assert not found.good
