"""Where things are broken: a served project with probes in it, which leave marks and wait at gates.

A case is led to the point where something is to break, every review approved on the way; then to its end (``judging``).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from cases import CANCELLED, DONE, FAILED, GATES, Case, points
from served import PATIENCE_SECONDS, SLUIS, Served, Worker
from workers.core.records import RequestRecord, Run
from workers.core.settings import Settings
from workers.core.values import JsonValue, now
from workers.engine.errors import JobGoneError
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import Incident, Instance, OrchestrationRest
from workers.runs.records import Requests
from workers.runs.runs import Runs
from workers.runs.store import DirectoryStore

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "chaos"
PROCESS = "ChaosCaller"
HALTING_WORKER = Path(__file__).with_name("halting_worker.py")
LEASE_SECONDS = 6
GRACE_SECONDS = 8
MODEL = f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_{PROCESS}"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="{PROCESS}" isExecutable="true">
    <bpmn:startEvent id="StartEvent_ChangeWanted" />
    <bpmn:sequenceFlow id="Flow_Call" sourceRef="StartEvent_ChangeWanted" targetRef="Activity_Change" />
    <bpmn:callActivity id="Activity_Change">
      <bpmn:extensionElements><zeebe:calledElement processId="=block" /></bpmn:extensionElements>
    </bpmn:callActivity>
    <bpmn:sequenceFlow id="Flow_Done" sourceRef="Activity_Change" targetRef="{DONE}" />
    <bpmn:endEvent id="{DONE}" />
    <bpmn:boundaryEvent id="BoundaryEvent_Failed" attachedToRef="Activity_Change">
      <bpmn:outgoing>Flow_Failed</bpmn:outgoing>
      <bpmn:errorEventDefinition />
    </bpmn:boundaryEvent>
    <bpmn:sequenceFlow id="Flow_Failed" sourceRef="BoundaryEvent_Failed" targetRef="{FAILED}" />
    <bpmn:endEvent id="{FAILED}" />
  </bpmn:process>
</bpmn:definitions>"""


