"""``ansible.<role>.check`` and ``ansible.<role>.run``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from workers.catalogue.validation import check_inputs
from workers.core.contract import Kind
from workers.core.environment import Environment
from workers.core.errors import ToolError
from workers.core.job import BpmnErrorCode, Done, Job, JobWorker, Outcome, Pool
from workers.core.names import Name
from workers.core.records import Change, HostAddress, RoleStep
from workers.core.redaction import Redactor
from workers.core.values import JsonValue, digest_value
from workers.execution.ansible import RolePlay, RoleResult, run_role, take_over
from workers.execution.errors import (
    EndUnknownError,
    HostUnreachableError,
    RoleFailedError,
    StalePlanError,
    ToolInterruptedError,
)
from workers.handlers.artifacts import artifact_contents, artifact_lines
from workers.handlers.attempt import Attempt, Recorded, parse, refused
from workers.handlers.configured import remember, shown_outputs
from workers.handlers.context import Context
from workers.handlers.covering import covering_step, subject_of, used_places
from workers.handlers.stack import mapping, sensitive_values
from workers.handlers.summary import check_markdown


class RoleRequest(BaseModel):
    """A role with its inputs, as models name it."""

    role: Name
    inputs: dict[str, JsonValue] = {}


class HostsRequest(BaseModel):
    """What names the hosts of a job."""

    environment: Name
    hosts: list[str]


class RoleJob(HostsRequest):
    """Variables of a check or run job."""

    inputs: dict[str, JsonValue] = {}
    change: str | None = None
    also: list[RoleRequest] = []


def ansible_workers(context: Context, role: str) -> tuple[JobWorker, ...]:
    """The job workers of one role."""
    check = Recorded(context, Checking(context, role), BpmnErrorCode.HOST_FAILED, host_subjects)
    running = Running(context, role)
    run = Recorded(
        context, running, BpmnErrorCode.HOST_FAILED, host_subjects, repeatable=False, take_over=running.take_over
    )
    return (
        JobWorker(f"ansible.{role}.check", check, Pool.ANSIBLE),
        JobWorker(f"ansible.{role}.run", run, Pool.ANSIBLE),
    )


def role_step(context: Context, request: RoleRequest) -> RoleStep:
    """A role as part of a change: its content digest and its inputs.

    Raises:
        NotFoundError: there is no such role.
        InputError: the inputs do not fit its contract.
    """
    contract = context.contract(Kind.ROLE, request.role)
    check_inputs(contract, request.inputs)
    hidden = {i.name for i in contract.inputs if i.sensitive}
    return RoleStep(
        role=request.role,
        digest=contract.digest,
        inputs_digest=digest_value(dict(request.inputs)),
        inputs={name: "(sensitive)" if name in hidden else value for name, value in request.inputs.items()},
    )


@dataclass(frozen=True)
class Checking:
    """Finds out what a role would change, unless an approved change covers it already."""

    context: Context
    role: str

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Say that the role is covered, or run it in check mode and keep the change to decide on."""
        request = parse(RoleJob, attempt.job, f"role {self.role}")
        step = role_step(self.context, RoleRequest(role=self.role, inputs=request.inputs))
        covering = await _covering(self.context, request, step, attempt.job)
        if covering is not None:
            attempt.log.say(f"Role {self.role} is part of the approved change {request.change}.")
            return Done({"check": _answer(request.change or "", "approved with the plan", "", attempt, covered=True)})
        environment = self.context.environment(request.environment)
        result = await play(self.context, attempt, environment, step, request, check=True)
        if not isinstance(result, RoleResult):
            return result
        more = tuple(role_step(self.context, role) for role in request.also)
        change = Change(
            environment=environment.name,
            roles=(step, *more),
            hosts=tuple(request.hosts),
            process_instance=attempt.job.process_instance,
            check=attempt.run.id,
        )
        await self.context.changes.save(change)
        markdown = check_markdown(change, result.markdown, await artifact_lines(self.context, change))
        answer = _answer(change.digest, result.summary, markdown, attempt, changed=result.changed)
        return Done({"check": {**answer, "outputs": shown_outputs(result)}})


