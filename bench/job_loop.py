"""The job loop beside other clients: queued no-op jobs, and round trips of an instance with one such job.

Every side gets the same work on the same engine, in rounds in which the sides take turns, so that what else happens
on the machine happens to all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from statistics import median, quantiles
from typing import Any, Final

import psutil

from bench.instances import instances
from bench.sides import Drain, Side, side
from workers.core.job import Done, Job, JobWorker, Lease, Outcome, Pool
from workers.engine.grpc import ZeebeGateway
from workers.engine.loop import JobLoop

PROCESS: Final = """<?xml version="1.0" encoding="UTF-8"?>
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
_WARM_UP: Final = (1500, 100, 10.0)
"""Jobs, round trips and seconds of a round that does not count: the engine and the Java client compile themselves."""
_WARM_UPS: Final = 2
"""Such rounds. Of three sides in turns on a new engine the first drained 441 jobs/s, in the next rounds 636 and 818."""
_LIMIT: Final = 60.0
"""Seconds after which a side may stop: pyzeebe with defaults needs minutes for what others do in seconds. Not less:
pyzeebe begins fast and then sleeps, so a short look at it flatters it."""
_QUIET: Final = (0.15, 120.0)
"""Share of the machine below which it counts as quiet, and for how many seconds that is waited for."""
_AT_ONCE: Final = 8
_PARTS: Final = 4
"""A side makes its round trips of a round in so many parts, in turns with the others: a slow moment is slow for all."""


async def compare(
    gateway: ZeebeGateway, names: Sequence[str], java: Sequence[str], *, jobs: int, trips: int, rounds: int
) -> dict[str, Any]:
    """Let all sides drain and answer in turns; figures per side, with every round."""
    found: dict[str, dict[str, list[float]]] = {
        name: {"rate": [], "cpu": [], "trip": [], "trip95": []} for name in names
    }
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(side(name, gateway.address, java)) for name in names]
        for number in range(_WARM_UPS):
            await _round(gateway, sides, f"warm_{number}", _WARM_UP, defaultdict(lambda: defaultdict(list)))
        for number in range(rounds):
            turn = sides[number % len(sides) :] + sides[: number % len(sides)]
            await _round(gateway, turn, str(number), (jobs, trips, _LIMIT), found)
    return {name: _summary(figures) for name, figures in found.items()}


async def _round(
    gateway: ZeebeGateway,
    sides: Sequence[Side],
    number: str,
    work: tuple[int, int, float],
    found: Mapping[str, Mapping[str, list[float]]],
) -> None:
    """Let the sides drain one after the other, then make their round trips in parts, in turns."""
    jobs, trips, limit = work
    names = {one.name: f"bench_{one.name}_{number}".replace("-", "_") for one in sides}
    for one in sides:
        drained = await _drained(gateway, one, names[one.name], jobs, limit)
        found[one.name]["rate"].append(drained.rate)
        found[one.name]["cpu"].append(1000 * drained.cpu / max(drained.jobs, 1))
        print(f"  {one.name:15} {drained.rate:7.1f} jobs/s", flush=True)  # noqa: T201
    for name in names.values():
        await _deploy(gateway, f"{name}_trip")
    await _quiet()
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(_PARTS):
        for one in sides:
            times[one.name] += await _trips(gateway, one, f"{names[one.name]}_trip", max(1, trips // _PARTS))
    for name, seconds in times.items():
        found[name]["trip"].append(1000 * median(seconds))
        found[name]["trip95"].append(1000 * quantiles(seconds, n=20)[-1])
        print(f"  {name:15} {found[name]['trip'][-1]:7.1f} ms", flush=True)  # noqa: T201


async def _deploy(gateway: ZeebeGateway, process: str) -> None:
    """Deploy a process whose jobs are of a type of the same name."""
    await gateway.deploy({f"{process}.bpmn": PROCESS.format(process=process, type=process).encode()})


async def _drained(gateway: ZeebeGateway, one: Side, process: str, jobs: int, limit: float) -> Drain:
    """Queue jobs of a new process and let a side drain them."""
    await _deploy(gateway, process)
    await _queue(gateway, process, jobs)
    await _quiet()
    return await one.drain(process, jobs, limit)


async def _quiet() -> None:
    """Wait until the engine has exported what the last side left to it, or this side would pay for that one."""
    share, seconds = _QUIET
    until = time.monotonic() + seconds
    psutil.cpu_percent()
    while time.monotonic() < until:
        await asyncio.sleep(2)
        if psutil.cpu_percent() < 100 * share:
            return
    print(f"  the machine did not become quiet within {seconds:.0f} s", flush=True)  # noqa: T201


async def _queue(gateway: ZeebeGateway, process: str, count: int) -> None:
    """Start the process so many times, eight at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def start() -> None:
        async with room:
            await gateway.create_instance(process, {})

    await asyncio.gather(*(start() for _ in range(count)))


async def _trips(gateway: ZeebeGateway, one: Side, name: str, count: int) -> list[float]:
    """Seconds from the request to start an instance to its end, one after another; the first three do not count."""
    times = []
    await one.serve(name)
    async with instances(gateway.address, 30) as run:
        for _ in range(count + 3):
            began = time.perf_counter()
            await run(name, {})
            times.append(time.perf_counter() - began)
    await one.stop()
    return times[3:]


def _summary(figures: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    return {
        "jobs_per_second": round(median(figures["rate"]), 1),
        "cpu_ms_per_job": round(median(figures["cpu"]), 2),
        "round_trip_ms": round(median(figures["trip"]), 1),
        "round_trip_ms_95": round(median(figures["trip95"]), 1),
        "rounds": {name: [round(value, 2) for value in values] for name, values in figures.items()},
    }


async def idle_share(gateway: ZeebeGateway, types: int, seconds: float) -> float:
    """Share of one core that our loop with so many idle job types takes, once its polls are parked."""
    workers = [JobWorker(f"bench.idle.{number}", _nothing, Pool.TERRAFORM) for number in range(types)]
    loop = JobLoop(gateway, workers, {Pool.TERRAFORM: 2}, "bench", Silent())
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(types / 20 + 10)  # refused polls are opened again after up to that long
    began, before = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    share = (time.process_time() - before) / (time.perf_counter() - began)
    await loop.drain(timedelta(seconds=5))
    await task
    return share


class Silent:
    """An observer that is told nothing worth keeping: an idle worker writes no log."""

    def event(self, name: str, /, **fields: object) -> None:
        """Let it go."""


async def _nothing(job: Job, lease: Lease) -> Outcome:  # noqa: ARG001 - a handler's form
    return Done()