@dataclass
class Scene:
    """A project with probes in it, and the hands to break and to judge."""

    project: Served
    gateway: ZeebeGateway
    people: OrchestrationRest
    folder: Path
    rows: list[Case]
    cases: list[Case] = field(default_factory=list)
    _approved: set[int] = field(default_factory=set)
    _resolved: set[int] = field(default_factory=set)
    _roots: dict[int, int] = field(default_factory=dict)

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore(self.project.data / "store")

    def gate(self, case: Case) -> Path:
        """The folder with a case's marks and gates."""
        return self.folder / case.name

    def passes(self, case: Case, name: str) -> list[int]:
        """The processes that passed a gate, one for each time."""
        file = self.gate(case) / f"{name}.passes"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def open(self, cases: Iterable[Case]) -> None:
        """Open all gates of these cases."""
        for case in cases:
            for shut in self.gate(case).glob("*.shut"):
                shut.unlink()

    def prepare(self, cases: Iterable[Case]) -> None:
        """Make gates, hosts and points for cases, before a worker is started."""
        self.cases = list(cases)
        self.rows += self.cases
        for case in self.cases:
            self.gate(case).mkdir(mode=0o755)
            if case.at in GATES:
                (self.gate(case) / f"{case.at}.shut").touch()
        found = [point for case in self.cases if (point := points(case))]
        (self.folder / "points.json").write_text(json.dumps(found))
        self.write_environment(case.name for case in self.cases if not case.is_terraform)

    def write_environment(self, hosts: Iterable[str]) -> None:
        """The environment ``chaos``: hosts are this machine, and two people approve for each other."""
        content = {
            "name": "chaos",
            "hosts": {name: {"address": "local"} for name in hosts},
            "people": {"groups": {"approvers": ["demo", "act"]}},
        }
        (self.project.folder / "environments" / "chaos.yaml").write_text(yaml.safe_dump(content))

    def start_worker(self, worker: Worker | None = None, *, halting: bool = False, **settings: str) -> None:
        """Start a worker with short times; one that stands still at the points, or ``sluis worker``."""
        usual = {
            "SLUIS_LEASE_SECONDS": str(LEASE_SECONDS),
            "SLUIS_GRACE_SECONDS": str(GRACE_SECONDS),
            "SLUIS_TERRAFORM_SLOTS": "20",
            "SLUIS_ANSIBLE_SLOTS": "20",
            "SLUIS_LOG_LEVEL": "debug",
            "CHAOS_POINTS": str(self.folder / "points.json"),
        }
        command = (sys.executable, str(HALTING_WORKER)) if halting else (*SLUIS, "worker")
        (worker or self.project.worker).start(command, **{**usual, **settings})

    @contextmanager
    def another_worker(self) -> Iterator[Worker]:
        """A second worker on the same project and store."""
        worker = Worker(self.project.folder, self.project.environment, "second-worker.log")
        self.start_worker(worker)
        try:
            yield worker
        finally:
            worker.stop()

    def handed_back(self, *workers: Worker) -> int:
        """How often these workers gave back a job because its stack or its run was busy."""
        return sum(worker.log.read_text().count("job.handed_back") for worker in workers)

    async def is_quiet(self, case: Case) -> bool:
        """Whether no run of a case is under way."""
        return all(run.state.ended for run in await self.runs(case))

    async def start(self, case: Case, **inputs: JsonValue) -> None:
        """Start the process of a case, asked for by ``demo``."""
        folder = str(self.gate(case))
        if case.is_terraform:
            given = {"folder": folder, **inputs}
            variables = {"module": "chaos_probe", "stack": case.stack or case.name, "inputs": given}
        else:
            variables = {"role": "chaos_probe", "hosts": [case.name], "inputs": {"chaos_probe_folder": folder}}
        started = {"block": case.block, "environment": "chaos", **variables}
        case.instance = await self.gateway.create_instance(PROCESS, started)
        await Requests(self.store).save(
            RequestRecord(
                process_instance=case.instance, process=PROCESS, requester="demo", evidence="test", created=now()
            )
        )

    async def reach(self, cases: Iterable[Case] | None = None, seconds: float = PATIENCE_SECONDS) -> None:
        """Lead cases to where they break, approving on the way."""
        await self._lead(list(cases or self.cases), self._is_there, seconds, "to come to its point")

    async def finish(self, cases: Iterable[Case] | None = None, seconds: float = 3 * PATIENCE_SECONDS) -> None:
        """Lead cases to their end, approving on the way."""
        await self._lead(list(cases or self.cases), self._has_ended, seconds, "to end")

    async def _lead(
        self, cases: list[Case], arrived: Callable[[Case], Awaitable[bool]], seconds: float, what: str
    ) -> None:
        deadline = time.monotonic() + seconds
        waiting = cases
        while waiting := [case for case in waiting if not await arrived(case)]:
            for case in waiting:
                incidents = await self.incidents(case)
                assert not incidents, f"{case.name} ({case.fault}): {incidents}"
            late = [f"{case.name} ({case.at})" for case in waiting]
            assert time.monotonic() < deadline, f"waited {seconds} s for {late} {what}; {await self._where(waiting[0])}"
            await self.approve({case.instance for case in waiting if case.at != "review" or arrived != self._is_there})
            await asyncio.sleep(0.2)

    async def _is_there(self, case: Case) -> bool:
        if points(case):
            return (self.folder / f"{case.name}.reached").exists()
        if case.at == "review":
            return case.instance in [await self._root(task.process_instance) for task in await self.reviews()]
        return bool(self.passes(case, case.at))

    async def _has_ended(self, case: Case) -> bool:
        try:
            found = await self.people.instance(case.instance)
        except JobGoneError:
            return False
        if not found.ended:
            return False
        elements = {e.element: e.state for e in await self.people.elements(case.instance)}
        case.ended = next((end for end in (DONE, FAILED) if end in elements), "")
        case.ended = CANCELLED if found.state == "CANCELED" else case.ended
        return bool(case.ended)

    async def reviews(self) -> list[Any]:
        """Reviews that wait and were not approved by us."""
        tasks = await self.people.user_tasks(element="Task_ReviewChange", state="CREATED")
        return [task for task in tasks if task.key not in self._approved]

    async def approve(self, roots: set[int]) -> None:
        """Approve what waits in these instances, as ``act``."""
        for task in await self.reviews():
            if await self._root(task.process_instance) in roots:
                self._approved.add(task.key)
                with suppress(JobGoneError):  # the search still shows what was cancelled
                    await self.people.assign(task.key, "act")
                    await self.people.complete(task.key, {"decision": "approved"})

    async def _root(self, instance: int) -> int:
        if instance not in self._roots:
            try:
                self._roots[instance] = (await self.people.root_of(instance, within=0)).key
            except JobGoneError:
                return 0
        return self._roots[instance]

    async def tree(self, case: Case) -> tuple[Instance, ...]:
        """The instance of a case and those that it called, as far as the search shows them."""
        try:
            return await self.people.tree(case.instance)
        except JobGoneError:
            return ()

    async def incidents(self, case: Case) -> list[Incident]:
        """The incidents that wait for a person in a case; the search still shows those that were just resolved."""
        found = [await self.people.incidents(instance.key) for instance in await self.tree(case)]
        return [incident for one in found for incident in one if incident.key not in self._resolved]

    async def resolve(self, case: Case) -> None:
        """Resolve the incidents of a case, as a person does in Operate: one more retry, and on."""
        for incident in await self.incidents(case):
            self._resolved.add(incident.key)
            await self.gateway.update_retries(incident.job, 1)
            await self.gateway.resolve_incident(incident.key)

    async def _where(self, case: Case) -> str:
        tree = await self.tree(case)
        active = [e.element for i in tree for e in await self.people.elements(i.key) if e.state == "ACTIVE"]
        runs = [(run.id, run.job_type, run.state.value) for run in await self.runs(case)]
        told = self.project.worker.log.read_text().splitlines()
        log = "\n".join([line for line in told if "lease.renewed" not in line][-20:])
        return f"{case.name} is at {active}; runs: {runs}; the worker's log ends: {log}"

    async def runs(self, case: Case) -> list[Run]:
        """The runs of a case, oldest first."""
        records = Runs(self.store, self.project.data / "locks", "test")
        return [run for run in reversed(await records.all()) if run.stack == case.subject]

    def tool(self, case: Case, gate: str) -> psutil.Process:
        """The tool, a child of the worker, that waits at a gate."""
        process = psutil.Process(self.passes(case, gate)[-1])
        while process.ppid() != self.project.worker.pid:
            process = process.parent()
        return process


