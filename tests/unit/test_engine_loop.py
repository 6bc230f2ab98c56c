"""The job loop's promises: bounds, demand, outcomes, drain, an engine that goes and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import pytest

from engine_memory_gateway import Gate, MemoryGateway, Recorder, at_once, until
from workers.core.errors import EngineError, EngineUnavailableError, ToolError
from workers.core.job import Done, Failed, HandedBack, Handler, Job, JobWorker, Lease, Outcome, Pool
from workers.core.values import JsonValue
from workers.engine.errors import EngineBusyError
from workers.engine.link import sleep_together
from workers.engine.loop import JobLoop


def worker(handler: Handler, job_type: str = "t", timeout: float = 60) -> JobWorker:
    return JobWorker(job_type, handler, Pool.LIGHT, timedelta(seconds=timeout))


@asynccontextmanager
async def running(
    gateway: MemoryGateway, workers: list[JobWorker], slots: int, observer: Recorder | None = None
) -> AsyncIterator[JobLoop]:
    loop = JobLoop(gateway, workers, {Pool.LIGHT: slots}, "test", observer or Recorder(), push=False)
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        await loop.drain(timedelta(seconds=0.2))
        await asyncio.wait_for(task, 2)


async def test_a_backlog_of_one_type_is_never_activated_beyond_the_slots() -> None:
    """With 3 slots and 50 queued jobs, 3 are active and 3 run, however long they take."""
    gateway, gate = MemoryGateway(), Gate()
    await gateway.add("t", 50)
    async with running(gateway, [worker(gate)], slots=3):
        await until(lambda: len(gate.started) == 3)
        await asyncio.sleep(0.05)
        assert (len(gateway.active), gateway.most_active, len(gate.started)) == (3, 3, 3)
        gate.open.set()
        await until(lambda: len(gateway.completed) == 50)
    assert gate.most == 3
    assert gateway.most_active == 3
    assert gateway.failed == []


async def test_single_jobs_cost_one_poll_each() -> None:
    """Three jobs, each after the one before it has ended, are brought by the watch alone."""
    gateway = MemoryGateway()
    async with running(gateway, [worker(at_once)], slots=3):
        for number in range(3):
            await until(lambda before=number: gateway.polls == before + 1)
            await gateway.add("t")
            await until(lambda before=number: len(gateway.completed) == before + 1)
        await until(lambda: gateway.polls == 4)
        await asyncio.sleep(0.05)
    assert gateway.polls == 4


class Noting(MemoryGateway):
    """Notes how often it had been asked for jobs when each one was completed."""

    def __init__(self) -> None:
        super().__init__()
        self.polls_before: list[int] = []

    async def complete(self, job_key: int, variables: Mapping[str, JsonValue]) -> None:
        self.polls_before.append(self.polls)
        await super().complete(job_key, variables)


async def test_the_next_poll_is_not_in_the_way_of_a_quick_job_and_does_not_wait_for_a_slow_one() -> None:
    """A job that ends at once is completed before the engine is asked again; a long one delays nothing."""
    gateway, gate = Noting(), Gate()
    async with running(gateway, [worker(at_once), worker(gate, "slow")], slots=3):
        await until(lambda: gateway.polls == 2)
        await gateway.add("t")
        await until(lambda: gateway.polls == 3)
        await gateway.add("slow")
        await until(lambda: gateway.polls == 4, seconds=1)
        gate.open.set()
        await until(lambda: len(gateway.completed) == 2)
    assert gateway.polls_before == [2, 4]


async def test_a_fetch_is_not_in_the_way_of_a_quick_job_either() -> None:
    """The fourth job in a row makes for demand, and is completed before more jobs are asked for."""
    gateway = Noting()
    async with running(gateway, [worker(at_once)], slots=3):
        for number in range(4):
            await until(lambda before=number: gateway.polls == before + 1)
            await gateway.add("t")
        await until(lambda: gateway.polls == 6)
    assert gateway.polls_before == [1, 2, 3, 4]


async def test_a_backlog_of_short_jobs_is_fetched_and_not_watched_one_by_one() -> None:
    """A hundred jobs that end at once are taken in batches, although no two of them overlap at a watch."""
    gateway = MemoryGateway()
    await gateway.add("t", 100)
    async with running(gateway, [worker(at_once)], slots=20):
        await until(lambda: len(gateway.completed) == 100)
    assert gateway.polls < 30


async def test_what_arrives_beyond_the_slots_is_given_back_at_once_with_its_retries() -> None:
    """A burst over 20 types and 2 slots leaves 2 jobs with us; the others are back with retries unchanged."""
    gateway, gate, seen = MemoryGateway(), Gate(), Recorder()
    types = [f"t{n}" for n in range(20)]
    async with running(gateway, [worker(gate, one) for one in types], slots=2, observer=seen):
        await until(lambda: gateway.polls == 20)
        for one in types:
            await gateway.add(one, retries=7)
        await until(lambda: seen.count("job.handed_back") >= 18 and len(gateway.active) == 2)
        assert {(retries, backoff) for _, retries, _, backoff in gateway.failed} == {(7, timedelta())}
        gate.open.set()
        await until(lambda: len(gateway.completed) == 20)
    assert gate.most == 2
    assert len(gateway.failed) <= 20, "each type bounces at most once while the pool is full"


async def test_a_busy_type_does_not_starve_the_others_of_its_pool() -> None:
    """While one type has an endless backlog, one job of another type is served after a few of the first."""
    gateway, order = MemoryGateway(), []

    async def record(job: Job, lease: Lease) -> Outcome:
        order.append(job.type)
        await asyncio.sleep(0.002)
        return Done()

    await gateway.add("busy", 500)
    async with running(gateway, [worker(record, "busy"), worker(record, "rare")], slots=2):
        await until(lambda: len(order) > 20)
        before = len(order)
        await gateway.add("rare")
        await until(lambda: "rare" in order)
    assert order.index("rare") - before < 20


async def test_a_handed_back_job_holds_no_slot_while_it_is_reported() -> None:
    """The slot of a handed-back job serves the next job although the engine does not take the report yet."""
    gateway, ran = MemoryGateway(), []
    gateway.trouble["fail"].extend([EngineBusyError("busy")] * 50)

    async def busy_stack(job: Job, lease: Lease) -> Outcome:
        ran.append(job.key)
        return HandedBack("stack is busy", timedelta(seconds=3)) if job.key == 1 else Done()

    await gateway.add("t", 2)
    async with running(gateway, [worker(busy_stack)], slots=1):
        await until(lambda: gateway.completed.keys() == {2})
        assert ran == [1, 2]
        gateway.trouble["fail"].clear()
        await until(lambda: gateway.failed)
    assert gateway.failed[0] == (1, 3, "stack is busy", timedelta(seconds=3))


async def test_a_crash_in_a_handler_costs_one_retry_and_is_told_with_the_exception() -> None:
    """An unexpected exception fails the job with its type name, and the observer gets the exception."""
    gateway, seen = MemoryGateway(), Recorder()

    async def crash(job: Job, lease: Lease) -> Outcome:
        raise KeyError("secret detail")

    await gateway.add("t", retries=1)
    async with running(gateway, [worker(crash)], slots=1, observer=seen):
        await until(lambda: gateway.failed)
    key, retries, message, _ = gateway.failed[0]
    assert (key, retries) == (1, 0)
    assert "KeyError" in message
    assert "secret detail" not in message
    (crashed,) = [fields for name, fields in seen.events if name == "job.crashed"]
    assert isinstance(crashed["error"], KeyError)


@pytest.mark.parametrize("answer", [None, "done", asyncio.CancelledError()])
async def test_a_handler_that_breaks_its_contract_fails_the_job(answer: object) -> None:
    """Returning no outcome, or a cancellation that is not ours, is a failure of the job and not of the loop."""
    gateway = MemoryGateway()

    async def broken(job: Job, lease: Lease) -> Outcome:
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[return-value]

    await gateway.add("t", retries=1)
    async with running(gateway, [worker(broken)], slots=1):
        await until(lambda: gateway.failed)
    assert gateway.failed[0][1] == 0


async def test_an_explained_error_becomes_the_message_of_the_failure() -> None:
    """A SluisError fails the job with message and hint, one retry fewer."""
    gateway = MemoryGateway()

    async def explained(job: Job, lease: Lease) -> Outcome:
        raise ToolError("tofu plan ended with 1", hint="See the log.")

    await gateway.add("t", retries=1)
    async with running(gateway, [worker(explained)], slots=1):
        await until(lambda: gateway.failed)
    assert gateway.failed[0][:3] == (1, 0, "tofu plan ended with 1 See the log.")


@pytest.mark.parametrize(("retries", "seconds"), [(3, 20), (2, 120)])
async def test_a_search_that_does_not_answer_is_given_time(retries: int, seconds: int) -> None:
    """A handler that asked the engine in vain is tried again after a while that grows, over two minutes in all."""
    gateway = MemoryGateway()

    async def asks(job: Job, lease: Lease) -> Outcome:
        raise EngineUnavailableError("No engine answers.")

    await gateway.add("t", retries=retries)
    async with running(gateway, [worker(asks)], slots=1):
        await until(lambda: gateway.failed)
    assert gateway.failed[0][1:] == (retries - 1, "No engine answers.", timedelta(seconds=seconds))


async def test_an_engine_that_goes_is_told_once_and_work_goes_on_when_it_is_back() -> None:
    """Ten types lose the engine: one engine.lost, one engine.back, and the next job is served."""
    gateway, seen = MemoryGateway(), Recorder()
    async with running(gateway, [worker(at_once, f"t{n}") for n in range(10)], slots=2, observer=seen) as loop:
        await until(lambda: gateway.polls == 10)
        await gateway.stop()
        await until(lambda: loop.engine_lost)
        await asyncio.sleep(0.3)
        gateway.down = False
        await until(lambda: seen.count("engine.back") == 1)
        await gateway.add("t7")
        await until(lambda: gateway.completed)
        assert not loop.engine_lost
    assert (seen.count("engine.lost"), seen.count("engine.back")) == (1, 1)


@pytest.mark.parametrize("error", [EngineError("refused"), EngineBusyError("busy"), RuntimeError("a bug")])
async def test_no_error_of_a_poll_ends_the_polling(error: Exception) -> None:
    """Whatever one activation raises, a job that comes later is served."""
    gateway = MemoryGateway()
    gateway.trouble["activate"].extend([error, error])
    async with running(gateway, [worker(at_once)], slots=1):
        await gateway.add("t")
        await until(lambda: gateway.completed)


async def test_a_busy_engine_is_asked_again_soon_where_there_is_work() -> None:
    """Five refused activations in the middle of a backlog delay it by little and lose nothing."""
    gateway, gate = MemoryGateway(), Gate()
    await gateway.add("t", 20)
    async with running(gateway, [worker(gate)], slots=2):
        await until(lambda: len(gate.started) == 2)
        gateway.trouble["activate"].extend([EngineBusyError("busy")] * 5)
        gate.open.set()
        await until(lambda: len(gateway.completed) == 20, seconds=4)


async def test_a_busy_engine_is_not_hammered_by_hundreds_of_idle_types() -> None:
    """300 types that are all refused ask again after seconds, not after milliseconds."""
    gateway = MemoryGateway()
    gateway.trouble["activate"].extend([EngineBusyError("busy")] * 100_000)
    async with running(gateway, [worker(at_once, f"t{n}") for n in range(300)], slots=2):
        await asyncio.sleep(0.1)
        await until(lambda: gateway.polls >= 100)
        await asyncio.sleep(0.9)
        assert gateway.polls <= 400


async def test_an_observer_that_raises_does_not_stop_the_work() -> None:
    """The work goes on when telling about it fails."""
    gateway = MemoryGateway()

    class Broken(Recorder):
        def event(self, name: str, /, **fields: object) -> None:
            raise RuntimeError("cannot tell")

    await gateway.add("t", 3)
    async with running(gateway, [worker(at_once)], slots=1, observer=Broken()):
        await until(lambda: len(gateway.completed) == 3)


async def test_a_job_that_comes_again_while_it_runs_is_not_started_twice() -> None:
    """A second delivery of a job whose handler still runs is dropped, and its slot is free again."""
    gateway, gate, seen = MemoryGateway(), Gate(), Recorder()
    (key,) = await gateway.add("t")
    async with running(gateway, [worker(gate)], slots=2, observer=seen):
        await until(lambda: gate.started)
        await gateway.redeliver(key)
        await until(lambda: seen.count("job.redelivered") == 1)
        await gateway.add("t")
        await until(lambda: len(gate.started) == 2)
        gate.open.set()
        await until(lambda: len(gateway.completed) == 2)
    assert [job.key for job in gate.started] == [key, key + 1]


async def test_a_retry_that_comes_before_we_know_that_the_failure_was_taken_is_not_lost() -> None:
    """A failed job without backoff comes again at once; each of its retries runs."""
    gateway, ran = MemoryGateway(), []

    async def failing(job: Job, lease: Lease) -> Outcome:
        ran.append(job.retries)
        return Failed("no", timedelta())

    await gateway.add("t", retries=3)
    async with running(gateway, [worker(failing)], slots=3):
        await until(lambda: len(ran) == 3)
    assert ran == [3, 2, 1]


async def test_drain_stops_activation_tells_handlers_and_waits_for_them() -> None:
    """Running work sees draining at once, ends and is reported; queued jobs stay with the engine."""
    gateway, seen = MemoryGateway(), []

    async def patient(job: Job, lease: Lease) -> Outcome:
        await lease.draining.wait()
        seen.append(job.key)
        await asyncio.sleep(0.02)
        return Done({"drained": True})

    await gateway.add("t", 5)
    async with running(gateway, [worker(patient)], slots=2) as loop:
        await until(lambda: len(loop.running) == 2)
        assert await loop.drain(timedelta(seconds=2)) == ()
    assert seen == [1, 2]
    assert gateway.completed == {1: {"drained": True}, 2: {"drained": True}}
    assert len(gateway.queued["t"]) == 3


async def test_drain_returns_what_still_runs_after_the_limit() -> None:
    """The limit is kept, the work is left running and named."""
    gateway, gate = MemoryGateway(), Gate()
    await gateway.add("t")
    async with running(gateway, [worker(gate)], slots=1) as loop:
        await until(lambda: gate.started)
        left = await asyncio.wait_for(loop.drain(timedelta(seconds=0.05)), 1)
        assert [job.key for job in left] == [1]
        gate.open.set()
        await until(lambda: gateway.completed)


async def test_drain_is_quick_with_many_idle_types_and_a_full_pool() -> None:
    """Parked polls and types that wait for a slot do not delay the drain."""
    gateway, gate = MemoryGateway(), Gate()
    async with running(gateway, [worker(gate, f"t{n}") for n in range(100)], slots=1) as loop:
        for n in range(5):
            await gateway.add(f"t{n}", 3)
        await until(lambda: gate.started)
        gate.open.set()
        async with asyncio.timeout(1):
            await loop.drain(timedelta(seconds=0.5))


async def test_cancelling_the_loop_lets_a_report_under_way_reach_the_engine() -> None:
    """The final report is shielded from the cancellation of everything else."""
    gateway, reporting = MemoryGateway(), asyncio.Event()
    complete = gateway.complete

    async def slow(job_key: int, variables: object) -> None:
        reporting.set()
        await asyncio.sleep(0.05)
        await complete(job_key, {})

    gateway.complete = slow  # type: ignore[method-assign, assignment]
    await gateway.add("t")
    loop = JobLoop(gateway, [worker(at_once)], {Pool.LIGHT: 1}, "test", Recorder())
    task = asyncio.create_task(loop.run())
    await reporting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gateway.completed == {1: {}}


async def test_cancelling_the_loop_cancels_handlers_and_reports_nothing_for_them() -> None:
    """Work that was cut off is not reported as anything; the engine hands the job out again."""
    gateway, gate = MemoryGateway(), Gate()
    await gateway.add("t")
    loop = JobLoop(gateway, [worker(gate)], {Pool.LIGHT: 1}, "test", Recorder())
    task = asyncio.create_task(loop.run())
    await until(lambda: gate.started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (gateway.completed, gateway.failed, list(gateway.active)) == ({}, [], [1])


def test_a_type_served_twice_or_a_pool_without_slots_is_refused() -> None:
    """The composition root learns of its mistake before anything starts."""
    with pytest.raises(ValueError, match="twice.*'t'"):
        JobLoop(MemoryGateway(), [worker(at_once), worker(at_once)], {Pool.LIGHT: 1}, "test")
    with pytest.raises(ValueError, match="without slots.*light"):
        JobLoop(MemoryGateway(), [worker(at_once)], {Pool.TERRAFORM: 1}, "test")


async def test_polls_that_were_refused_are_opened_again_in_bunches() -> None:
    """Twenty pauses of up to a fifth of a second end at three moments at most, none of them early."""
    began = time.monotonic()
    late: list[float] = []

    async def wait(seconds: float) -> float:
        await sleep_together(seconds)
        late.append(time.monotonic() - began - seconds)
        return round(time.monotonic(), 2)

    moments = await asyncio.gather(*(wait(number / 100) for number in range(1, 21)))
    assert min(late) >= -0.001
    assert sum(later - earlier > 0.05 for earlier, later in pairwise(sorted(moments))) <= 2
