"""Jobs that the engine pushes: they are taken while there is room, and left to the polls while there is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from engine_memory_gateway import Gate, MemoryGateway, Recorder, at_once, until
from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Done, Job, JobWorker, Lease, Outcome, Pool
from workers.engine import loop as module
from workers.engine.errors import EngineBusyError
from workers.engine.loop import JobLoop


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream is opened again sooner than in service."""
    monkeypatch.setattr(module, "_REOPEN_SECONDS", 0.02)


@asynccontextmanager
async def running(
    gateway: MemoryGateway, worker: JobWorker, slots: int, seen: Recorder | None = None
) -> AsyncIterator[JobLoop]:
    """A loop that has its one stream and its one poll open."""
    loop = JobLoop(gateway, [worker], {worker.pool: slots}, "test", seen or Recorder())
    task = asyncio.create_task(loop.run())
    try:
        await until(lambda: gateway.streams[worker.type] and gateway.polls)
        yield loop
    finally:
        await loop.drain(timedelta(seconds=0.5))
        await asyncio.wait_for(task, 2)


async def test_a_pushed_job_costs_no_poll() -> None:
    """Five jobs, one after another, are done beside the one parked poll."""
    gateway = MemoryGateway()
    async with running(gateway, JobWorker("t", at_once), slots=3):
        for number in range(5):
            await gateway.push("t")
            await until(lambda before=number: len(gateway.completed) == before + 1)
        assert gateway.polls == 1


async def test_jobs_from_before_the_stream_are_fetched_together() -> None:
    """The first of ten waiting jobs shows that there are more: one fetch brings the other nine."""
    gateway = MemoryGateway()
    await gateway.add("t", 10)
    async with running(gateway, JobWorker("t", at_once), slots=20):
        await until(lambda: len(gateway.completed) == 10)
        assert gateway.polls == 4  # the watch, a fetch, one that finds nothing, and the watch again


async def test_pushed_jobs_never_run_beyond_the_slots() -> None:
    """Of twenty jobs and two slots two run, and three more are out: one in hand, two unread. All end, in two ways."""
    gateway, gate = MemoryGateway(), Gate()
    async with running(gateway, JobWorker("t", gate), slots=2):
        keys = await gateway.push("t", 20)
        await until(lambda: gate.running == 2)
        await asyncio.sleep(0.05)
        assert len(gateway.active) == 5
        assert gateway.streams["t"]
        gate.open.set()
        await until(lambda: len(gateway.completed) == 20)
    assert gate.most == 2
    assert sorted(gate.order) == keys


async def test_a_stream_that_is_not_read_for_half_a_lease_is_closed_until_there_is_room() -> None:
    """The job in hand goes back untouched; the engine pushes again when a slot is free, and not before."""
    gateway, gate, seen = MemoryGateway(), Gate(), Recorder()
    async with running(gateway, JobWorker("t", gate, timeout=timedelta(seconds=0.2)), slots=1, seen=seen):
        first, second = await gateway.push("t", 2, retries=7)
        await until(lambda: not gateway.streams["t"])
        await asyncio.sleep(0.1)
        assert gateway.streams["t"] == []
        assert gateway.failed[0][::3] == (second, timedelta())
        gate.open.set()
        await until(lambda: len(gateway.completed) == 2)
        await until(lambda: gateway.streams["t"])
        await until(lambda: gateway.polls and not gateway.queued["t"])
    assert gate.order == [first, second]
    assert {retries for _, retries, _, _ in gateway.failed} == {7}
    assert seen.count("push.paused") == 1


async def test_a_job_that_lay_unread_for_half_a_lease_is_left_alone() -> None:
    """It could be with somebody else soon: it is not begun, not even with a free slot, and comes again by itself."""
    gateway, gate, seen = MemoryGateway(), Gate(), Recorder()
    gate.open.set()
    async with running(gateway, JobWorker("t", gate, timeout=timedelta(seconds=0.4)), slots=2, seen=seen):
        (first,) = await gateway.push("t")
        await until(lambda: first in gateway.completed)
        pushing = asyncio.create_task(gateway.push("t"))
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - nothing is read meanwhile
        (late,) = await pushing
        await until(lambda: seen.count("push.paused") == 1)
        assert gate.order == [first]
        assert gateway.failed == []
        await gateway.redeliver(late)
        await until(lambda: late in gateway.completed)


async def test_the_time_unread_adds_up_over_a_slow_pool() -> None:
    """Five jobs for one slot, each quicker than half a lease: none begins later than that after it was pushed."""
    gateway, begun = MemoryGateway(unread=5), {}
    pushed: dict[int, float] = {}

    async def slow(job: Job, lease: Lease) -> Outcome:
        begun[job.key] = time.monotonic()
        await asyncio.sleep(0.15)
        return Done()

    async with running(gateway, JobWorker("t", slow, timeout=timedelta(seconds=0.5)), slots=1):
        (key,) = await gateway.push("t")
        for _ in range(4):
            pushed[key] = time.monotonic()
            (key,) = await gateway.push("t")
        pushed[key] = time.monotonic()
        await until(lambda: not gateway.streams["t"])
        assert [begun[key] - pushed[key] < 0.3 for key in begun] == [True, True]


async def test_a_drain_hands_back_what_waits_for_a_slot() -> None:
    """A job that has not begun goes to another worker at once, with its retries; the one that runs may end."""
    gateway, gate = MemoryGateway(), Gate()
    async with running(gateway, JobWorker("t", gate), slots=1) as loop:
        first, second = await gateway.push("t", 2, retries=7)
        await until(lambda: gate.running == 1)
        await asyncio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.1, gate.open.set)
        assert await loop.drain(timedelta(seconds=1)) == ()
    assert list(gateway.completed) == [first]
    assert [(key, retries, delay) for key, retries, _, delay in gateway.failed] == [(second, 7, timedelta())]


@pytest.mark.parametrize(
    "error",
    [None, EngineError("refused"), EngineBusyError("busy"), EngineUnavailableError("away"), RuntimeError("bug")],
)
async def test_a_stream_that_ends_is_opened_again(error: Exception | None) -> None:
    """However a stream ends, jobs are served meanwhile by the poll, and pushed again later."""
    gateway = MemoryGateway()
    async with running(gateway, JobWorker("t", at_once), slots=1):
        (stream,) = gateway.streams["t"]
        stream.put_nowait(error)
        await until(lambda: gateway.streams["t"] != [stream])
        await gateway.push("t")
        await until(lambda: len(gateway.completed) == 1)
        await until(lambda: gateway.streams["t"])
        await gateway.push("t")
        await until(lambda: len(gateway.completed) == 2)


async def test_only_light_types_are_pushed_and_none_where_it_is_switched_off() -> None:
    """Heavy jobs are only taken into slots that are free for them."""
    gateway = MemoryGateway()
    workers = [JobWorker("heavy", at_once, Pool.TERRAFORM), JobWorker("light", at_once)]
    for push, streamed in ((True, ["light"]), (False, [])):
        gateway.streams.clear()
        loop = JobLoop(gateway, workers, {Pool.TERRAFORM: 1, Pool.LIGHT: 1}, "test", Recorder(), push=push)
        task = asyncio.create_task(loop.run())
        await asyncio.sleep(0.05)
        assert [job_type for job_type, streams in gateway.streams.items() if streams] == streamed
        await loop.drain(timedelta(seconds=0.5))
        await task
