"""``sluis worker`` with a store that stands still at named points, so that a test can kill the worker just there.

The points are a JSON file, named by ``CHAOS_POINTS``: a list of ``{"name", "key", "content", "when"}``.
Where a write of the store fits (``key`` and ``content`` are regular expressions), the file ``<name>.reached`` appears
beside it, and the write, or what comes after it, never happens.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.runs.store import Store
from workers.service.assembly import assemble
from workers.service.logs import log_to_stderr
from workers.service.settings import load_settings
from workers.service.signals import told_to_stop
from workers.service.tools import present_tools
from workers.service.workers import serve


@dataclass(frozen=True)
class Point:
    """Where to stand still: before or after a write of that kind."""

    name: str
    key: str
    content: str
    when: str

    def fits(self, key: str, content: bytes) -> bool:
        """Whether it is meant by a write of ``content`` under ``key``."""
        found = re.search(self.content, content.decode(errors="replace"), re.DOTALL)
        return bool(re.fullmatch(self.key, key)) and bool(found)


@dataclass(frozen=True)
class HaltingStore:
    """A store that stands still at some points."""

    store: Store
    points: tuple[Point, ...]
    marks: Path

    def __getattr__(self, name: str) -> Any:
        """Everything that is no write of a record goes to the store itself."""
        return getattr(self.store, name)

    async def write(self, key: str, content: bytes) -> None:
        await self._halt("before", key, content)
        await self.store.write(key, content)
        await self._halt("after", key, content)

    async def create(self, key: str, content: bytes) -> bool:
        await self._halt("before", key, content)
        made = await self.store.create(key, content)
        await self._halt("after", key, content)
        return made

    async def replace(self, key: str, old: bytes | None, new: bytes) -> bool:
        await self._halt("before", key, new)
        made = await self.store.replace(key, old, new)
        await self._halt("after", key, new)
        return made

    async def _halt(self, when: str, key: str, content: bytes) -> None:
        for point in self.points:
            if point.when == when and point.fits(key, content):
                (self.marks / f"{point.name}.reached").touch()
                await asyncio.Event().wait()


async def main(file: Path, points: tuple[Point, ...]) -> None:
    """Serve as ``sluis worker`` does, but for the points."""
    settings = load_settings()
    with log_to_stderr(settings), told_to_stop() as stop:
        assembly = assemble(settings, await present_tools(settings))
        store = HaltingStore(assembly.store, points, file.parent)
        runs = replace(assembly.context.runs, store=store)
        context = replace(assembly.context, store=store, runs=runs)
        await serve(replace(assembly, context=context), stop)


if __name__ == "__main__":
    listed = Path(os.environ["CHAOS_POINTS"])
    asyncio.run(main(listed, tuple(Point(**point) for point in json.loads(listed.read_text()))))
