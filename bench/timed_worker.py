"""``sluis worker`` that also logs how long each use of the store and each tool takes: store.took, tool.took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from workers.execution import ansible, terraform
from workers.execution.process import run_tool
from workers.runs.store import Store
from workers.service.assembly import assemble
from workers.service.logs import log_to_stderr
from workers.service.settings import load_settings
from workers.service.signals import told_to_stop
from workers.service.tools import present_tools
from workers.service.workers import serve


@dataclass(frozen=True)
class TimedStore:
    """A store whose asynchronous methods are timed."""

    store: Store

    def __getattr__(self, name: str) -> Any:
        """The store's own attribute; a timed one where it is a method."""
        found = getattr(self.store, name)
        return _timed("store.took", found) if asyncio.iscoroutinefunction(found) else found


def _timed(event: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def call(*given: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return await method(*given, **named)
        finally:
            structlog.get_logger().info(event, seconds=round(time.perf_counter() - began, 5))

    return call


async def main() -> None:
    """Serve as ``sluis worker`` does, and time."""
    terraform.run_tool = ansible.run_tool = _timed("tool.took", run_tool)
    settings = load_settings()
    with log_to_stderr(settings), told_to_stop() as stop:
        assembly = assemble(settings, await present_tools(settings))
        store: Any = TimedStore(assembly.store)
        context = replace(assembly.context, store=store, runs=replace(assembly.context.runs, store=store))
        await serve(replace(assembly, context=context, store=store), stop)


if __name__ == "__main__":
    asyncio.run(main())
