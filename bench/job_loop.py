# ruff: noqa: INP001, T201, ASYNC110, ASYNC240 - a script that measures and prints
"""Measure the job loop against a running engine: drain of queued no-op jobs, beside pyzeebe's worker, and idle cost.

Usage: ``python bench/job_loop.py [--jobs 1500] [--idle 600] [--out bench-job-loop.json]``. The engine is the one that
SLUIS_GRPC_ADDRESS points at; take one that nobody else needs, because the search of the embedded engine lags minutes
behind after thousands of instances. Prints a table and writes JSON; asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyzeebe import ZeebeWorker, create_insecure_channel

from workers.core.job import Done, Job, JobWorker, Lease, Outcome, Pool
from workers.core.settings import Settings
from workers.core.values import now
from workers.engine.grpc import ZeebeGateway
from workers.engine.loop import JobLoop

PROCESS = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_Bench"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="{process}" isExecutable="true">
    <bpmn:startEvent id="StartEvent_Asked" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_Asked" targetRef="Task_DoNothing" />
    <bpmn:serviceTask id="Task_DoNothing">
      <bpmn:extensionElements><zeebe:taskDefinition type="{type}" /></bpmn:extensionElements>
    </bpmn:serviceTask>
  </bpmn:process>
</bpmn:definitions>"""


class Counting:
    """An observer that only counts completions."""

    def __init__(self) -> None:
        self.completed = 0

    def event(self, name: str, /, **_: object) -> None:
        """Count."""
        self.completed += name == "job.completed"


async def nothing(job: Job, lease: Lease) -> Outcome:  # noqa: ARG001
    """Do nothing, successfully."""
    return Done()


async def queue(gateway: ZeebeGateway, process: str, job_type: str, count: int) -> None:
    """Deploy the process and start it ``count`` times, eight at once."""
    await gateway.deploy({f"{process}.bpmn": PROCESS.format(process=process, type=job_type).encode()})
    room = asyncio.Semaphore(8)

    async def start() -> None:
        async with room:
            await gateway.create_instance(process, {})

    await asyncio.gather(*(start() for _ in range(count)))


async def drain_ours(gateway: ZeebeGateway, job_type: str, count: int) -> float:
    """Jobs per second of our loop with 128 light slots."""
    seen = Counting()
    loop = JobLoop(gateway, [JobWorker(job_type, nothing)], {Pool.LIGHT: 128}, "bench", seen)
    return await _measure(loop.run, lambda: seen.completed, count, lambda: loop.drain(timedelta(seconds=10)))


async def drain_pyzeebe(address: str, job_type: str, count: int) -> float:
    """Jobs per second of pyzeebe's worker with 64 jobs a poll and 128 running."""
    channel = create_insecure_channel(address)
    worker = ZeebeWorker(channel)
    done: list[None] = []

    @worker.task(  # type: ignore[arg-type]
        task_type=job_type, max_jobs_to_activate=64, max_running_jobs=128, timeout_ms=60_000
    )
    async def task() -> dict[str, Any]:
        done.append(None)
        return {}

    try:
        return await _measure(worker.work, lambda: len(done), count, worker.stop)
    finally:
        await channel.close(None)


async def _measure(
    run: Callable[[], Awaitable[Any]], done: Callable[[], int], count: int, stop: Callable[[], Awaitable[Any]]
) -> float:
    started = time.perf_counter()
    task = asyncio.ensure_future(run())
    while done() < count and not task.done():
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - started
    await stop()
    await asyncio.gather(task, return_exceptions=True)
    return count / seconds


async def idle(gateway: ZeebeGateway, types: int, seconds: float) -> float:
    """Share of one core that a loop with so many idle job types takes, once its polls are parked."""
    workers = [JobWorker(f"bench.idle.{n}", nothing, Pool.TERRAFORM) for n in range(types)]
    loop = JobLoop(gateway, workers, {Pool.TERRAFORM: 2}, "bench", Counting())
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(types / 100 + 5)
    started, before = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    share = (time.process_time() - before) / (time.perf_counter() - started)
    await loop.drain(timedelta(seconds=5))
    await task
    return share


async def main(jobs: int, idle_types: int, out: Path) -> None:
    """Run all measurements and write the result."""
    settings = Settings()
    result: dict[str, Any] = {"time": now().isoformat(), "machine": platform.platform(), "jobs": jobs}
    async with ZeebeGateway.from_settings(settings) as gateway:
        result["engine"] = (await gateway.topology()).gateway_version
        if idle_types:
            result["idle_types"] = idle_types
            result["idle_core_share"] = round(await idle(gateway, idle_types, 30), 4)
            print(f"{idle_types} idle job types: {result['idle_core_share']:.2%} of a core")
        await queue(gateway, "BenchPyzeebe", "bench.pyzeebe", jobs)
        result["pyzeebe_jobs_per_second"] = round(await drain_pyzeebe(settings.grpc_address, "bench.pyzeebe", jobs), 1)
        await queue(gateway, "BenchOurs", "bench.ours", jobs)
        result["ours_jobs_per_second"] = round(await drain_ours(gateway, "bench.ours", jobs), 1)
    result["ratio"] = round(result["ours_jobs_per_second"] / result["pyzeebe_jobs_per_second"], 1)
    print(f"ours {result['ours_jobs_per_second']}/s, pyzeebe {result['pyzeebe_jobs_per_second']}/s: x{result['ratio']}")
    out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1500)
    parser.add_argument("--idle", type=int, default=600)
    parser.add_argument("--out", type=Path, default=Path("bench-job-loop.json"))
    given = parser.parse_args()
    asyncio.run(main(given.jobs, given.idle, given.out))
