"""Serving jobs: every module and role of the catalogue, and the fixed set of job types, until we are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from workers.catalogue.reading import read_catalogue
from workers.core.contract import Catalogue, Kind
from workers.core.job import JobWorker, Pool
from workers.core.values import JsonValue, now
from workers.engine.grpc import ZeebeGateway
from workers.engine.loop import JobLoop
from workers.engine.observe import LogObserver, Observer
from workers.engine.rest import OrchestrationRest
from workers.execution.kept import drop_old
from workers.execution.workspace import remove_left_overs
from workers.handlers.artifacts import artifact_workers
from workers.handlers.attempt import Recorded
from workers.handlers.compliance import compliance_workers
from workers.handlers.decisions import decision_workers
from workers.handlers.findings import finding_workers
from workers.handlers.hosts import host_workers
from workers.handlers.notify import notify_workers
from workers.handlers.roles import ansible_workers
from workers.handlers.rules import Rules
from workers.handlers.scanning import scan_workers
from workers.handlers.terraform import terraform_workers
from workers.runs.runs import Runs
from workers.service.adapters import EngineTable, EngineTasks
from workers.service.assembly import Assembly, open_gateway, open_rest
from workers.service.capacity import Machine, as_words, slots
from workers.service.drift_count import counting_drift
from workers.service.models import read_models
from workers.service.notices import EnvironmentChannels
from workers.service.reviews import ReviewWatch
from workers.service.running import HEARTBEAT_SECONDS
from workers.service.traces import tracing
from workers.service.web import web_service
from workers.web.metrics import Metrics

_REPORTED: Final = frozenset({"job.completed", "job.failed", "job.refused"})


@dataclass(frozen=True)
class WorkerStatus:
    """What a serving worker tells about itself, in ``<data>/workers/<name>.json``."""

    name: str
    pid: int
    since: str
    beat: str
    job_types: tuple[str, ...]
    problems: tuple[dict[str, JsonValue], ...]


def job_workers(
    assembly: Assembly, catalogue: Catalogue, gateway: ZeebeGateway, rest: OrchestrationRest
) -> list[JobWorker]:
    """The job workers of an installation, of the pools that we serve."""
    context = assembly.context
    rules = Rules(context, EngineTable(gateway, rest, assembly.store), EngineTasks(rest), assembly.settings.rest_user)
    channels = EnvironmentChannels(assembly, gateway)
    found = [
        *decision_workers(rules), *artifact_workers(context), *host_workers(context), *notify_workers(rules, channels),
        *compliance_workers(rules), *finding_workers(rules), *scan_workers(context),
    ]  # fmt: skip
    for contract in catalogue.contracts:
        make = terraform_workers if contract.kind is Kind.MODULE else ansible_workers
        found += make(context, contract.name)
    lease = timedelta(seconds=assembly.settings.lease_seconds)
    return [replace(worker, timeout=lease) for worker in found if worker.pool in assembly.settings.pools]


async def serve(assembly: Assembly, stop: asyncio.Event) -> None:
    """Serve jobs until ``stop`` is set, then let running ones end within the drain time.

    Folders that appear in the catalogue, or go, are noticed within seconds: a new job loop takes over, and the jobs
    of the old one run on to their end.
    """
    for folder in await asyncio.to_thread(remove_left_overs):
        structlog.get_logger().warning("worker.removed_left_over", folder=str(folder))
    await asyncio.to_thread(drop_old)
    machine = Machine.here()
    found = slots(assembly.settings, machine)
    structlog.get_logger().info("worker.slots", **as_words(found, machine))
    metrics = Metrics()
    observer = Bookkeeper(assembly.context.runs, metrics)
    drained: list[asyncio.Task[None]] = []
    async with (
        open_gateway(assembly.settings) as gateway,
        open_rest(assembly.settings) as rest,
        web_service(assembly, metrics),
        tracing(rest, assembly.store, lambda: read_models(assembly.context.project), assembly.name) as traced,
        _beside(_tell_of_reviews(assembly, gateway, rest)),
    ):
        while not stop.is_set():
            catalogue = await asyncio.to_thread(read_catalogue, assembly.context.project)
            workers = job_workers(assembly, catalogue, gateway, rest)
            observer.recorded |= {worker.type for worker in workers if isinstance(worker.handler, Recorded)}
            watched = [replace(w, handler=traced(w.handler)) for w in counting_drift(workers, metrics)]
            loop = JobLoop(gateway, watched, found, assembly.name, observer, push=assembly.settings.job_push)
            running = asyncio.create_task(loop.run(), name="job loop")
            async with _heart(assembly, catalogue, workers):
                await _until_told(stop, running, _catalogue_changes(assembly, catalogue))
            drained.append(asyncio.create_task(_drain(assembly, loop, running), name="drain"))
        await asyncio.gather(*drained)
        await observer.settle()


async def _tell_of_reviews(assembly: Assembly, gateway: ZeebeGateway, rest: OrchestrationRest) -> None:
    """Telling people is light work: a worker of heavy pools only leaves it to others."""
    if Pool.LIGHT in assembly.settings.pools:
        await ReviewWatch(assembly, rest, EnvironmentChannels(assembly, gateway)).run()


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name="reviews")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until_told(stop: asyncio.Event, running: asyncio.Task[None], changes: Coroutine[None, None, None]) -> None:
    """Wait until we are to stop, the catalogue has changed, or the loop ended by itself."""
    waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(changes)}
    await asyncio.wait({*waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def _drain(assembly: Assembly, loop: JobLoop, running: asyncio.Task[None]) -> None:
    left = await loop.drain(timedelta(seconds=assembly.settings.drain_seconds))
    if left:
        structlog.get_logger().warning("worker.stopping_tools", jobs=[job.key for job in left])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _catalogue_changes(assembly: Assembly, known: Catalogue) -> None:
    """Return when the catalogue has other folders, or other problems, than before."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        found = await asyncio.to_thread(read_catalogue, assembly.context.project)
        if _outline(found) != _outline(known):
            return


