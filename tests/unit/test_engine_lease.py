"""The lease: renewed in time, lost only by the engine's word."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine_memory_gateway import MemoryGateway, Recorder, make_job, until
from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.job import Done, Job, JobWorker, Lease, Outcome, Pool
from workers.engine.errors import EngineBusyError
from workers.engine.lease import HeldLease
from workers.engine.loop import JobLoop


def hold(gateway: MemoryGateway, seen: Recorder, seconds: float) -> HeldLease:
    job = make_job(1)
    gateway.active[1] = job
    return HeldLease(gateway, job, timedelta(seconds=seconds), asyncio.Event(), seen)


async def test_a_lease_is_renewed_about_three_times_within_its_timeout() -> None:
    """In a bit more than two timeouts it is renewed five to seven times."""
    gateway, seen = MemoryGateway(), Recorder()
    lease = hold(gateway, seen, 0.3)
    await asyncio.sleep(0.66)
    lease.end()
    assert 4 <= len(gateway.extended) <= 7


async def test_a_cancelled_instance_sets_lost_and_ends_the_renewals() -> None:
    """The engine's NOT_FOUND sets ``lost``, is told once, and nothing is asked any more."""
    gateway, seen = MemoryGateway(), Recorder()
    lease = hold(gateway, seen, 0.06)
    await until(lambda: gateway.extended)
    gateway.cancel(1)
    await asyncio.wait_for(lease.lost.wait(), 1)
    await asyncio.sleep(0.1)
    assert seen.count("lease.lost") == 1
    lease.end()


@pytest.mark.parametrize(
    "error",
    [EngineUnavailableError("away"), EngineBusyError("busy"), EngineError("not activated"), RuntimeError("a bug")],
)
async def test_no_other_error_loses_the_lease(error: Exception) -> None:
    """An engine that is away, busy or refuses does not lose the lease; renewal goes on and succeeds later."""
    gateway, seen = MemoryGateway(), Recorder()
    gateway.trouble["extend"].extend([error] * 3)
    lease = hold(gateway, seen, 0.1)
    await until(lambda: len(gateway.extended) >= 2)
    assert not lease.lost.is_set()
    lease.end()


async def test_an_ended_lease_is_renewed_no_more() -> None:
    """After ``end`` nothing is sent."""
    gateway, seen = MemoryGateway(), Recorder()
    lease = hold(gateway, seen, 0.06)
    await until(lambda: gateway.extended)
    lease.end()
    count = len(gateway.extended)
    await asyncio.sleep(0.1)
    assert len(gateway.extended) == count


async def test_a_handler_sees_the_loss_while_it_works_and_its_outcome_ends_quietly() -> None:
    """The handler of a cancelled instance sees ``lost``; the report that nobody wants is told as ``job.gone``."""
    gateway, seen, winding = MemoryGateway(), Recorder(), asyncio.Event()

    async def long(job: Job, lease: Lease) -> Outcome:
        await lease.lost.wait()
        winding.set()
        return Done()

    (key,) = await gateway.add("t")
    worker = JobWorker("t", long, Pool.LIGHT, timedelta(seconds=0.06))
    loop = JobLoop(gateway, [worker], {Pool.LIGHT: 1}, "test", seen)
    task = asyncio.create_task(loop.run())
    await until(lambda: loop.running)
    gateway.cancel(key)
    await asyncio.wait_for(winding.wait(), 1)
    await until(lambda: seen.count("job.gone") == 1)
    await loop.drain(timedelta(seconds=1))
    await task
