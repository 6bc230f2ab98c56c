"""``request.check``: a bad request for a machine, for its end, or for hosts is refused before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from workers.catalogue.validation import check_inputs
from workers.core.contract import Kind
from workers.core.environment import Environment, Machine
from workers.core.errors import InputError, NotFoundError, SluisError
from workers.core.job import BpmnErrorCode, Done, Job, Lease, Outcome
from workers.core.moments import duration_text, moment_text, read_duration, read_moment
from workers.core.names import Name
from workers.core.records import StackId, StackRecord
from workers.core.values import JsonValue, now
from workers.handlers.attempt import parse, refused
from workers.handlers.context import Context
from workers.handlers.roles import RoleRequest, role_step

T = TypeVar("T")

_MACHINE_NAME: Final = r"^[a-z][a-z0-9-]{0,30}$"
_LONGEST_NOTICE: Final = timedelta(days=7)
_ABSENT: Final = {"planned": "was planned, and never made", "destroyed": "was removed already"}


class Operation(BaseModel):
    """What the request is for."""

    operation: Literal["apply", "destroy", "expire", "configure"] = "apply"


class End(BaseModel):
    """Until when a machine is to be there, and how long before that people are reminded."""

    end_date: str | None = Field(None, alias="endDate")
    remind_before: str | None = Field(None, alias="remindBefore")
    agreed: bool = False

    def moment(self) -> datetime | None:
        """The end.

        Raises:
            InputError: it is no date; or it is over, and was not agreed on while it was not.
        """
        if not self.end_date:
            return None
        moment = _read(read_moment, self.end_date, "endDate")
        if moment <= now() and not self.agreed:
            raise InputError("request", (f"endDate: {moment_text(moment)} is over",))
        return moment

    def notice(self, end: datetime) -> str:
        """How long before the end people are reminded: as asked for, else a quarter of the time, at most a week.

        Raises:
            InputError: it is no duration.
        """
        if self.remind_before:
            return duration_text(_read(read_duration, self.remind_before, "remindBefore"))
        return duration_text(min(_LONGEST_NOTICE, (end - now()) / 4))


class MachineRequest(End):
    """A machine is wanted."""

    environment: Name
    name: Annotated[str, StringConstraints(pattern=_MACHINE_NAME)]
    inputs: dict[str, JsonValue] = {}
    configure: list[RoleRequest] = []


class ExistingRequest(End):
    """Something is wanted of a machine that is there."""

    environment: Name
    name: Annotated[str, StringConstraints(pattern=_MACHINE_NAME)]


def _names(value: object) -> object:
    """Names as a list, also where they were typed with commas or spaces between."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _object(value: object) -> object:
    """An object, also where it was typed as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else {}
    except ValueError as error:
        raise ValueError(f"this is not JSON: {error}") from error


class HostsRequest(BaseModel):
    """Hosts of the environment file are to be configured with a role."""

    environment: Name
    hosts: Annotated[list[Name], BeforeValidator(_names), Field(min_length=1)]
    role: Name
    role_inputs: Annotated[dict[str, JsonValue], BeforeValidator(_object)] = Field({}, alias="roleInputs")


@dataclass(frozen=True)
class CheckRequest:
    """Refuses a bad request before anything starts."""

    context: Context

    async def __call__(self, job: Job, lease: Lease) -> Outcome:  # noqa: ARG002 - a handler's form
        """Check what is asked for against environment, contracts and stacks; say what the process goes on with."""
        try:
            return Done({"request": await self._checked(job)})
        except SluisError as error:
            return refused(BpmnErrorCode.REQUEST_INVALID, error)

    async def _checked(self, job: Job) -> dict[str, JsonValue]:
        operation = parse(Operation, job, "request").operation
        if operation == "apply":
            return await self._machine(parse(MachineRequest, job, "request"))
        if operation == "configure":
            return self._hosts(parse(HostsRequest, job, "request"))
        return await self._existing(parse(ExistingRequest, job, "request"), ends=operation == "expire")

    async def _machine(self, request: MachineRequest) -> dict[str, JsonValue]:
        environment = self.context.environment(request.environment)
        machine = _machine_of(environment)
        inputs = self._module_inputs(environment, machine, request)
        check_inputs(self.context.contract(Kind.MODULE, machine.module), inputs)
        configure = [_with_constants(role, machine) for role in request.configure]
        for role in configure:
            role_step(self.context, role)
        roles: list[JsonValue] = [role.model_dump() for role in configure]
        record = await self.context.stacks.find(StackId(environment=environment.name, name=request.name))
        return {
            **_answer(environment, request.name, machine, request),
            "inputs": inputs,
            "configure": roles,
            "isNew": record is None or record.state in _ABSENT,
        }

    def _module_inputs(
        self, environment: Environment, machine: Machine, request: MachineRequest
    ) -> dict[str, JsonValue]:
        key = self.context.key_pair(environment).public if "public_key" in machine.request.values() else ""
        return {**machine.inputs_for(environment.name, request.name, key), **request.inputs}

    async def _existing(self, request: ExistingRequest, *, ends: bool) -> dict[str, JsonValue]:
        environment = self.context.environment(request.environment)
        machine = _machine_of(environment)
        stack = StackId(environment=environment.name, name=request.name)
        _must_be_there(stack, await self.context.stacks.find(stack), machine)
        if ends and not request.end_date:
            raise InputError("request", ("endDate is missing",))
        return _answer(environment, request.name, machine, request)

    def _hosts(self, request: HostsRequest) -> dict[str, JsonValue]:
        environment = self.context.environment(request.environment)
        hosts = list(dict.fromkeys(request.hosts))
        _must_be_known(environment, hosts)
        step = RoleRequest(role=request.role, inputs=request.role_inputs)
        role_step(self.context, step)
        return {
            "environment": environment.name,
            "hosts": [*hosts],
            "role": step.role,
            "inputs": step.inputs,
            "approvers": environment.people.approvers,
        }


def _answer(environment: Environment, name: str, machine: Machine, end: End) -> dict[str, JsonValue]:
    stack, moment = f"{environment.name}/{name}", end.moment()
    return {
        "environment": environment.name,
        "name": name,
        "stack": stack,
        "module": machine.module,
        "hosts": [f"stack:{stack}"],
        "approvers": environment.people.approvers,
        "expires": moment_text(moment),
        "remindBefore": end.notice(moment) if moment else None,
    }


def _machine_of(environment: Environment) -> Machine:
    if environment.machine is None:
        hint = f"Add 'machine' to environments/{environment.name}.yaml."
        raise NotFoundError(f"Environment {environment.name} does not say what a machine is.", hint)
    return environment.machine


def _with_constants(role: RoleRequest, machine: Machine) -> RoleRequest:
    return RoleRequest(role=role.role, inputs={**machine.roles.get(role.role, {}), **role.inputs})


def _must_be_there(stack: StackId, record: StackRecord | None, machine: Machine) -> None:
    if record is None or record.state in _ABSENT:
        why = _ABSENT[record.state] if record else "was never asked for"
        raise NotFoundError(f"There is no machine {stack}: it {why}.", "`sluis stacks` lists what there is.")
    if record.module != machine.module:
        message = (
            f"Stack {stack} is no machine: it is made by the module {record.module}, a machine by {machine.module}."
        )
        raise NotFoundError(message, "It needs a process of its own.")


def _must_be_known(environment: Environment, hosts: Sequence[str]) -> None:
    unknown = [host for host in hosts if host not in environment.hosts]
    if unknown:
        known = ", ".join(sorted(environment.hosts)) or "none"
        problem = f"{', '.join(unknown)}: not in environments/{environment.name}.yaml, which has the hosts {known}"
        raise InputError("hosts", (problem,))


def _read(read: Callable[[str], T], text: str, name: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise InputError("request", (f"{name}: {error}",)) from error
