"""``sluis up``: everything on this machine in one process — downloads, engine, models, workers — and its end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from workers.core.errors import BusyError, EngineError, EngineUnavailableError
from workers.core.settings import Settings
from workers.engine.embedded import EmbeddedEngine, EnginePaths, EnginePorts, stop_running
from workers.engine.embedded.ports import check_free
from workers.service.assembly import Assembly, assemble, open_gateway
from workers.service.deploy import DeployedResource, deploy
from workers.service.log_control import LogControl
from workers.service.running import UpState, find_up, written
from workers.service.tools import prepare_tools
from workers.setup.progress import Progress

T = TypeVar("T")

_WORKERS_SECONDS = 90.0


class Listener(Progress, Protocol):
    """Told of downloads, as set-up tells them, and of everything else that comes up."""

    def came_up(self, name: str, seconds: float) -> None:
        """A part is there, so many seconds after the start."""
        ...


@dataclass(frozen=True)
class Up:
    """Everything is up.

    Attributes:
        settings: with the addresses that are really used.
        deployed: what the engine has.
        workers: the serving task.
        engine: the embedded engine, where we started one.
    """

    settings: Settings
    assembly: Assembly
    deployed: tuple[DeployedResource, ...]
    workers: asyncio.Task[None]
    engine: EmbeddedEngine | None

    async def failed(self) -> None:
        """Wait until the engine or the workers end that were not told to.

        Raises:
            EngineError: the engine has ended.
            Exception: whatever ended the workers.
        """
        waiting = {asyncio.ensure_future(asyncio.shield(self.workers))}
        if self.engine is not None:
            waiting.add(asyncio.ensure_future(self.engine.ended()))
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waiting:
                task.cancel()


@asynccontextmanager
async def up(
    settings: Settings, listener: Listener, *, move_ports: bool = False, log: LogControl | None = None
) -> AsyncIterator[Up]:
    """Bring everything up, and take all of it down at the end: workers first, which let running jobs end.

    Args:
        settings: where everything is.
        listener: told of the progress.
        move_ports: take free ports where the wanted ones are busy, rather than to say whose they are.
        log: of the log that is written.

    Raises:
        BusyError: it is up already, or somebody else holds a port. Nothing was started.
        MissingToolError: something could not be had.
    """
    _refuse_second(settings)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        tools = await stack.enter_async_context(_beside(prepare_tools(settings, listener)))
        engine: EmbeddedEngine | None = None
        if settings.engine == "embedded":
            ports = _ports(settings, move_ports=move_ports)
            settings = settings.model_copy(
                update={
                    "grpc_address": ports.grpc_address, "rest_address": ports.rest_address,
                    "search_port": ports.search, "monitoring_port": ports.monitoring,
                }
            )  # fmt: skip
            engine = await stack.enter_async_context(await _engine(settings, ports, listener))
        assembly = assemble(settings, await tools, log)
        deployed = await _deployed(assembly)
        listener.came_up("models", time.monotonic() - began)
        workers = await stack.enter_async_context(_serving(assembly))
        listener.came_up("workers", time.monotonic() - began)
        stack.enter_context(written(settings))
        yield Up(settings, assembly, deployed, workers, engine)


async def down(settings: Settings, seconds: float) -> UpState | None:
    """Stop a running ``sluis up`` and wait for its end; also an engine that was left behind.

    Returns:
        What was running; None where nothing was.

    Raises:
        EngineError: it has not ended in time.
    """
    state = find_up(settings)
    if state is None:
        await stop_running(settings.data_folder)
        return None
    with suppress(ProcessLookupError):
        os.kill(state.pid, 15)
    deadline = time.monotonic() + seconds
    while find_up(settings) is not None:
        if time.monotonic() > deadline:
            hint = "Running jobs may take so long to end; `sluis runs --state running` shows them."
            raise EngineError(f"Process {state.pid} has not stopped within {seconds:.0f} s.", hint)
        await asyncio.sleep(0.2)
    await stop_running(settings.data_folder)
    return state


def _refuse_second(settings: Settings) -> None:
    state = find_up(settings)
    if state is not None:
        hint = f"Use it as it is (Tasklist: {state.rest_address}/tasklist), or stop it with `sluis down`."
        raise BusyError(f"Sluis is up already on {settings.data_folder} (process {state.pid}).", hint)


def _ports(settings: Settings, *, move_ports: bool) -> EnginePorts:
    ports = EnginePorts.from_settings(settings)
    try:
        check_free(ports)
    except BusyError:
        if not move_ports:
            raise
        return EnginePorts.free()
    return ports


async def _engine(settings: Settings, ports: EnginePorts, listener: Listener) -> EmbeddedEngine:
    from workers.setup.engine import ensure_engine  # noqa: PLC0415 - slow to import, and few commands need it

    parts = await ensure_engine(settings, listener)
    paths = EnginePaths(java_home=parts.java_home, camunda=parts.camunda, opensearch=parts.opensearch)
    return EmbeddedEngine(
        paths, settings.data_folder, ports, ready_seconds=settings.engine_ready_seconds, stage=listener.came_up
    )


async def _deployed(assembly: Assembly) -> tuple[DeployedResource, ...]:
    """Deploy the models; on a busy machine a fresh engine is healthy before it answers in time."""
    deadline = time.monotonic() + _WORKERS_SECONDS
    async with open_gateway(assembly.settings) as gateway:
        while True:
            try:
                return await deploy(assembly, gateway)
            except EngineUnavailableError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(1)


@asynccontextmanager
async def _beside(work: Coroutine[None, None, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Work that goes on beside the block and ends with it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _serving(assembly: Assembly) -> AsyncIterator[asyncio.Task[None]]:
    """Workers for the time of the block. The end waits for running jobs; a second cancellation does not."""
    from workers.service.workers import serve  # noqa: PLC0415 - slow to import, and few commands need it

    stop = asyncio.Event()
    task = asyncio.create_task(serve(assembly, stop), name="workers")
    try:
        await _serving_now(assembly, task)
        yield task
    finally:
        stop.set()
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})


async def _serving_now(assembly: Assembly, task: asyncio.Task[None]) -> None:
    """Wait until the workers have told that they serve, or have ended."""
    beat = assembly.settings.data_folder / "workers" / f"{assembly.name}.json"
    deadline = time.monotonic() + _WORKERS_SECONDS
    while not task.done() and not beat.exists() and time.monotonic() < deadline:  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.05)
    if task.done():
        task.result()
