"""The web service of a worker: what it is made of, and where it is found."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from workers.core.errors import EngineError, SluisError
from workers.core.settings import Settings
from workers.core.values import JsonValue, now
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly, open_gateway, open_rest
from workers.service.decisions import REVIEW_ELEMENT
from workers.web.app import build_app
from workers.web.health import Health
from workers.web.metrics import Load, Metrics
from workers.web.probes import probe_routes
from workers.web.run_index import RunIndex
from workers.web.server import listen, serving

_LOOK_SECONDS = 10.0
_ENGINE_SECONDS = 2.5


@dataclass(frozen=True)
class Parts:
    """What the web service is made of."""

    assembly: Assembly
    gateway: ZeebeGateway
    rest: OrchestrationRest
    metrics: Metrics
    index: RunIndex


@asynccontextmanager
async def web_service(assembly: Assembly, metrics: Metrics) -> AsyncIterator[str]:
    """The web service for the time of the block; its address, or an empty text where none is wanted.

    Raises:
        BusyError: the port that the settings ask for is taken.
    """
    settings = assembly.settings
    if not settings.web_port:
        yield ""
        return
    sock = listen(settings.web_address, settings.web_port, movable="web_port" not in settings.model_fields_set)
    port = sock.getsockname()[1]
    address = settings.web_url.rstrip("/") or f"http://{settings.web_address}:{port}"
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(open_gateway(settings))
        rest = await stack.enter_async_context(open_rest(settings))
        parts = Parts(assembly, gateway, rest, metrics, RunIndex(assembly.store, assembly.context.runs))
        health = health_of(parts)
        await stack.enter_async_context(_beside(health.watch()))
        await stack.enter_async_context(_beside(_watch_load(parts)))
        app = build_app((probe_routes(health, metrics),), https=address.startswith("https:"))
        await stack.enter_async_context(serving(app, sock))
        stack.enter_context(_written(settings, address))
        structlog.get_logger().info("web.serving", address=address)
        yield address
        health.stopping = True


def health_of(parts: Parts) -> Health:
    """The checks of a worker."""
    assembly, store = parts.assembly, parts.assembly.store

    async def engine() -> None:
        await parts.gateway.topology(within=_ENGINE_SECONDS)

    async def writing() -> None:
        await store.write(f"health/{assembly.name}", now().isoformat().encode())

    async def tools() -> None:
        assembly.context.terraform()

    def facts() -> dict[str, JsonValue]:
        moment = parts.metrics.last_success
        last = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") if moment else None
        state = "failing" if parts.metrics.engine_lost else "ok"
        return {"queue": {"status": state, "running": parts.metrics.running}, "last_success": {"time": last}}

    return Health({"engine": engine, "store": writing, "tools": tools}, facts)


def web_address(settings: Settings) -> str:
    """Where people reach the web service; empty where none is known."""
    if settings.web_url:
        return settings.web_url.rstrip("/")
    try:
        content = json.loads((settings.data_folder / "web.json").read_bytes())
        os.kill(int(content["pid"]), 0)
        return str(content["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


async def load_of(parts: Parts) -> Load:
    """What is looked at for the metrics."""
    try:
        tasks = await parts.rest.user_tasks(state="CREATED", element=REVIEW_ELEMENT, limit=1000)
    except EngineError:
        return Load(await parts.index.busy_stacks())
    ages = [(now() - task.created).total_seconds() for task in tasks if task.created]
    return Load(await parts.index.busy_stacks(), len(tasks), max(ages, default=0.0))


async def _watch_load(parts: Parts) -> None:
    while True:
        try:
            parts.metrics.show(await load_of(parts))
        except SluisError as error:
            structlog.get_logger().warning("web.load_unknown", error=str(error))
        await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def _written(settings: Settings, address: str) -> Iterator[None]:
    """Write down where we are found, for the commands of this machine."""
    path = settings.data_folder / "web.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = json.dumps({"pid": os.getpid(), "address": address})
    path.write_text(mine)
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text() == mine:
                path.unlink()