def _outline(catalogue: Catalogue) -> tuple[object, ...]:
    names = tuple((c.kind, c.name) for c in catalogue.contracts)
    return names, tuple((p.kind, p.name, p.line, p.message) for p in catalogue.problems)


class Bookkeeper:
    """Logs and counts what the loop does, and notes in the run record that the engine has taken an outcome.

    Attributes:
        log: the part that logs and counts.
        recorded: the job types that keep run records.
    """

    def __init__(self, runs: Runs, metrics: Observer) -> None:
        self.log = LogObserver()
        self.recorded: set[str] = set()
        self._metrics = metrics
        self._runs = runs
        self._notes: set[asyncio.Task[None]] = set()

    def event(self, name: str, /, **fields: object) -> None:
        """See `Observer.event`."""
        self._metrics.event(name, **fields)
        self.log.event(name, **fields)
        job = fields.get("job")
        if name in _REPORTED and isinstance(job, int) and fields.get("type") in self.recorded:
            task = asyncio.create_task(self._runs.mark_reported(job), name=f"note the report of job {job}")
            self._notes.add(task)
            task.add_done_callback(self._noted)

    async def settle(self) -> None:
        """Wait until everything is noted."""
        await asyncio.gather(*self._notes, return_exceptions=True)

    def _noted(self, task: asyncio.Task[None]) -> None:
        self._notes.discard(task)
        if not task.cancelled() and (error := task.exception()):
            structlog.get_logger().error("run.not_noted", error=str(error))


@asynccontextmanager
async def _heart(assembly: Assembly, catalogue: Catalogue, workers: list[JobWorker]) -> AsyncIterator[None]:
    path = assembly.settings.data_folder / "workers" / f"{assembly.name}.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    since = now().isoformat()

    async def beat() -> None:
        while True:
            status = WorkerStatus(
                assembly.name, os.getpid(), since, now().isoformat(), tuple(sorted(w.type for w in workers)),
                tuple(_problem(p.kind.value, p.name, str(p.path), p.line, p.message) for p in catalogue.problems),
            )  # fmt: skip
            path.write_text(json.dumps(status.__dict__, indent=1))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    task = asyncio.create_task(beat(), name="heartbeat")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        path.unlink(missing_ok=True)


def _problem(kind: str, name: str, path: str, line: int, message: str) -> dict[str, JsonValue]:
    return {"kind": kind, "name": name, "path": path, "line": line, "message": message}
