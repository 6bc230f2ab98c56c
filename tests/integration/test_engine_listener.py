"""The decision at the completion, on an engine of 8.8: what its listener is told, and what a denial does.

The engine in memory has no REST API and a gateway that ignores a job's result; `tests/engine88.py` stands in for both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from engine88 import Engine88, engine88, jars
from needs import missing
from tests.integration.models_fixtures import within
from tests.unit.handlers_kit import Lease, rules
from workers.core.errors import SluisError
from workers.core.job import Denied, Done, Job
from workers.core.records import Change, Policy, RequestRecord
from workers.core.settings import Settings
from workers.core.values import now
from workers.engine.grpc import ZeebeGateway
from workers.engine.link import EngineLink
from workers.engine.listeners import denial
from workers.engine.observe import LogObserver
from workers.engine.report import Reporter
from workers.handlers.approval import VerifyApproval
from workers.handlers.listener import DecideAtCompletion
from workers.handlers.ports import CompletedTask
from workers.handlers.rules import Rules
from workers.service.listeners import has_listeners, with_listeners

MODEL = b"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_Listened"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="Listened" isExecutable="true">
    <bpmn:startEvent id="Start" />
    <bpmn:sequenceFlow id="Flow_0" sourceRef="Start" targetRef="Task_PlanChange" />
    <bpmn:serviceTask id="Task_PlanChange">
      <bpmn:extensionElements><zeebe:taskDefinition type="listened.plan" /></bpmn:extensionElements>
    </bpmn:serviceTask>
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Task_PlanChange" targetRef="Task_ReviewChange" />
    <bpmn:userTask id="Task_ReviewChange">
      <bpmn:extensionElements>
        <zeebe:userTask />
        <zeebe:assignmentDefinition assignee="=assignee" />
        <zeebe:ioMapping><zeebe:input source="={change: change}" target="review" /></zeebe:ioMapping>
      </bpmn:extensionElements>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="Flow_2" sourceRef="Task_ReviewChange" targetRef="Task_VerifyDecision" />
    <bpmn:serviceTask id="Task_VerifyDecision">
      <bpmn:extensionElements>
        <zeebe:taskDefinition type="approval.verify" />
        <zeebe:taskHeaders><zeebe:header key="reviewElement" value="Task_ReviewChange" /></zeebe:taskHeaders>
      </bpmn:extensionElements>
    </bpmn:serviceTask>
    <bpmn:sequenceFlow id="Flow_3" sourceRef="Task_VerifyDecision" targetRef="End" />
    <bpmn:endEvent id="End" />
  </bpmn:process>
</bpmn:definitions>"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine88]:
    try:
        folder = asyncio.run(jars(Settings()))
    except SluisError as error:
        missing(error)
    with engine88(folder, tmp_path_factory.mktemp("engine88") / "log") as found:
        yield found


@pytest.fixture
async def gateway(engine: Engine88) -> AsyncIterator[ZeebeGateway]:
    async with ZeebeGateway.from_settings(Settings(grpc_address=engine.address)) as found:
        yield found


@dataclass
class Review:
    """An open review of a change at that engine, asked for by ``demo``."""

    engine: Engine88
    gateway: ZeebeGateway
    rules: Rules
    change: Change
    task: int

    async def job(self, job_type: str) -> Job:
        """The next job of that type."""
        jobs = await self.gateway.activate(job_type, "test", 1, timedelta(seconds=60), timedelta(seconds=20))
        assert jobs, f"no job {job_type}; the user task is {self.engine.state(self.task)}"
        return jobs[0]

    async def asked(self, **completion: object) -> tuple[Job, Done | Denied]:
        """Complete the user task, and what our listener says to that."""
        self.engine.complete(self.task, **completion)
        job = await self.job("approval.decide")
        return job, await DecideAtCompletion(self.rules)(job, Lease())

    async def report(self, job: Job, outcome: Done | Denied) -> None:
        """Tell the engine, as the job loop does."""
        seen = LogObserver()
        await Reporter(self.gateway, EngineLink(self.gateway, seen), seen).report(job, outcome, time.monotonic())

    async def becomes(self, state: str) -> None:
        """Wait for what happens to the user task."""

        async def there() -> bool | None:
            return self.engine.state(self.task) == state or None

        await within(20, there, f"user task {state}")

    async def verified(self, assignee: str) -> str:
        """Where the change stands after the verification. No search here: the completed task is told by the test."""
        self.rules.tasks.tasks.append(CompletedTask(self.task, assignee, now()))
        job = await self.job("approval.verify")
        outcome = await VerifyApproval(self.rules)(job, Lease())
        await self.gateway.complete(job.key, {})
        return outcome.variables["approval"]["state"] if isinstance(outcome, Done) else outcome.code.value


async def review(engine: Engine88, gateway: ZeebeGateway, folder: Path, assignee: str) -> Review:
    found = rules(folder)
    await found.context.requests.save(
        RequestRecord(process_instance=100, process="Listened", requester="demo", evidence="test", created=now())
    )
    await gateway.deploy({"Listened.bpmn": with_listeners(MODEL)})
    instance = await gateway.create_instance("Listened", {"assignee": assignee})
    change = Change(environment="local", stack="local/web1", process_instance=instance)
    await found.context.changes.save(change)
    answer = Policy(change=change.digest, approvals=1, group="approvers", created=now())
    await found.context.changes.set_policy(answer)
    [planning] = await gateway.activate("listened.plan", "test", 1, timedelta(seconds=60), timedelta(seconds=20))
    await gateway.complete(planning.key, {"change": change.digest})

    async def shown() -> int | None:
        return engine.task(instance)

    task = await within(20, shown, "user task")
    return Review(engine, gateway, found, change, task)


async def test_a_decision_is_written_down_before_the_task_is_complete(engine, gateway, tmp_path):
    """The listener gets key, assignee and entered variables; what it lets pass counts, whatever variables say later."""
    assert has_listeners((await gateway.topology()).gateway_version)
    seen = await review(engine, gateway, tmp_path, "act")
    job, outcome = await seen.asked(decision="rejected", reason="too big")
    assert (job.user_task.key, job.user_task.assignee) == (seen.task, "act")
    assert outcome == Done()
    assert engine.state(seen.task) != "COMPLETED"
    await seen.report(job, outcome)
    await seen.becomes("COMPLETED")
    await gateway.set_variables(job.process_instance, {"decision": "approved"})
    assert await seen.verified("act") == "CHANGE_REJECTED"


async def test_a_denied_completion_leaves_the_task_open(engine, gateway, tmp_path):
    """The engine takes the bytes of our denial for one: the requester's approval does not complete the task."""
    seen = await review(engine, gateway, tmp_path, "demo")
    job, outcome = await seen.asked(decision="approved")
    assert "asked for this change" in outcome.message
    engine.finish(denial(job.key, outcome.message).SerializeToString())
    await seen.becomes("COMPLETION_DENIED")
    assert engine.task(job.process_instance) == seen.task
    again, _ = await seen.asked(decision="approved")
    assert again.user_task.key == seen.task


async def test_a_denial_that_gets_lost_approves_nothing(engine, gateway, tmp_path):
    """This engine's gateway completes a task though its listener denied: the verification finds no statement."""
    seen = await review(engine, gateway, tmp_path, "demo")
    job, outcome = await seen.asked(decision="approved")
    await seen.report(job, outcome)
    await seen.becomes("COMPLETED")
    await gateway.set_variables(job.process_instance, {"decision": "approved"})
    assert await seen.verified("act") == "more"
