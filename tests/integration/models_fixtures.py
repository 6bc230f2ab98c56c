"""A scripted worker for the models: prepared answers per job type, on the real engine.

It tests the drawing, not the tools. Every use deploys copies of the models whose process ids and job types carry a
prefix of their own, so that no other worker at the same engine takes their jobs.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from workers.core.errors import EngineError
from workers.core.job import Job
from workers.core.values import now
from workers.engine.errors import JobGoneError
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest, UserTask

MODELS = Path(__file__).resolve().parents[2] / "bpmn"
PROCESSES = tuple(sorted(path.stem for path in MODELS.glob("*.bpmn")))
REVIEW = "Task_ReviewChange"
DECIDE = "Task_DecideOnMachine"
HOSTS = ["stack:local/web1"]
PLAN_CHANGE = "a" * 64
CONFIGURE = [
    {"role": "os_baseline", "inputs": {}},
    {"role": "web_server", "inputs": {"web_server_message": "Hello"}},
]
JOB_TYPES = (
    "request.check", "terraform.local_host.plan", "terraform.local_host.apply", "policy.check", "approval.verify",
    "host.wait", "ansible.os_baseline.check", "ansible.os_baseline.run", "ansible.web_server.check",
    "ansible.web_server.run", "ansible.tls_certificate.check", "ansible.tls_certificate.run",
    "ansible.monitoring_agent.check", "ansible.monitoring_agent.run", "http.probe", "notify.send",
    "artifact.fetch", "ansible.app_release.check", "ansible.app_release.run",
    "terraform.local_host.drift", "compliance.due", "compliance.begin", "compliance.scan", "compliance.report",
    "finding.decide",
    "expiry.plan", "expiry.set", "expiry.check",
)  # fmt: skip


@dataclass(frozen=True)
class Thrown:
    """The answer of a job that ends in a BPMN error with the variable ``failure``."""

    code: str
    message: str = "Something went wrong."
    change: str | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """What the workers send with an error."""
        return {"failure": {"code": self.code, "message": self.message, "run": "42-1", "change": self.change}}


Answer = dict[str, Any] | Thrown
Answers = dict[str, list[Answer]]


def plan(*, has_changes: bool = True, change: str = PLAN_CHANGE, operation: str = "apply") -> Answer:
    """What a plan job gives."""
    return {
        "plan": {
            "digest": "b" * 64,
            "change": change,
            "hasChanges": has_changes,
            "counts": {"create": 4, "update": 0, "replace": 0, "delete": 0},
            "summary": "4 to create" if has_changes else "no changes",
            "markdown": "| Resource | Action |\n|---|---|\n| `module.this.terraform_data.host` | create |\n",
            "emptyBefore": True,
            "operation": operation,
            "run": "100-1",
            "stack": "local/web1",
            "outputs": {},
            "hosts": [],
        }
    }


def policy(approvals: int = 1, **more: str) -> Answer:
    """What the policy answers; more of it, like the moment of escalation, by name."""
    return {"policy": {"approvals": approvals, "group": "approvers", "denied": False, "reason": "One person."} | more}


def soon(seconds: float = 1) -> str:
    """A moment in a little while, as the workers write it."""
    return (now() + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def approval(state: str = "approved", note: str = "") -> Answer:
    """What the verification of a decision gives."""
    return {"approval": {"state": state, "approvers": ["demo"], "missing": int(state == "more"), "note": note}}


def check(*, covered: bool = False, has_changes: bool = True, change: str = "c" * 64) -> Answer:
    """What a role's check gives."""
    return {
        "check": {
            "covered": covered,
            "change": change,
            "hasChanges": has_changes,
            "changed": 3,
            "summary": "3 to change",
            "markdown": "Installs **nginx**.",
            "run": "200-1",
        }
    }


