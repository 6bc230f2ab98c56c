"""The job loop on a real engine: each outcome, cancellation, long work, results that are too large."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import TypeVar

import pytest

from workers.core.errors import EngineError
from workers.core.job import (
    BpmnErrorCode,
    Done,
    Failed,
    HandedBack,
    Handler,
    Job,
    JobWorker,
    Lease,
    Outcome,
    Pool,
    Refused,
    Stuck,
)
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.engine import report
from workers.engine.errors import JobGoneError
from workers.engine.grpc import ZeebeGateway
from workers.engine.loop import JobLoop
from workers.engine.observe import LogObserver
from workers.engine.rest import ElementInstance, Incident, Instance, OrchestrationRest

T = TypeVar("T")

pytestmark = [pytest.mark.engine, pytest.mark.conformance]

SEARCH_SECONDS = 150
"""How far the search may lag behind the engine on a loaded machine."""

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_Jobs"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:error id="Error_Stale" errorCode="PLAN_STALE" />
  <bpmn:process id="{process}" isExecutable="true">
    <bpmn:startEvent id="Start" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Start" targetRef="Task" />
    <bpmn:serviceTask id="Task">
      <bpmn:extensionElements>
        <zeebe:taskDefinition type="{type}" retries="2" />
        <zeebe:taskHeaders><zeebe:header key="reviewElement" value="Task_Review" /></zeebe:taskHeaders>
      </bpmn:extensionElements>
    </bpmn:serviceTask>
    <bpmn:sequenceFlow id="Flow_2" sourceRef="Task" targetRef="Finished" />
    <bpmn:endEvent id="Finished" />
    <bpmn:boundaryEvent id="Stale" attachedToRef="Task">
      <bpmn:outgoing>Flow_3</bpmn:outgoing>
      <bpmn:errorEventDefinition errorRef="Error_Stale" />
    </bpmn:boundaryEvent>
    <bpmn:sequenceFlow id="Flow_3" sourceRef="Stale" targetRef="EndedStale" />
    <bpmn:endEvent id="EndedStale" />
  </bpmn:process>
</bpmn:definitions>"""


class Bench:
    """One process with one job type of its own, served by the handler under test."""

    def __init__(
        self, gateway: ZeebeGateway, rest: OrchestrationRest, process: str, job_type: str, seen: LogObserver
    ) -> None:
        self.gateway = gateway
        self.rest = rest
        self.process = process
        self.job_type = job_type
        self.seen = seen

    async def start(self, **variables: object) -> int:
        return await self.gateway.create_instance(self.process, variables)  # type: ignore[arg-type]

    async def start_many(self, count: int) -> None:
        """Start so many instances, 32 at a time: of hundreds that all ask again, a busy engine leaves some out."""
        room = asyncio.Semaphore(32)

        async def start() -> None:
            async with room:
                await self.start()

        await asyncio.gather(*(start() for _ in range(count)))

    async def told(self, event: str, count: int = 1, seconds: float = SEARCH_SECONDS) -> None:
        await eventually(lambda: _ready(self.seen.counts[event] >= count), seconds)

    async def ended(self, key: int) -> Instance:
        async def read() -> Instance | None:
            try:
                found = await self.rest.instance(key)
            except JobGoneError:
                return None
            return found if found.ended else None

        return await eventually(read)

    async def incident(self, key: int) -> Incident:
        async def read() -> Incident | None:
            return next(iter(await self.rest.incidents(key)), None)

        return await eventually(read)

    async def element(self, key: int, element: str) -> ElementInstance:
        async def read() -> ElementInstance | None:
            return next((one for one in await self.rest.elements(key) if one.element == element), None)

        return await eventually(read)


async def _ready(condition: bool) -> bool:
    return condition