@asynccontextmanager
async def scene(project: Served, settings: Settings, folder: Path, rows: list[Case]) -> AsyncIterator[Scene]:
    """Put the probes into a served project and stop its worker; take them out again at the end and start it anew."""
    module, role = (project.folder / path / "chaos_probe" for path in ("terraform/modules", "ansible/roles"))
    project.worker.stop()
    shutil.copytree(FIXTURES / "modules" / "chaos_probe", module)
    shutil.copytree(FIXTURES / "roles" / "chaos_probe", role)
    opened = None
    try:
        async with ZeebeGateway.from_settings(settings) as gateway:
            await gateway.deploy({f"{PROCESS}.bpmn": MODEL.encode()})
            async with OrchestrationRest.as_user(settings, "demo", "demo") as people:
                opened = Scene(project, gateway, people, folder, rows)
                yield opened
    finally:
        if opened is not None:
            opened.open(opened.cases)
        project.worker.stop()
        for left in ("store/stacks", "state"):
            shutil.rmtree(project.data / left / "chaos", ignore_errors=True)
        shutil.rmtree(module)
        shutil.rmtree(role)
        (project.folder / "environments" / "chaos.yaml").unlink(missing_ok=True)
        project.worker.start()


async def until(true: Callable[[], bool | Awaitable[object]], what: str) -> None:
    """Ask until it is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = true()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s until {what}"
        await asyncio.sleep(0.2)
