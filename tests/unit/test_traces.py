"""Traces: what is recorded of a job, and what a collector gets of it over the network."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from otlp_kit import Collector, collector
from workers.core.errors import EngineUnavailableError, SettingError
from workers.core.events import Event, EventKind
from workers.core.job import BpmnErrorCode, Done, HandedBack, Job, Refused
from workers.core.spans import MOST_CHILDREN, Progress, note, record, span
from workers.core.values import now
from workers.engine.rest import ElementInstance, Instance
from workers.runs.store import DirectoryStore
from workers.service.otlp import Sender
from workers.service.traces import Traced, Traces, _Look, wanted

MOMENT = now() - timedelta(minutes=5)


class Records:
    """What an engine tells of one process that called another one."""

    def __init__(self, start=MOMENT) -> None:
        end = start + timedelta(minutes=4)
        self.known = {
            1: Instance(1, "Order", 1, "COMPLETED", None, start, end),
            2: Instance(2, "Block", 1, "COMPLETED", 1, start, end),
        }

    async def root_of(self, key: int, within: float = 0) -> Instance:
        return self.known[1]

    async def instance(self, key: int, within: float = 0) -> Instance:
        return self.known[key]

    async def instances(self, parent: int) -> tuple[Instance, ...]:
        return tuple(i for i in self.known.values() if i.parent_key == parent)

    async def elements(self, key: int) -> tuple[ElementInstance, ...]:
        if key == 1:
            return ()
        task = ElementInstance(21, "Task_Plan", 2, "SERVICE_TASK", "COMPLETED", "", MOMENT, now())
        review = ElementInstance(22, "Task_Review", 2, "USER_TASK", "COMPLETED", "", MOMENT, now())
        gate = ElementInstance(23, "Gateway", 2, "EXCLUSIVE_GATEWAY", "COMPLETED", "", MOMENT, now())
        end = ElementInstance(24, "EndEvent_Told", 2, "END_EVENT", "COMPLETED", "", MOMENT, now())
        return (task, review, gate, end)


def job(key: int, element: int = 21) -> Job:
    return Job(key, "terraform.box.plan", 2, element, "Task_Plan", "Block", 1, 3)


def resource(subject: str, state: str) -> Event:
    return Event(time=now(), kind=EventKind.RESOURCE, text=subject, subject=subject, state=state)


async def work(job, lease):
    note({"sluis.run": f"{job.key}-1"})
    told = Progress()
    with span("tofu plan"):
        told(resource("box.one", "started"))
        told(resource("box.one", "ok"))
    return Done({})


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch):
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
        yield found


async def worked(records: Records, store: DirectoryStore, name: str, key: int) -> None:
    """A worker of that name does a job, sees the process ended, and stops."""
    traces = Traces(records, store, dict, sender := Sender(name))
    await Traced(work, traces.take)(job(key), None)
    running = asyncio.create_task(traces.run())
    await traces.settle()
    if await store.create("traces/1", b""):
        await traces.send_ended(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.to_thread(sender.close)


async def test_workers_that_know_nothing_of_each_other_make_one_trace(got: Collector, tmp_path):
    """The work of two workers, the steps and the instances arrive over the network as one tree with one root."""
    store = DirectoryStore(tmp_path)
    await worked(Records(), store, "w1", 100)
    await worked(Records(), store, "w2", 200)
    assert len({s.trace for s in got.spans}) == 1
    assert {s.worker for s in got.spans if s.name == "terraform.box.plan"} == {"w1", "w2"}
    by_id = {s.id: s for s in got.spans}
    assert len(by_id) == len(got.spans)
    [root] = [s for s in got.spans if not s.parent]
    assert root.name == "Order"

    def way(s) -> list[str]:
        return [s.name, *(way(by_id[s.parent]) if s.parent else [])]

    ways = [way(s) for s in got.spans if s.name == "box.one"]
    assert ways == [["box.one", "tofu plan", "terraform.box.plan", "Task_Plan", "Block", "Order"]] * 2
    assert ["Task_Review", "Block", "Order"] in [way(s) for s in got.spans]
    assert ["EndEvent_Told", "Block", "Order"] in [way(s) for s in got.spans]
    assert "Gateway" not in {s.name for s in got.spans}
    runs = {s.attributes["sluis.run"] for s in got.spans if s.name == "terraform.box.plan"}
    assert runs == {"100-1", "200-1"}


async def test_an_engine_that_counts_anew_makes_another_trace(got: Collector, tmp_path):
    """The same key at another time is another process, and so another trace."""
    await worked(Records(), DirectoryStore(tmp_path / "a"), "w", 100)
    await worked(Records(MOMENT - timedelta(days=1)), DirectoryStore(tmp_path / "b"), "w", 100)
    assert len({s.trace for s in got.spans}) == 2


async def test_a_collector_that_fails_costs_spans_and_no_job(got: Collector, tmp_path):
    """Where nothing is taken the work goes on as ever, and the worker still comes to its end."""
    got.failing = 400
    await worked(Records(), DirectoryStore(tmp_path), "w", 100)
    assert got.requests
    assert got.spans == []


async def test_an_engine_that_does_not_say_costs_the_span_only(got: Collector, tmp_path):
    """Where the outermost instance cannot be had, the record is dropped and the next one is sent."""

    class Silent(Records):
        answers = iter((EngineUnavailableError("gone"), Records().known[1]))

        async def root_of(self, key: int, within: float = 0) -> Instance:
            answer = next(self.answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

    traces = Traces(Silent(), DirectoryStore(tmp_path), dict, sender := Sender("w"))
    running = asyncio.create_task(traces.run())
    for key in (1, 2):
        await Traced(work, traces.take)(job(key), None)
        await traces.settle()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.to_thread(sender.close)
    assert [s.attributes["sluis.run"] for s in got.spans if s.name == "terraform.box.plan"] == ["2-1"]


async def test_an_end_that_could_not_be_read_is_sent_at_a_later_look(got: Collector, tmp_path):
    """Where the engine fails while its record of an ended process is read, the process is not taken for sent."""

    class Failing(Records):
        failures = 1

        async def elements(self, key: int) -> tuple[ElementInstance, ...]:
            if self.failures:
                self.failures -= 1
                raise EngineUnavailableError("gone")
            return await super().elements(key)

    store = DirectoryStore(tmp_path)
    traces = Traces(Failing(), store, dict, sender := Sender("w"))
    look = _Look(due=0, ended=True)
    with pytest.raises(EngineUnavailableError):
        await traces._look(1, look)
    for _ in range(2):
        await traces._look(1, look)
    await asyncio.to_thread(sender.close)
    assert await store.keys("traces") == ("traces/1",)
    assert [s.name for s in got.spans].count("Order") == 1


async def test_outcomes_and_crashes_are_told_and_what_was_handed_back_is_not():
    """A refusal has its code, a crash is passed on and recorded, a job that was only handed back is no work."""
    taken = []

    async def refuse(job, lease):
        return Refused(BpmnErrorCode.PLAN_STALE, "old")

    async def crash(job, lease):
        raise ValueError("no")

    async def busy(job, lease):
        return HandedBack("busy")

    def take(job, tree):
        taken.append(tree)

    await Traced(refuse, take)(job(1), None)
    await Traced(busy, take)(job(2), None)
    with pytest.raises(ValueError, match="no"):
        await Traced(crash, take)(job(3), None)
    assert [(t.failed, t.attributes["sluis.outcome"]) for t in taken] == [(True, "refused"), (True, "ValueError")]
    assert taken[0].attributes["sluis.code"] == "PLAN_STALE"
    assert all(t.ended >= t.began for t in taken)


def test_nothing_is_recorded_where_nobody_traces():
    """Without a tree the parts are nobody's; with one, thousands of resources do not swell it without end."""
    with span("alone") as alone:
        note({"a": 1})
        Progress()(resource("r", "started"))
    assert (alone.attributes, alone.children) == ({}, [])
    with record("job", {}) as tree:
        told = Progress()
        for n in range(MOST_CHILDREN + 10):
            told(resource(f"r{n}", "started"))
            told(resource(f"r{n}", "failed"))
    assert len(tree.children) == MOST_CHILDREN
    assert tree.children[0].failed


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_a_collector_is_named_by_the_usual_variables(environ, expected):
    """OpenTelemetry's own variables turn traces on and off."""
    assert wanted(environ) is expected


def test_another_protocol_is_refused_with_the_remedy():
    """Who asks for gRPC is told which protocol and port it has to be."""
    with pytest.raises(SettingError, match="OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'"):
        wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