async def eventually(read: Callable[[], Awaitable[T | None]], seconds: float = SEARCH_SECONDS) -> T:
    """Ask until there is an answer; the search follows the engine with a delay."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await read():
                return found
            await asyncio.sleep(0.1)


@asynccontextmanager
async def serving(
    settings: Settings, handler: Handler, lease_seconds: float = SEARCH_SECONDS, slots: int = 4
) -> AsyncIterator[Bench]:
    """Deploy a process of its own and serve its job type."""
    job_type = f"enginetest.{uuid.uuid4().hex}"
    process = f"EngineTest_{uuid.uuid4().hex}"
    seen = LogObserver()
    async with ZeebeGateway.from_settings(settings) as gateway, OrchestrationRest.from_settings(settings) as rest:
        await gateway.deploy({f"{process}.bpmn": MODEL.format(process=process, type=job_type).encode()})
        worker = JobWorker(job_type, handler, Pool.LIGHT, timedelta(seconds=lease_seconds))
        loop = JobLoop(gateway, [worker], {Pool.LIGHT: slots}, "test", seen)
        task = asyncio.create_task(loop.run())
        yield Bench(gateway, rest, process, job_type, seen)
        await loop.drain(timedelta(seconds=5))
        await task


async def test_done_completes_the_instance_and_the_handler_sees_the_job_whole(settings: Settings) -> None:
    """Variables, headers, keys and retries of the job arrive; the instance runs on to its end."""
    jobs: list[Job] = []

    async def handler(job: Job, lease: Lease) -> Outcome:
        jobs.append(job)
        return Done({"answer": {"n": 42}})

    async with serving(settings, handler) as bench:
        key = await bench.start(name="web1", umlaut="grün")
        assert (await bench.ended(key)).state == "COMPLETED"
    (job,) = jobs
    assert (job.process_instance, job.element, job.process, job.retries) == (key, "Task", bench.process, 2)
    assert job.headers == {"reviewElement": "Task_Review"}
    assert job.variables == {"name": "web1", "umlaut": "grün"}


async def test_failed_uses_up_retries_and_then_raises_an_incident_that_can_be_resolved(settings: Settings) -> None:
    """Two failures, an incident with the message; resolved with a retry, the same job comes again and completes."""
    keys: list[int] = []

    async def handler(job: Job, lease: Lease) -> Outcome:
        keys.append(job.key)
        return Done() if len(keys) > 2 else Failed("backend is away", timedelta(milliseconds=50))

    async with serving(settings, handler) as bench:
        key = await bench.start()
        incident = await bench.incident(key)
        assert (incident.type, incident.message) == ("JOB_NO_RETRIES", "backend is away")
        await bench.gateway.update_retries(incident.job, 1)
        await bench.gateway.resolve_incident(incident.key)
        assert (await bench.ended(key)).state == "COMPLETED"
    assert keys == [incident.job] * 3


async def test_stuck_raises_an_incident_at_once(settings: Settings) -> None:
    """No retry is tried: a person has to look."""

    async def handler(job: Job, lease: Lease) -> Outcome:
        return Stuck("run 42 was interrupted, see its log")

    async with serving(settings, handler) as bench:
        incident = await bench.incident(await bench.start())
        assert incident.message == "run 42 was interrupted, see its log"
        assert bench.seen.counts["job.activated"] == 1


async def test_handed_back_comes_again_after_the_delay_with_its_retries(settings: Settings) -> None:
    """The retries are unchanged however often a job is handed back, and the delay is kept."""
    seen: list[tuple[int, float]] = []

    async def handler(job: Job, lease: Lease) -> Outcome:
        seen.append((job.retries, time.monotonic()))
        return Done() if len(seen) == 4 else HandedBack("stack is busy", timedelta(milliseconds=300))

    async with serving(settings, handler) as bench:
        await bench.start()
        await bench.told("job.completed")
    assert [retries for retries, _ in seen] == [2, 2, 2, 2]
    assert all(later - earlier >= 0.29 for (_, earlier), (_, later) in pairwise(seen))


async def test_every_job_comes_again_however_often_it_is_handed_back_on_a_busy_machine(settings: Settings) -> None:
    """Four hundred jobs, five times each, while something else takes the processor: the engine forgets none of them."""
    deliveries: Counter[int] = Counter()

    async def handler(job: Job, lease: Lease) -> Outcome:
        deliveries[job.key] += 1
        return Done() if deliveries[job.key] > 5 else HandedBack("stack is busy", timedelta(seconds=1))

    async with serving(settings, handler, slots=32) as bench:
        with busy(4):
            await bench.start_many(400)
            await bench.told("job.completed", 400, 3 * SEARCH_SECONDS)
    assert set(deliveries.values()) == {6}


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but take the processor."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


class Brief:
    """A handler that takes a hundredth of a second, and knows how many of it ran at once."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def __call__(self, job: Job, lease: Lease) -> Outcome:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1
        return Done()


