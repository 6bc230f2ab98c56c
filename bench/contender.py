"""One Python side of the job loop's benchmark: a process that obeys lines and answers with JSON.

Usage: ``python -m bench.contender ADDRESS ours|pyzeebe|pyzeebe-tuned``. The lines are ``drain TYPE COUNT LIMIT``
(complete so many queued jobs, or as many as LIMIT seconds allow), ``serve TYPE`` and ``stop``. The Java client obeys
the same ones (``bench/java/``), so that every side has a process of its own and is measured by the same hand.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import grpc
from pyzeebe import ZeebeWorker
from pyzeebe.channel.channel_options import get_channel_options
from pyzeebe.proto.gateway_pb2 import CompleteJobRequest

from workers.core.job import Done, Job, JobWorker, Lease, Outcome, Pool
from workers.core.settings import Settings
from workers.engine.grpc import ZeebeGateway
from workers.engine.loop import JobLoop
from workers.runs.runs import Runs
from workers.runs.store import DirectoryStore
from workers.service.log_control import LogControl
from workers.service.logs import configure
from workers.service.workers import Bookkeeper
from workers.web.metrics import Metrics

RUNNING: Final = 128


class Side(Protocol):
    """A worker for one job type that does nothing, successfully."""

    @property
    def completed(self) -> int:
        """How many jobs it has completed."""
        ...

    def work(self) -> Coroutine[Any, Any, Any]:
        """Work until stopped."""
        ...

    async def stop(self) -> None:
        """Stop working."""
        ...


class Ours:
    """The job loop of Sluis as the service runs it for light job types: lease, log, metrics."""

    def __init__(self, gateway: ZeebeGateway, job_type: str, data: Path) -> None:
        runs = Runs(DirectoryStore(data / "store"), data / "locks", "bench")
        self._keeper = Bookkeeper(runs, Metrics())
        worker = JobWorker(job_type, _nothing)
        self._loop = JobLoop(gateway, [worker], {Pool.LIGHT: Settings().light_slots}, "bench", self._keeper)

    @property
    def completed(self) -> int:
        """Completions that the engine has confirmed."""
        return self._keeper.log.counts["job.completed"]

    def work(self) -> Coroutine[Any, Any, None]:
        """Run the loop."""
        return self._loop.run()

    async def stop(self) -> None:
        """Drain the loop."""
        await self._loop.drain(timedelta(seconds=10))
        await self._keeper.settle()


class Confirmed(grpc.aio.UnaryUnaryClientInterceptor):
    """Counts the completions that the engine confirms; a client that does not tell of them is counted by its calls.

    Attributes:
        count: how many so far.
    """

    def __init__(self) -> None:
        self.count = 0

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Pass a call on, and look at how it ends where it completes a job."""
        call = await continuation(client_call_details, request)
        if isinstance(request, CompleteJobRequest) and await call.code() is grpc.StatusCode.OK:
            self.count += 1
        return call


class Pyzeebe:
    """pyzeebe's worker on a channel whose completions are counted."""

    def __init__(self, worker: ZeebeWorker, job_type: str, confirmed: Confirmed, limits: Mapping[str, Any]) -> None:
        self._worker = worker
        self._confirmed = confirmed
        self._before = confirmed.count
        worker.task(task_type=job_type, **limits)(_no_work)  # type: ignore[no-untyped-call]

    @property
    def completed(self) -> int:
        """Completions that the engine has confirmed."""
        return self._confirmed.count - self._before

    def work(self) -> Coroutine[Any, Any, None]:
        """Run the worker."""
        return self._worker.work()

    async def stop(self) -> None:
        """Stop the worker."""
        await self._worker.stop()


async def _no_work() -> dict[str, Any]:
    return {}


async def _nothing(job: Job, lease: Lease) -> Outcome:  # noqa: ARG001 - a handler's form
    return Done()


class Contender:
    """Obeys the lines."""

    def __init__(self, make: Callable[[str], Side]) -> None:
        self._make = make
        self._side: Side | None = None
        self._task: asyncio.Task[Any] | None = None

    async def obey(self, verb: str, *words: str) -> dict[str, float]:
        """Do what a line says and give back the answer."""
        match verb, words:
            case "drain", (job_type, count, limit):
                return await self._drain(job_type, int(count), float(limit))
            case "serve", (job_type,):
                self._open(job_type)
                return {}
            case _:
                await self._close()
                return {}

    async def _drain(self, job_type: str, count: int, limit: float) -> dict[str, float]:
        began = time.perf_counter()
        side = self._open(job_type)
        while side.completed < count and time.perf_counter() - began < limit:  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.005)
        seconds, jobs = time.perf_counter() - began, side.completed
        await self._close()
        return {"seconds": seconds, "jobs": jobs}

    def _open(self, job_type: str) -> Side:
        self._side = self._make(job_type)
        self._task = asyncio.create_task(self._side.work())
        return self._side

    async def _close(self) -> None:
        if self._side is not None and self._task is not None:
            await self._side.stop()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def main(address: str, kind: str) -> None:
    """Obey lines from standard input until it ends."""
    settings = Settings().model_copy(update={"grpc_address": address})
    with tempfile.TemporaryDirectory(prefix="bench-of-sluis-") as folder, (Path(folder) / "log").open("w") as log:
        configure(LogControl(settings), log, as_text=False)
        await _serve(settings, kind, Path(folder))


async def _serve(settings: Settings, kind: str, data: Path) -> None:
    address = settings.grpc_address
    async with ZeebeGateway.from_settings(settings) as gateway:
        confirmed = Confirmed()
        channel = grpc.aio.insecure_channel(address, options=get_channel_options(), interceptors=[confirmed])
        limits: dict[str, Any] = {"max_jobs_to_activate": 64, "max_running_jobs": RUNNING, "timeout_ms": 60_000}
        sides: dict[str, Callable[[str], Side]] = {
            "ours": lambda job_type: Ours(gateway, job_type, data),
            "pyzeebe": lambda job_type: Pyzeebe(ZeebeWorker(channel), job_type, confirmed, {}),
            "pyzeebe-tuned": lambda job_type: Pyzeebe(ZeebeWorker(channel), job_type, confirmed, limits),
        }
        await _obey_lines(Contender(sides[kind]).obey)
        await channel.close(None)


async def _obey_lines(obey: Callable[..., Awaitable[dict[str, float]]]) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await obey(*line.split())), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
