# ruff: noqa: ASYNC110 - the search is polled: the engine pushes nothing
"""Both APIs of a real engine: topology, deployment, decisions, messages, user tasks, instances, sign-in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from workers.core.errors import EngineError, EngineUnavailableError
from workers.core.settings import Settings
from workers.engine.errors import JobGoneError
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest, UserTask
from workers.service.adapters import EngineTasks

pytestmark = [pytest.mark.engine, pytest.mark.conformance]

UNKNOWN_JOB = (1 << 51) + 1
"""A key of partition 1 (a key's upper bits name its partition) that no job has."""

SEARCH_SECONDS = 150
"""How far the search may lag behind the engine on a loaded machine."""

NAMESPACES = (
    'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn"'
)
CALLER = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions {namespaces} id="Definitions_Caller">
  <bpmn:process id="Caller_{mark}" isExecutable="true">
    <bpmn:startEvent id="Start" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Start" targetRef="Call" />
    <bpmn:callActivity id="Call">
      <bpmn:extensionElements><zeebe:calledElement processId="Called_{mark}" /></bpmn:extensionElements>
    </bpmn:callActivity>
  </bpmn:process>
</bpmn:definitions>"""
CALLED = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions {namespaces} id="Definitions_Called">
  <bpmn:process id="Called_{mark}" isExecutable="true">
    <bpmn:startEvent id="Start" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="Start" targetRef="Review" />
    <bpmn:userTask id="Review">
      <bpmn:extensionElements>
        <zeebe:userTask />
        <zeebe:assignmentDefinition candidateGroups="approvers" />
      </bpmn:extensionElements>
    </bpmn:userTask>
  </bpmn:process>
</bpmn:definitions>"""
TABLE = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="Requirements_{mark}" name="Policy"
    namespace="http://camunda.org/schema/1.0/dmn">
  <decision id="Decision_{mark}" name="Approvals">
    <decisionTable id="Table" hitPolicy="FIRST">
      <input id="Input_1">
        <inputExpression id="Expression_1" typeRef="string"><text>stage</text></inputExpression>
      </input>
      <output id="Output_1" name="approvals" typeRef="number" />
      <rule id="Rule_Production"><inputEntry id="In_1"><text>"production"</text></inputEntry>
        <outputEntry id="Out_1"><text>2</text></outputEntry></rule>
      <rule id="Rule_Else"><inputEntry id="In_2"><text></text></inputEntry>
        <outputEntry id="Out_2"><text>1</text></outputEntry></rule>
    </decisionTable>
  </decision>
</definitions>"""


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[ZeebeGateway]:
    async with ZeebeGateway.from_settings(settings) as opened:
        yield opened


@pytest.fixture
async def rest(settings: Settings) -> AsyncIterator[OrchestrationRest]:
    async with OrchestrationRest.as_user(settings, "demo", "demo") as signed_in:
        yield signed_in


async def deploy_pair(gateway: ZeebeGateway, mark: str) -> None:
    await gateway.deploy(
        {
            "caller.bpmn": CALLER.format(namespaces=NAMESPACES, mark=mark).encode(),
            "called.bpmn": CALLED.format(namespaces=NAMESPACES, mark=mark).encode(),
        }
    )


async def review_of(rest: OrchestrationRest, root: int) -> UserTask:
    """The user task in the instance that ``root`` called."""
    async with asyncio.timeout(SEARCH_SECONDS):
        while True:
            for called in await rest.instances(parent=root):
                for task in await rest.user_tasks(called.key, element="Review"):
                    return task
            await asyncio.sleep(0.2)


async def test_topology_names_the_version_and_is_ready(gateway: ZeebeGateway) -> None:
    """A running engine has a leader for every partition."""
    topology = await gateway.topology()
    assert topology.ready
    assert topology.gateway_version.startswith("8.")
    assert await gateway.ready()


async def test_deploying_again_keeps_versions_and_a_broken_model_is_refused_with_its_reason(
    gateway: ZeebeGateway, mark: str
) -> None:
    """Unchanged resources keep key and version; nonsense names the file."""
    model = {"called.bpmn": CALLED.format(namespaces=NAMESPACES, mark=mark).encode()}
    first, again = await gateway.deploy(model), await gateway.deploy(model)
    assert first.processes == again.processes
    assert (first.processes[0].id, first.processes[0].version) == (f"Called_{mark}", 1)
    with pytest.raises(EngineError, match=r"broken\.bpmn"):
        await gateway.deploy({"broken.bpmn": b"<nonsense/>"})


async def test_a_decision_is_evaluated_and_its_table_can_be_read_back(
    gateway: ZeebeGateway, rest: OrchestrationRest, mark: str
) -> None:
    """Output, matched rule and key; the key leads to the very XML that was deployed."""
    xml = TABLE.format(mark=mark)
    deployed = await gateway.deploy({"policy.dmn": xml.encode()})
    decision = await gateway.evaluate_decision(f"Decision_{mark}", {"stage": "production"})
    assert (decision.output, decision.matched_rules) == (2, ("Rule_Production",))
    assert decision.decision_key == deployed.decisions[0].key
    async with asyncio.timeout(SEARCH_SECONDS):
        while True:
            try:
                read = await rest.decision_definition_xml(decision.decision_key)
                break
            except JobGoneError:
                await asyncio.sleep(0.2)
    assert read == xml


async def test_an_unknown_decision_process_or_job_is_said_to_be_unknown(gateway: ZeebeGateway, mark: str) -> None:
    """Each of the three is a JobGoneError that names what was asked for."""
    with pytest.raises(EngineError, match=mark):
        await gateway.evaluate_decision(f"No_{mark}", {})
    with pytest.raises(JobGoneError, match=mark):
        await gateway.create_instance(f"No_{mark}", {})
    with pytest.raises(JobGoneError, match=str(UNKNOWN_JOB)):
        await gateway.extend(UNKNOWN_JOB, timedelta(seconds=1))


async def test_a_message_is_published_once_while_it_is_buffered(gateway: ZeebeGateway, mark: str) -> None:
    """The same message id is refused the second time."""
    await gateway.publish_message("Noticed", mark, {}, timedelta(seconds=30), message_id=mark)
    with pytest.raises(EngineError, match="Noticed"):
        await gateway.publish_message("Noticed", mark, {}, timedelta(seconds=30), message_id=mark)


async def test_a_called_instance_leads_to_its_root_and_the_root_to_its_tree(
    gateway: ZeebeGateway, rest: OrchestrationRest, mark: str
) -> None:
    """root_of and parent_of walk up, tree walks down, also right after the start."""
    await deploy_pair(gateway, mark)
    root = await gateway.create_instance(f"Caller_{mark}", {})
    task = await review_of(rest, root)
    assert (await rest.root_of(task.process_instance, SEARCH_SECONDS)).key == root
    assert (await rest.root_of(root, SEARCH_SECONDS)).key == root
    parent = await rest.parent_of(task.process_instance, SEARCH_SECONDS)
    assert parent is not None
    assert parent.process_id == f"Caller_{mark}"
    assert [one.key for one in await rest.tree(root)] == [root, task.process_instance]
    async with asyncio.timeout(SEARCH_SECONDS):
        while len(elements := await rest.elements(root)) < 2:
            await asyncio.sleep(0.2)
    assert [(one.element, one.state) for one in elements] == [("Start", "COMPLETED"), ("Call", "ACTIVE")]
    await gateway.cancel_instance(root)


async def test_a_person_claims_and_completes_a_task_and_the_engine_records_it(
    gateway: ZeebeGateway, settings: Settings, mark: str
) -> None:
    """Assignee and completion show in the record; a second completion is refused."""
    await deploy_pair(gateway, mark)
    root = await gateway.create_instance(f"Caller_{mark}", {})
    async with OrchestrationRest.as_user(settings, "act", "act") as act:
        task = await review_of(act, root)
        assert (task.groups, task.state, task.assignee) == (("approvers",), "CREATED", "")
        await act.assign(task.key, "demo")
        await act.unassign(task.key)
        await act.assign(task.key, "act")
        await act.complete(task.key, {"decision": "approved"})
        with pytest.raises(JobGoneError):
            await act.complete(task.key)
        async with asyncio.timeout(SEARCH_SECONDS):
            while (done := await act.user_task(task.key)).completed is None:
                await asyncio.sleep(0.2)
    assert (done.state, done.assignee) == ("COMPLETED", "act")


async def test_tasks_come_page_by_page_each_once_and_the_newest_first(
    gateway: ZeebeGateway, rest: OrchestrationRest, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five tasks in pages of two are the same five as in one page, in the same order; a limit cuts the oldest off."""
    await deploy_pair(gateway, mark)
    roots = [await gateway.create_instance(f"Caller_{mark}", {"name": "web1"}) for _ in range(5)]
    for root in roots:
        await review_of(rest, root)
    whole = [task.key for task in await rest.user_tasks(state="CREATED", element="Review")]
    assert len(whole) >= len(roots)
    monkeypatch.setattr("workers.engine.rest._PAGE", 2)
    assert [task.key for task in await rest.user_tasks(state="CREATED", element="Review")] == whole
    assert [task.key for task in await rest.user_tasks(state="CREATED", element="Review", limit=3)] == whole[:3]


async def test_a_task_counts_as_open_until_its_completion_is_shown(
    settings: Settings, gateway: ZeebeGateway, rest: OrchestrationRest, mark: str
) -> None:
    """What the workers ask of a task: open first, then completed by its assignee, and never both."""
    await deploy_pair(gateway, mark)
    task = await review_of(rest, await gateway.create_instance(f"Caller_{mark}", {"name": "web1"}))
    records = EngineTasks(rest)
    assert await records.open_tasks(task.process_instance, "Review") == (task.key,)
    assert await records.completed_tasks(task.process_instance, "Review") == ()
    async with OrchestrationRest.as_user(settings, "act", "act") as act:
        await act.assign(task.key, "act")
        await act.complete(task.key)
    async with asyncio.timeout(SEARCH_SECONDS):
        while not (done := await records.completed_tasks(task.process_instance, "Review")):
            await asyncio.sleep(0.2)
    assert [(one.key, one.assignee) for one in done] == [(task.key, "act")]
    assert await records.open_tasks(task.process_instance, "Review") == ()


async def test_a_process_is_started_and_cancelled_over_rest(
    gateway: ZeebeGateway, rest: OrchestrationRest, mark: str
) -> None:
    """The instance is there under the key that the start gave, and cancelled it says so."""
    await deploy_pair(gateway, mark)
    key = await rest.start(f"Called_{mark}", {"name": "web1"})
    assert (await rest.instance(key, within=SEARCH_SECONDS)).process_id == f"Called_{mark}"
    await rest.cancel(key)
    async with asyncio.timeout(SEARCH_SECONDS):
        while not (found := await rest.instance(key)).ended:
            await asyncio.sleep(0.2)
    assert found.state == "CANCELED"
    assert [one.key for one in await rest.instances(process=f"Called_{mark}", state="CANCELED")] == [key]
    assert await rest.instances(process=f"Called_{mark}", state="ACTIVE") == ()


async def test_an_ended_session_is_renewed_without_the_caller_noticing(rest: OrchestrationRest) -> None:
    """After the session's cookie is lost the next request signs in again."""
    await rest.user_tasks(limit=1)
    rest._session._client.cookies.clear()
    await rest.user_tasks(limit=1)


async def test_a_wrong_password_and_a_wrong_address_are_told_apart(settings: Settings, unused_tcp_port: int) -> None:
    """One is refused with the user's name, the other is not there at all."""
    async with OrchestrationRest.as_user(settings, "act", "wrong") as rest:
        with pytest.raises(EngineError, match="'act'") as refused:
            await rest.sign_in()
    assert not isinstance(refused.value, EngineUnavailableError)
    nowhere = settings.model_copy(update={"rest_address": f"http://127.0.0.1:{unused_tcp_port}"})
    async with OrchestrationRest.from_settings(nowhere) as rest:
        with pytest.raises(EngineUnavailableError, match="SLUIS_REST_ADDRESS"):
            await rest.sign_in()