async def test_a_burst_of_pushed_jobs_is_done_within_the_slots(settings: Settings) -> None:
    """800 jobs come at once to 4 slots: 4 run, some are on their way, most stay with the engine. All end soon."""
    handler = Brief()
    async with serving(settings, handler) as bench:
        await asyncio.gather(*(bench.start() for _ in range(800)))
        await bench.told("job.completed", 800, SEARCH_SECONDS - 30)
    assert handler.most == 4
    assert bench.seen.counts["job.failed"] == 0


async def test_a_worker_without_room_leaves_new_jobs_to_others(settings: Settings) -> None:
    """After half a lease without a slot its stream is closed: its job in hand and a new one go to another worker."""
    full = asyncio.Event()

    async def handler(job: Job, lease: Lease) -> Outcome:
        await full.wait()
        return Done()

    async with serving(settings, handler, lease_seconds=6, slots=1) as bench:
        await bench.start()
        await bench.told("job.activated")
        await bench.start()
        await bench.told("push.paused")
        await bench.start()
        others: list[Job] = []
        async with asyncio.timeout(30):
            while len(others) < 2:
                wait = timedelta(seconds=5)
                others += await bench.gateway.activate(bench.job_type, "other", 2, timedelta(seconds=30), wait)
        for job in others:
            await bench.gateway.complete(job.key, {})
        full.set()
        await bench.told("job.completed")


async def test_refused_is_caught_by_the_boundary_event(settings: Settings) -> None:
    """The BPMN error takes the drawn path."""

    async def handler(job: Job, lease: Lease) -> Outcome:
        return Refused(BpmnErrorCode.PLAN_STALE, "the plan is two days old", {"failure": {"code": "PLAN_STALE"}})

    async with serving(settings, handler) as bench:
        key = await bench.start()
        assert (await bench.ended(key)).state == "COMPLETED"
        assert (await bench.element(key, "EndedStale")).state == "COMPLETED"


async def test_an_error_that_nothing_catches_is_an_incident(settings: Settings) -> None:
    """What the model does not know waits for a person, with the code in the message."""

    async def handler(job: Job, lease: Lease) -> Outcome:
        return Refused(BpmnErrorCode.HOST_FAILED, "no route to host")

    async with serving(settings, handler) as bench:
        incident = await bench.incident(await bench.start())
        assert incident.type == "UNHANDLED_ERROR_EVENT"
        assert "HOST_FAILED" in incident.message


async def test_a_cancelled_instance_loses_the_lease_of_its_running_job(settings: Settings) -> None:
    """Renewal is how we learn of it; the handler sees ``lost`` and ends."""
    started, lost = asyncio.Event(), asyncio.Event()

    async def handler(job: Job, lease: Lease) -> Outcome:
        started.set()
        await asyncio.wait_for(lease.lost.wait(), 20)
        lost.set()
        return Done()

    async with serving(settings, handler, lease_seconds=1.5) as bench:
        key = await bench.start()
        await asyncio.wait_for(started.wait(), 20)
        await bench.gateway.cancel_instance(key)
        await asyncio.wait_for(lost.wait(), 5)
        await bench.told("job.gone")
        with pytest.raises(JobGoneError):
            await bench.gateway.cancel_instance(key)


