"""The web service of a worker: what it is made of, and where it is found."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter

from workers.catalogue.environments import environment_names
from workers.core.environment import Environment
from workers.core.errors import EngineError, SettingError, SluisError
from workers.core.settings import Settings
from workers.core.values import JsonValue, now
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest
from workers.handlers.context import Context
from workers.service.assembly import Assembly, open_gateway, open_rest
from workers.service.decisions import REVIEW_ELEMENT
from workers.service.slack import EngineSlackDesk
from workers.service.web_desk import EngineDesk
from workers.web.access import Access
from workers.web.api import api_routes
from workers.web.app import Sessions, build_app
from workers.web.guard import Guard, no_bearer
from workers.web.health import Health
from workers.web.hooks import Hook, hook_routes
from workers.web.logs import LiveLogs, Logs
from workers.web.metrics import Load, Metrics
from workers.web.oidc import Client, Oidc
from workers.web.pages import page_routes
from workers.web.probes import probe_routes
from workers.web.run_index import RunIndex
from workers.web.server import listen, serving
from workers.web.sign_in import sign_in_routes
from workers.web.site import Site
from workers.web.slack import slack_routes

_LOOK_SECONDS = 15.0
_ENGINE_SECONDS = 2.5
_ENVIRONMENTS_SECONDS = 2.0


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
        app = build_app(routers_of(parts, health, address), sessions=_sessions(settings), https=_is_https(address))
        await stack.enter_async_context(serving(app, sock))
        stack.enter_context(_written(settings, address))
        structlog.get_logger().info("web.serving", address=address)
        yield address
        health.stopping = True


def routers_of(parts: Parts, health: Health, address: str) -> tuple[APIRouter, ...]:
    """Every router of the web service. Routes of other rooms are added here."""
    oidc = _oidc(parts.assembly.settings, address)
    site = site_of(parts, oidc)
    return (
        probe_routes(health, parts.metrics),
        slack_routes(EngineSlackDesk(parts.assembly, parts.rest)),
        sign_in_routes(site, oidc),
        page_routes(site),
        api_routes(site, parts.assembly.log),
        *_hooks(site, parts.assembly.settings),
    )


def _hooks(site: Site, settings: Settings) -> tuple[APIRouter, ...]:
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        return ()
    if not settings.webhook_process:
        raise SettingError("SLUIS_WEBHOOK_SECRET is set, SLUIS_WEBHOOK_PROCESS is not.", "Name the process to start.")
    hook = Hook(secret, settings.webhook_process, settings.webhook_variables, settings.webhook_refs)
    return (hook_routes(site, hook),)


def site_of(parts: Parts, oidc: Oidc | None = None) -> Site:
    """What pages and the REST API work with."""
    assembly = parts.assembly
    context, settings = assembly.context, assembly.settings
    logs = Logs(assembly.store)

    async def ended(run: str) -> bool:
        found = await context.runs.find(run)
        return found is None or found.state.ended

    guard = Guard(Access(Environments(context)), settings.web_tokens, oidc.bearer if oidc else no_bearer)
    return Site(
        context=context,
        index=parts.index,
        desk=EngineDesk(assembly, parts.rest),
        guard=guard,
        logs=logs,
        live=LiveLogs(logs, ended),
        engine_users=not settings.oauth_token_url,
        oidc=oidc.name if oidc else "",
    )


@dataclass
class Environments:
    """The environment files, read anew every few seconds. Nobody has a role in one that is broken."""

    context: Context
    _known: Mapping[str, Environment] = field(default_factory=dict)
    _looked: float = float("-inf")

    def __call__(self) -> Mapping[str, Environment]:
        """Every environment by its name."""
        if time.monotonic() - self._looked > _ENVIRONMENTS_SECONDS:
            self._known = dict(self._read())
            self._looked = time.monotonic()
        return self._known

    def _read(self) -> Iterator[tuple[str, Environment]]:
        for name in environment_names(self.context.project):
            try:
                yield name, self.context.environment(name)
            except SluisError as error:
                structlog.get_logger().warning("web.environment_broken", environment=name, error=str(error))


def _oidc(settings: Settings, address: str) -> Oidc | None:
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    return Oidc(
        Client(
            settings.oidc_issuer, settings.oidc_client_id, secret, f"{address}/sign-in/back",
            settings.oidc_user_claim, settings.oidc_groups_claim,
        )
    )  # fmt: skip


def _sessions(settings: Settings) -> Sessions:
    """The secret from the settings, or one of our own that was made at the first start."""
    if secret := settings.web_session_secret.get_secret_value():
        return Sessions(secret)
    path = settings.data_folder / "keys" / "web-session"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = path.with_name(f"web-session.{os.getpid()}")
    with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        os.link(mine, path)  # whole or not at all, and the first one counts
    mine.unlink()
    return Sessions(path.read_text())


def _is_https(address: str) -> bool:
    return address.startswith("https:")


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
