"""Jobs that the engine pushes: they wait for slots, keep their leases, and none is lost when a stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from engine_memory_gateway import MemoryGateway, Recorder, until
from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Done, Job, JobWorker, Lease, Outcome, Pool
from workers.engine import loop as module
from workers.engine.errors import EngineBusyError
from workers.engine.loop import JobLoop
from workers.engine.slots import Slots
from workers.engine.turn import Turn


class Gate:
    """A handler that waits until it is opened, and counts how many run at once."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.running = self.most = 0
        self.order: list[int] = []

    async def __call__(self, job: Job, lease: Lease) -> Outcome:
        self.order.append(job.key)
        self.running += 1
        self.most = max(self.most, self.running)
        await self.open.wait()
        self.running -= 1
        return Done()


async def at_once(job: Job, lease: Lease) -> Outcome:
    return Done()


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


async def test_pushed_jobs_wait_for_slots_in_order_and_keep_their_leases() -> None:
    """Of four jobs and two slots two run; the others wait, renewed meanwhile, and none goes back or is lost."""
    gateway, gate = MemoryGateway(), Gate()
    async with running(gateway, JobWorker("t", gate, timeout=timedelta(seconds=0.15)), slots=2):
        keys = await gateway.push("t", 4)
        await until(lambda: set(keys) <= set(gateway.extended))
        assert gate.order == keys[:2]
        gate.open.set()
        await until(lambda: len(gateway.completed) == 4)
    assert gate.order == keys
    assert gate.most == 2
    assert gateway.failed == []


async def test_a_stream_is_closed_when_as_many_wait_as_may_run_and_opened_again() -> None:
    """What comes beyond that goes back untouched and is fetched as slots become free; then the engine pushes again."""
    gateway, gate, seen = MemoryGateway(), Gate(), Recorder()
    async with running(gateway, JobWorker("t", gate), slots=2, seen=seen):
        await gateway.push("t", 5, retries=7)
        await until(lambda: not gateway.streams["t"])
        await gateway.push("t", 10)
        await asyncio.sleep(0.1)
        assert gateway.streams["t"] == []
        assert gate.running == 2
        gate.open.set()
        await until(lambda: len(gateway.completed) == 15)
        await until(lambda: gateway.streams["t"])
        polls = gateway.polls
        await gateway.push("t")
        await until(lambda: len(gateway.completed) == 16)
        assert gateway.polls == polls
    assert seen.count("push.paused") == 1
    assert {(retries, backoff) for _, retries, _, backoff in gateway.failed} <= {(7, timedelta()), (3, timedelta())}
    assert gate.most == 2


async def test_a_drain_hands_back_what_waits_for_a_slot() -> None:
    """Jobs that have not begun go to another worker at once, with their retries; the one that runs may end."""
    gateway, gate = MemoryGateway(), Gate()
    async with running(gateway, JobWorker("t", gate), slots=1) as loop:
        first, second = await gateway.push("t", 2, retries=7)
        await until(lambda: len(loop.running) == 2)
        asyncio.get_running_loop().call_later(0.1, gate.open.set)
        assert await loop.drain(timedelta(seconds=1)) == ()
    assert list(gateway.completed) == [first]
    assert [(key, retries, delay) for key, retries, _, delay in gateway.failed] == [(second, 7, timedelta())]


async def test_a_job_that_is_cancelled_while_it_waits_is_never_begun() -> None:
    """When the engine no longer knows a waiting job, its handler does not run, and no slot is lost."""
    gateway, gate, seen = MemoryGateway(), Gate(), Recorder()
    async with running(gateway, JobWorker("t", gate, timeout=timedelta(seconds=0.1)), slots=1, seen=seen) as loop:
        first, second = await gateway.push("t", 2)
        await until(lambda: len(loop.running) == 2)
        gateway.cancel(second)
        await until(lambda: seen.count("job.gone") == 1)
        (third,) = await gateway.push("t")
        gate.open.set()
        await until(lambda: len(gateway.completed) == 2)
    assert gate.order == [first, third]


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


async def test_a_turn_that_is_cut_off_leaves_its_slot() -> None:
    """Cancelled while it waits, or in the moment in which it gets its slot, a turn holds nothing afterwards."""
    slots = Slots(1)
    lease = _Lease()
    for moment in range(4):
        assert slots.take()
        turn = Turn(slots, at_once)
        task = asyncio.create_task(turn.work(_JOB, lease))
        await asyncio.sleep(0.01)
        slots.release()
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        turn.leave()
        await asyncio.sleep(0)
        assert (slots.free, slots.waiting) == (1, 0)


class _Lease:
    """A lease that nothing happens to."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.draining = asyncio.Event()


_JOB = Job(1, "t", 2, 3, "Task_Work", "Work", 1, 3)