async def test_work_longer_than_the_timeout_runs_once(settings: Settings) -> None:
    """With a timeout of 1.5 s and work of 5 s the job is delivered once, because its lease is renewed."""
    starts: list[int] = []

    async def handler(job: Job, lease: Lease) -> Outcome:
        starts.append(job.key)
        await asyncio.sleep(5)
        return Done()

    async with serving(settings, handler, lease_seconds=1.5) as bench:
        await bench.start()
        await bench.told("job.completed")
    assert len(starts) == 1
    assert bench.seen.counts["lease.renewed"] >= 5
    assert bench.seen.counts["job.redelivered"] == 0


async def test_a_result_that_is_too_large_does_not_run_the_work_again(settings: Settings) -> None:
    """An incident with the reason, one delivery."""

    async def handler(job: Job, lease: Lease) -> Outcome:
        return Done({"log": "x" * 200_000})

    async with serving(settings, handler) as bench:
        incident = await bench.incident(await bench.start())
        assert "200" in incident.message
        assert "reference" in incident.message
        assert bench.seen.counts["job.activated"] == 1


async def test_the_engines_own_rejection_of_a_large_result_is_an_error_that_we_see(settings: Settings) -> None:
    """Sent past our limit, 5 MB are refused by the engine with an EngineError and not with silence."""
    async with ZeebeGateway.from_settings(settings) as gateway:
        name = f"EngineTest_{uuid.uuid4().hex}"
        job_type = f"enginetest.{uuid.uuid4().hex}"
        await gateway.deploy({"large.bpmn": MODEL.format(process=name, type=job_type).encode()})
        key = await gateway.create_instance(name, {})
        (job,) = await gateway.activate(job_type, "test", 1, timedelta(seconds=30), timedelta(seconds=20))
        with pytest.raises(EngineError, match="complete job"):
            await gateway.complete(job.key, {"log": "x" * 5_000_000})
        await gateway.cancel_instance(key)


@pytest.mark.parametrize(
    ("result", "reason"),
    [({"log": "x" * 5_000_000}, "The engine rejected the outcome"), ({"log": object()}, "is not JSON")],
    ids=["rejected by the engine", "not serialisable"],
)
async def test_a_result_that_the_engine_cannot_take_fails_the_job_with_a_small_payload(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, result: dict[str, JsonValue], reason: str
) -> None:
    """Past our own limit too: the work is done once, and a person is told why in a few words."""
    monkeypatch.setattr(report, "RESULT_LIMIT", 50_000_000)
    times = 0

    async def handler(job: Job, lease: Lease) -> Outcome:
        nonlocal times
        times += 1
        return Done(result)

    async with serving(settings, handler, lease_seconds=2) as bench:
        incident = await bench.incident(await bench.start())
        assert reason in incident.message
        assert len(incident.message) < 5_000
        assert bench.seen.counts["job.completed"] == 0
        assert bench.seen.counts["job.failed"] == 1
    assert times == 1


async def test_many_jobs_of_many_types_all_end(settings: Settings) -> None:
    """60 instances over 12 job types and 2 slots: every one completes, never more than 2 run."""
    handler = Brief()
    mark = uuid.uuid4().hex
    names = {f"EngineTest_{mark}_{n}": f"enginetest.{mark}.{n}" for n in range(12)}
    seen = LogObserver()
    async with ZeebeGateway.from_settings(settings) as gateway:
        models = {f"{name}.bpmn": MODEL.format(process=name, type=kind).encode() for name, kind in names.items()}
        await gateway.deploy(models)
        workers = [JobWorker(kind, handler, Pool.TERRAFORM) for kind in names.values()]
        loop = JobLoop(gateway, workers, {Pool.TERRAFORM: 2}, "test", seen)
        task = asyncio.create_task(loop.run())
        for _ in range(5):
            await asyncio.gather(*(gateway.create_instance(name, {}) for name in names))
        await eventually(lambda: _ready(seen.counts["job.completed"] == 60), 60)
        await loop.drain(timedelta(seconds=5))
        await task
    assert handler.most == 2