def usual() -> Answers:
    """A first run in which everything goes well: one approval, which covers the roles too."""
    request = {
        "environment": "local",
        "name": "web1",
        "stack": "local/web1",
        "module": "local_host",
        "inputs": {"name": "web1"},
        "configure": CONFIGURE,
        "hosts": HOSTS,
        "approvers": "approvers",
        "isNew": True,
    }
    covered = check(covered=True, has_changes=False, change=PLAN_CHANGE)
    ran: Answer = {"configured": {"changed": 3, "ok": 9, "hosts": ["web1"], "summary": "3 changed", "run": "300-1"}}
    applied = {"outputs": {}, "hosts": [], "run": "101-1", "counts": {}, "summary": "4 created"}
    return {
        "request.check": [{"request": request}],
        "terraform.local_host.plan": [plan()],
        "terraform.local_host.apply": [{"applied": applied}],
        "policy.check": [policy()],
        "approval.verify": [approval()],
        "host.wait": [{"reachable": {"hosts": ["web1"], "milliseconds": 12}}],
        "ansible.os_baseline.check": [covered],
        "ansible.os_baseline.run": [ran],
        "ansible.web_server.check": [covered],
        "ansible.web_server.run": [ran],
        "ansible.tls_certificate.check": [covered],
        "ansible.tls_certificate.run": [ran],
        "ansible.monitoring_agent.check": [covered],
        "ansible.monitoring_agent.run": [ran],
        "http.probe": [{"probe": {"status": 200, "milliseconds": 3, "url": "http://192.0.2.1/"}}],
        "notify.send": [{"notice": {"channels": {"log": "sent"}}}],
        **usual_check(),
    }


def report(*decide: dict[str, Any], failed: int = 0, drifted: int = 0, **deciding: str | None) -> Answer:
    """What a compliance report says."""
    terms = {
        "group": "approvers",
        "remindAfter": "PT4H",
        "escalateTo": None,
        "escalateAt": None,
        "closeAt": soon(3600),
        **deciding,
    }
    return {
        "report": {
            "check": "1", "summary": "1 high in 1 stacks", "open": len(decide), "failed": failed, "drifted": drifted,
            "decide": list(decide), "deciding": terms, "markdown": "",
        }
    }  # fmt: skip


def finding(number: int = 1) -> dict[str, Any]:
    """A finding as people are asked about it."""
    return {
        "fingerprint": f"{number:016x}", "stack": "local/web1", "kind": "drift", "rule": "drift.replace",
        "severity": "high", "title": "The machine is gone", "place": "module.stack.x", "detail": "", "help": "",
        "remedy": True, "people": 1,
    }  # fmt: skip


def decided(state: str, **remedy: Any) -> Answer:
    """What follows from a decision on a finding."""
    whole = {
        "environment": "local", "stack": "web1", "module": "local_host", "inputs": {"name": "web1"},
        "configure": CONFIGURE, "hosts": HOSTS,
    }  # fmt: skip
    return {"decided": {"state": state, "note": "Look again." if state == "more" else "", "remedy": whole | remedy}}


def usual_check() -> Answers:
    """A compliance check of one stack that is as it should be."""
    stacks = [{"stack": "web1", "module": "local_host"}]
    return {
        "compliance.due": [{"due": ["local"]}],
        "compliance.begin": [{"check": {"id": "1", "environment": "local", "stacks": stacks}}],
        "terraform.local_host.drift": [{"drift": {"drifted": False, "summary": "no drift", "run": "400-1"}}],
        "compliance.scan": [{"scan": {"kind": "policy", "count": 0, "summary": "clean", "run": "401-1"}}],
        "compliance.report": [report()],
        "finding.decide": [decided("accepted")],
    }