@dataclass(frozen=True)
class Running:
    """Runs an approved role, once per approval."""

    context: Context
    role: str

    async def __call__(self, attempt: Attempt) -> Outcome:
        """Check that an approved change covers exactly this role, its inputs and hosts; then run it."""
        request = parse(RoleJob, attempt.job, f"role {self.role}")
        step = role_step(self.context, RoleRequest(role=self.role, inputs=request.inputs))
        number = await _covering(self.context, request, step, attempt.job)
        if number is None or not request.change:
            text = f"No approved change covers role {self.role} with these inputs on {', '.join(request.hosts)}."
            return refused(BpmnErrorCode.PLAN_STALE, text, attempt.run.id)
        places = await used_places(self.context, request.environment, tuple(request.hosts))
        if not await self.context.changes.use_role(request.change, number, attempt.run.id, places):
            return refused(BpmnErrorCode.PLAN_STALE, "The approval of this role was used meanwhile.", attempt.run.id)
        environment = self.context.environment(request.environment)
        try:
            result = await play(self.context, attempt, environment, step, request, check=False)
        except ToolInterruptedError:
            await self._tell(attempt, request, "interrupted")
            raise
        except ToolError:
            await self._tell(attempt, request, "failed")
            raise
        return await self._ended(attempt, request, result)

    async def take_over(self, attempt: Attempt) -> Outcome:
        """The outcome of a role whose worker died, from what its play wrote until its end.

        Raises:
            EndUnknownError: it did not write how it ended.
        """
        request = parse(RoleJob, attempt.job, f"role {self.role}")
        environment = self.context.environment(request.environment)
        step = role_step(self.context, RoleRequest(role=self.role, inputs=request.inputs))
        try:
            result = await taken_over(self.context, attempt, environment, step, request)
        except ToolError:
            await self._tell(attempt, request, "failed")
            raise
        if result is None:
            await self._tell(attempt, request, "interrupted")
            raise EndUnknownError(f"The worker died during run {attempt.run.id}, and Ansible did not say how it ended.")
        return await self._ended(attempt, request, result)

    async def _ended(self, attempt: Attempt, request: RoleJob, result: RoleResult | Outcome) -> Outcome:
        await self._tell(attempt, request, "configured" if isinstance(result, RoleResult) else "failed")
        if not isinstance(result, RoleResult):
            return result
        configured: JsonValue = {
            "changed": result.changed,
            "ok": result.ok,
            "hosts": list[JsonValue](sorted(result.hosts)),
            "summary": result.summary,
            "run": attempt.run.id,
            "outputs": shown_outputs(result),
        }
        await remember(self.context, self.role, request.inputs, tuple(request.hosts), attempt.run.id)
        return Done({"configured": configured})

    async def _tell(self, attempt: Attempt, request: RoleJob, action: str) -> None:
        for subject in host_subjects(attempt.job):
            await self.context.audit.add(
                subject, self.context.runs.worker, action, role=self.role, change=request.change, run=attempt.run.id
            )


async def _covering(context: Context, request: RoleJob, step: RoleStep, job: Job) -> int | None:
    change = await context.changes.find(request.change) if request.change else None
    return await covering_step(context, change, step, request.environment, tuple(request.hosts), job)


async def play(
    context: Context, attempt: Attempt, environment: Environment, step: RoleStep, request: RoleJob, *, check: bool
) -> RoleResult | Outcome:
    """Run a role on the hosts of the request, with the content that `step` names and no other.

    A failed or unreachable host, or a role that was edited meanwhile, becomes its BPMN error.
    """
    wanted, redactor = await _play(context, environment, step, request, check=check)
    variables, more = context.secrets.resolve(dict(environment.variables))
    try:
        result = await run_role(
            wanted,
            control=attempt.control(timedelta(minutes=environment.limits.role_timeout_minutes)),
            sink=attempt.log,
            env={name: str(value) for name, value in mapping(variables).items()},
            redactor=redactor.plus(more),
            kept=attempt.kept,
        )
    except StalePlanError as error:
        return refused(BpmnErrorCode.PLAN_STALE, error, attempt.run.id)
    return _judged(result, attempt)


async def taken_over(
    context: Context, attempt: Attempt, environment: Environment, step: RoleStep, request: RoleJob
) -> RoleResult | Outcome | None:
    """How a role ended that a dead worker had started, as from `play`; None where that does not show."""
    if attempt.kept is None:
        return None
    wanted, redactor = await _play(context, environment, step, request, check=False)
    _, more = context.secrets.resolve(dict(environment.variables))
    result = take_over(wanted, attempt.kept, sink=attempt.log, redactor=redactor.plus(more))
    return result and _judged(result, attempt)


async def _play(
    context: Context, environment: Environment, step: RoleStep, request: RoleJob, *, check: bool
) -> tuple[RolePlay, Redactor]:
    contract = context.contract(Kind.ROLE, step.role)
    values, secrets = context.secrets.resolve(dict(request.inputs))
    inputs = mapping(values)
    hosts = await context.hosts(environment, tuple(request.hosts))
    wanted = RolePlay(
        step.role, contract.path, inputs, hosts, context.access(environment), check=check, digest=step.digest,
        artifacts=await artifact_contents(context, environment.name, inputs),
    )  # fmt: skip
    return wanted, Redactor((*secrets, *sensitive_values(contract, inputs)))


def _judged(result: RoleResult, attempt: Attempt) -> RoleResult | Outcome:
    try:
        result.raise_for_status()
    except HostUnreachableError as error:
        return refused(BpmnErrorCode.HOST_UNREACHABLE, error, attempt.run.id)
    except RoleFailedError as error:
        return refused(BpmnErrorCode.HOST_FAILED, error, attempt.run.id)
    return result


def host_subjects(job: Job) -> tuple[str, ...]:
    """The stacks and hosts that a job works on, as the record and the locks name them."""
    request = parse(HostsRequest, job, job.type)
    return tuple(dict.fromkeys(subject_of(request.environment, host) for host in request.hosts))


def host_names(hosts: tuple[HostAddress, ...]) -> list[JsonValue]:
    """The names of hosts, as a process variable."""
    return [host.name for host in hosts]


def _answer(
    change: str, summary: str, markdown: str, attempt: Attempt, *, covered: bool = False, changed: int = 0
) -> dict[str, JsonValue]:
    return {
        "covered": covered,
        "change": change,
        "hasChanges": covered or changed > 0,
        "changed": changed,
        "summary": summary,
        "markdown": markdown,
        "run": attempt.run.id,
        "outputs": {},
    }
