# ruff: noqa: ASYNC110 - the search is polled: the engine pushes nothing
"""What people with access to the engine try in order to have a change made that nobody may have made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from by_hand import begin_at
from served import PROJECT, Served
from workers.core.settings import Settings
from workers.engine.errors import JobGoneError
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest, UserTask

pytestmark = [pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

SECONDS = 180
SHORTCUT = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_Shortcut"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="Shortcut" isExecutable="true">
    <bpmn:startEvent id="StartEvent_Asked" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_Asked" targetRef="Task_Apply" />
    <bpmn:serviceTask id="Task_Apply">
      <bpmn:extensionElements><zeebe:taskDefinition type="terraform.local_host.apply" /></bpmn:extensionElements>
    </bpmn:serviceTask>
  </bpmn:process>
</bpmn:definitions>"""


@dataclass
class Attacker:
    """Somebody with an account at the engine, and a request of `demo` that waits for approval.

    Attributes:
        instance: the outermost instance.
        seen: user tasks that were completed already.
    """

    project: Served
    settings: Settings
    gateway: ZeebeGateway
    name: str
    instance: int
    seen: set[int]

    def as_user(self, user: str) -> OrchestrationRest:
        return OrchestrationRest.as_user(self.settings, user, user)

    async def review(self) -> UserTask:
        """The review that waits now."""
        async with self.as_user("view") as rest, asyncio.timeout(SECONDS):
            while True:
                for called in await rest.tree(self.instance, within=60):
                    for task in await rest.user_tasks(process_instance=called.key, state="CREATED"):
                        if task.element == "Task_ReviewChange" and task.key not in self.seen:
                            return task
                await asyncio.sleep(0.3)

    async def complete(self, user: str, assignee: str | None, decision: str = "approved") -> None:
        """Complete the review as ``user``, after assigning it to ``assignee``."""
        task = await self.review()
        async with self.as_user(user) as rest:
            if assignee is not None:
                await rest.assign(task.key, assignee)
            await rest.complete(task.key, {"decision": decision, "reason": "because"})
        self.seen.add(task.key)

    def audit(self, *actions: str) -> list[dict[str, Any]]:
        trail = self.project.data_of("stack", "show", f"local/{self.name}")["audit"]
        return [entry for entry in trail if entry["action"] in actions]

    async def decisions(self, count: int) -> list[dict[str, Any]]:
        """The recorded decisions, once there are so many."""
        async with asyncio.timeout(SECONDS):
            while len(found := self.audit("approved", "rejected", "none")) < count:
                await asyncio.sleep(0.5)
        return found

    async def incident(self, instance: int) -> str:
        """The message of the incident that an instance, or one that it called, ends up with."""
        async with self.as_user("view") as rest, asyncio.timeout(SECONDS):
            while True:
                for called in await rest.tree(instance, within=60):
                    for incident in await rest.incidents(process_instance=called.key):
                        return incident.message
                await asyncio.sleep(0.3)

    def change(self) -> str:
        """The digest of the change that waits."""
        return self.audit("planned")[-1]["details"]["change"]


Ask = Callable[[str], Awaitable[Attacker]]


@pytest.fixture
async def ask(project: Served, settings: Settings) -> AsyncIterator[Ask]:
    """Makes a request; what still waits at the end is cancelled."""
    asked: list[int] = []
    async with ZeebeGateway.from_settings(settings) as gateway:

        async def start(name: str) -> Attacker:
            asked.append(await asyncio.to_thread(project.start, name))
            return Attacker(project, settings, gateway, name, asked[-1], set())

        yield start
        for instance in asked:
            with contextlib.suppress(JobGoneError):  # it has ended
                await gateway.cancel_instance(instance)


async def test_nobody_approves_by_the_api_what_they_may_not(ask: Ask):
    """The requester, the service, nobody and a stranger as assignee approve nothing, and each leads back to the task.

    What 8.6 cannot know is seen too: whoever may call its API can assign a task to a member of the group, complete it,
    and is taken for them. Here the requester rejects in another's name.
    """
    attacker = await ask("attack1")
    await attacker.complete("demo", "demo")
    await attacker.complete("view", "view")
    await attacker.complete("act", None)
    await attacker.complete("act", "eve")
    await attacker.complete("demo", "act", "rejected")
    *refused, last = await attacker.decisions(5)
    assert [(e["actor"], e["details"]["counts"]) for e in refused] == [
        ("demo", False), ("view", False), ("nobody", False), ("eve", False),
    ]  # fmt: skip
    notes = " ".join(e["details"]["note"] for e in refused)
    for words in ("asked for this change", "service identity", "without an assignee", "does not belong"):
        assert words in notes
    assert (last["actor"], last["action"], last["details"]["counts"]) == ("act", "rejected", True)
    assert attacker.audit("applied") == []


async def test_a_process_variable_approves_nothing(ask: Ask):
    """A change that is renamed in the variables before the decision leads to an incident, and no approval is kept."""
    attacker = await ask("attack2")
    task = await attacker.review()
    await attacker.gateway.set_variables(task.process_instance, {"plan": {"change": "f" * 64, "hasChanges": True}})
    await attacker.complete("act", "act")
    assert "holds no change" in await attacker.incident(attacker.instance)
    assert attacker.audit("approved", "applied") == []


async def test_a_model_of_ones_own_applies_nothing(ask: Ask):
    """A process that goes straight to the apply of a change, approved or not, of another instance is refused."""
    attacker = await ask("attack3")
    task = await attacker.review()
    await attacker.gateway.deploy({"shortcut.bpmn": SHORTCUT.encode()})
    variables = {"environment": "local", "stack": "attack3", "change": attacker.change()}
    shortcut = await attacker.gateway.create_instance("Shortcut", variables)
    try:
        assert "another process instance" in await attacker.incident(shortcut)
        assert attacker.audit("applied") == []
    finally:
        await attacker.gateway.cancel_instance(shortcut)
    assert task.state == "CREATED"


async def test_an_apply_begun_by_hand_applies_nothing(ask: Ask):
    """Operate can move an instance past its review: the apply finds no approval, and people see a new plan."""
    attacker = await ask("attack5")
    task = await attacker.review()
    await begin_at(attacker.gateway, task.process_instance, "Task_ApplyChange")
    attacker.seen.add(task.key)
    again = await attacker.review()
    assert again.process_instance == task.process_instance
    assert len({entry["details"]["change"] for entry in attacker.audit("planned")}) == 2
    assert attacker.audit("approved", "applied") == []


async def test_a_weaker_table_is_noticed(ask: Ask, project: Served, settings: Settings):
    """A decision table that asks nobody, deployed past `sluis deploy`, ends in an incident and not in an apply."""
    own = (PROJECT / "bpmn" / "ChangePolicy.dmn").read_bytes()
    weaker = own.replace(b"<text>1</text>", b"<text>0</text>")
    assert weaker != own
    async with ZeebeGateway.from_settings(settings) as gateway:
        await gateway.deploy({"ChangePolicy.dmn": weaker})
        try:
            attacker = await ask("attack4")
            assert "not the one that was deployed last" in await attacker.incident(attacker.instance)
            assert attacker.audit("approved", "applied") == []
        finally:
            await asyncio.to_thread(project.data_of, "deploy")