@dataclass
class Stage:
    """The models at the engine under a prefix, and the worker that plays all the parts in them.

    Attributes:
        jobs: every job that came, with the prefix taken off its type.
        troubles: what the engine refused meanwhile; as a worker does, the script asks again.
    """

    gateway: ZeebeGateway
    people: OrchestrationRest
    prefix: str
    answers: Answers
    jobs: list[tuple[str, Job]] = field(default_factory=list)
    troubles: list[EngineError] = field(default_factory=list)

    async def start(self, process: str = "VmProvisioning", **variables: Any) -> int:
        """Start a process; VM provisioning gets a request unless told otherwise."""
        given = variables or {"environment": "local", "name": "web1", "message": "Hello"}
        return await self.gateway.create_instance(f"{self.prefix}{process}", given)

    def types(self) -> list[str]:
        """The job types in the order in which the jobs came."""
        return [kind for kind, _ in self.jobs]

    def inputs(self, job_type: str) -> list[dict[str, Any]]:
        """The variables of each job of that type."""
        return [dict(job.variables) for kind, job in self.jobs if kind == job_type]

    def notices(self) -> list[str]:
        """The events that people were told of."""
        return [str(variables["event"]) for variables in self.inputs("notify.send")]

    async def review(self, number: int = 1, decision: str = "approved", reason: str | None = None) -> None:
        """Decide on the ``number``-th review that is asked for."""
        given = {"decision": decision} | ({"reason": reason} if reason else {})
        await self.complete(REVIEW, number, given)

    async def complete(self, element: str, number: int, variables: dict[str, Any]) -> None:
        """Claim and complete the ``number``-th user task of that element, as the engine shows it."""
        task = await self.task(element, number)
        await self.people.assign(task.key, "demo")
        await self.people.complete(task.key, variables)

    async def task(self, element: str, number: int = 1) -> UserTask:
        """The ``number``-th user task of that element, once the engine shows it."""
        return await self.sees(lambda: self._task(element, number), f"user task {number} of {element}")

    async def _task(self, element: str, number: int) -> UserTask | None:
        tasks = [t for t in await self.people.user_tasks(element=element) if t.process.startswith(self.prefix)]
        found = sorted(tasks, key=lambda task: task.key)
        return found[number - 1] if len(found) >= number and found[number - 1].state == "CREATED" else None

    async def ended(self, instance: int) -> str:
        """Wait for the end of the instance; the id of the element whose job was the last, a notice in its end event."""

        async def gone() -> bool | None:
            return await self._is_gone(instance) or None

        await self.sees(gone, f"end of instance {instance}")
        return self.jobs[-1][1].element if self.jobs else ""

    async def sees(self, ask: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Ask until there is an answer, for three minutes.

        Raises:
            TimeoutError: there was none in that time; it tells what happened instead.
        """
        try:
            return await within(180, ask, what)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; jobs so far: {self.types()}; refused: {self.troubles}") from None

    async def _is_gone(self, instance: int) -> bool:
        """Whether the engine holds the instance no more: it takes no variables for it."""
        try:
            await self.gateway.set_variables(instance, {})
        except JobGoneError:
            return True
        return False

    async def play(self) -> None:
        """Answer jobs until cancelled."""
        await asyncio.gather(*(self._play(job_type) for job_type in JOB_TYPES))

    async def _play(self, job_type: str) -> None:
        wait, lease = timedelta(seconds=10), timedelta(seconds=30)
        while True:
            take = partial(self.gateway.activate, self.prefix + job_type, "script", 1, lease, wait)
            for job in await self._until_taken(take):
                self.jobs.append((job_type, job))
                await self._answer(job_type, job)

    async def _answer(self, job_type: str, job: Job) -> None:
        script = self.answers[job_type]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Thrown):
            tell = partial(self.gateway.throw_error, job.key, answer.code, answer.message, answer.variables)
        else:
            tell = partial(self.gateway.complete, job.key, answer)
        await self._until_taken(tell)

    async def _until_taken(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask the engine again while it refuses; a busy machine must not end the play unseen."""
        while True:
            try:
                return await ask()
            except JobGoneError as gone:
                self.troubles.append(gone)
                return ()
            except EngineError as refused:
                self.troubles.append(refused)
                await asyncio.sleep(0.5)


async def within(seconds: float, ask: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Ask until there is an answer.

    Raises:
        TimeoutError: there was none in that time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := await ask()) is not None:
            return answer
        await asyncio.sleep(0.2)
    raise TimeoutError(f"no {what} within {seconds:.0f} s")


def copies(prefix: str) -> dict[str, bytes]:
    """The models with the prefix before their process ids and job types; forms and decisions as they are."""
    fixed = [kind for kind in JOB_TYPES if kind.count(".") == 1]
    names = re.compile(rf'( (?:id|processId|bpmnElement|type)=")({"|".join((*PROCESSES, *fixed))})(?=")')
    built = re.compile(r"(&#34;|&quot;)((?:terraform|ansible)\.)")
    found = {}
    for path in sorted(MODELS.iterdir()):
        text = path.read_text()
        if path.suffix == ".bpmn":
            text = built.sub(rf"\g<1>{prefix}\g<2>", names.sub(rf"\g<1>{prefix}\g<2>", text))
        found[path.name] = text.encode()
    return found


@asynccontextmanager
async def stage(gateway: ZeebeGateway, people: OrchestrationRest, **changed: list[Answer]) -> AsyncIterator[Stage]:
    """Models deployed under a new prefix, and the scripted worker at work.

    Args:
        gateway: the engine.
        people: a person at the engine.
        changed: answers other than the usual ones; ``__`` in a name stands for the dot of the job type.
    """
    prefix = f"t{uuid.uuid4().hex[:8]}_"
    answers = usual() | {name.replace("__", "."): list(script) for name, script in changed.items()}
    await gateway.deploy(copies(prefix))
    actors = Stage(gateway, people, prefix, answers)
    playing = asyncio.create_task(actors.play())
    try:
        yield actors
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):  # a script that had ended by itself says why
            await playing
