"""What is missing, in an installation and in an environment: every problem in one go, each with what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workers.catalogue.environments import environment_names
from workers.catalogue.reading import read_catalogue
from workers.catalogue.validation import check_inputs
from workers.core.contract import Catalogue, CatalogueProblem, Kind
from workers.core.environment import Environment, S3State
from workers.core.errors import EngineError, InputError, SluisError
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.execution.secrets import Secrets
from workers.handlers.context import Context
from workers.service.assembly import Assembly, open_gateway


class Finding(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        part: what was looked at.
        finding: how it came out.
        detail: what was found.
        hint: what to do; empty where there is nothing to do.
    """

    part: str
    finding: Finding
    detail: str
    hint: str = ""

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {"part": self.part, "finding": self.finding.value, "detail": self.detail, "hint": self.hint}


def ok(part: str, detail: str) -> Check:
    """Nothing is wrong with it."""
    return Check(part, Finding.OK, detail)


def warning(part: str, detail: str, hint: str = "") -> Check:
    """It works, with a limit that people should know."""
    return Check(part, Finding.WARNING, detail, hint)


def problem(part: str, detail: str, hint: str = "") -> Check:
    """It does not work."""
    return Check(part, Finding.PROBLEM, detail, hint)


def has_problems(checks: tuple[Check, ...]) -> bool:
    """Whether something does not work."""
    return any(check.finding is Finding.PROBLEM for check in checks)


def check_project(settings: Settings) -> tuple[Check, ...]:
    """The project folder: models, modules, roles, environments."""
    project = settings.project.resolve()
    if not (project / "environments").is_dir() and not (project / "bpmn").is_dir():
        hint = "Go to a project folder, or name one with --project or SLUIS_PROJECT."
        return (warning("project", f"{project} holds neither bpmn/ nor environments/.", hint),)
    models = len(list((project / "bpmn").glob("*.bpmn")))
    listed = ok("project", f"{project}: {models} processes") if models else _no_models(project)
    return (listed, *_catalogue(read_catalogue(project)))


def _no_models(project: Path) -> Check:
    return warning("project", f"{project / 'bpmn'} holds no process.", "Draw one, or copy bpmn/ of Sluis itself.")


def _catalogue(catalogue: Catalogue) -> Iterator[Check]:
    modules = [c.name for c in catalogue.contracts if c.kind is Kind.MODULE]
    roles = [c.name for c in catalogue.contracts if c.kind is Kind.ROLE]
    yield ok("modules", ", ".join(modules)) if modules else warning("modules", "none in terraform/modules")
    yield ok("roles", ", ".join(roles)) if roles else warning("roles", "none in ansible/roles")
    for found in catalogue.problems:
        yield problem(f"{found.kind.value} {found.name}", place_of(found), "Only its own workers are stopped by this.")


def place_of(found: CatalogueProblem) -> str:
    """A problem of the catalogue with its file and line."""
    where = f"{found.path}:{found.line}" if found.line else str(found.path)
    return found.message if found.message.startswith(str(found.path)) else f"{where}: {found.message}"


async def check_engine(settings: Settings) -> Check:
    """Whether the engine answers."""
    try:
        async with open_gateway(settings) as gateway:
            topology = await gateway.topology(within=3)
    except EngineError as error:
        hint = "`sluis up` starts one here." if settings.engine == "embedded" else "Check SLUIS_GRPC_ADDRESS."
        return warning("engine", error.message.splitlines()[0], hint)
    return ok("engine", f"{settings.grpc_address} answers, version {topology.gateway_version}")


def check_environments(assembly: Assembly) -> tuple[Check, ...]:
    """Every environment that has a file."""
    names = environment_names(assembly.context.project)
    return tuple(check for name in names for check in check_environment(assembly.context, name))


def check_environment(context: Context, name: str) -> tuple[Check, ...]:
    """One environment: the file, the machine, the people, the keys and secrets, the hosts, the state."""
    part = f"environment {name}"
    try:
        environment = context.environment(name)
    except SluisError as error:
        return (problem(part, error.message, error.hint),)
    found = (
        *_machine(context, environment), *_people(environment), *_key(context, environment),
        *_variables(context.secrets, environment), *_hosts(environment), *_state(environment),
    )  # fmt: skip
    named = tuple(Check(f"{part}: {c.part}", c.finding, c.detail, c.hint) for c in found)
    return named if has_problems(named) else (ok(part, environment.description or "complete"), *named)


def _machine(context: Context, environment: Environment) -> Iterator[Check]:
    machine = environment.machine
    if machine is None:
        yield warning("machine", "none, so VM provisioning makes nothing here.", "Name a module under machine.")
        return
    inputs = machine.inputs_for(environment.name, "example", "ssh-ed25519 AAAA example")
    try:
        check_inputs(context.contract(Kind.MODULE, machine.module), inputs)
    except InputError as error:
        for text in error.problems:
            yield problem("machine", f"module {machine.module}: {text}")
    except SluisError as error:
        yield problem("machine", error.message, error.hint)


def _people(environment: Environment) -> Iterator[Check]:
    group = environment.people.approvers
    members = environment.people.groups.get(group, ())
    if not members:
        yield problem("people", f"nobody belongs to the approving group '{group}'.", "List them under people.groups.")
    elif len(members) == 1:
        yield warning("people", f"only {members[0]} may approve, and nobody approves what they asked for themselves.")


def _key(context: Context, environment: Environment) -> Iterator[Check]:
    if environment.connection.private_key is None:
        if shutil.which("ssh-keygen") is None:
            yield problem("connection", "ssh-keygen is not there.", "Install the OpenSSH client (openssh-client).")
        return
    try:
        context.key_pair(environment)
    except SluisError as error:
        yield problem("connection.private_key", error.message, error.hint)


def _variables(secrets: Secrets, environment: Environment) -> Iterator[Check]:
    for name, value in environment.variables.items():
        try:
            secrets.resolve(value)
        except SluisError as error:
            yield problem(f"variables.{name}", error.message, error.hint)


def _hosts(environment: Environment) -> Iterator[Check]:
    if environment.connection.host_keys != "known":
        return
    for name, host in environment.hosts.items():
        if not host.host_keys:
            yield problem(
                f"hosts.{name}", "has no host_keys, so that nobody would know whether it is the right host.",
                f"Add what `ssh-keyscan -p {host.port} {host.address}` says, once you have compared it.",
            )  # fmt: skip


def _state(environment: Environment) -> Iterator[Check]:
    if isinstance(environment.state, S3State) and environment.cloud is None and not environment.state.endpoint:
        yield warning("state", "is in S3, but no cloud account is named.", "Add cloud: {account, region}.")
