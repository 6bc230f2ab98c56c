"""Starting a process in the name of a person who signed in, and writing down that it was them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from workers.catalogue.environments import environment_names
from workers.core.errors import NotFoundError
from workers.core.records import RequestRecord
from workers.core.values import JsonValue, is_name, now
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly
from workers.service.models import Model, read_models
from workers.service.people import evidence
from workers.service.variables import Given, checked


@dataclass(frozen=True)
class Started:
    """A process instance that was started by us.

    Attributes:
        instance: its key.
        process: id of the process.
        requester: in whose name.
        variables: what it was started with.
    """

    instance: int
    process: str
    requester: str
    variables: Mapping[str, JsonValue]
    address: str

    @property
    def operate(self) -> str:
        """Where Operate shows it."""
        return f"{self.address}/operate/processes/{self.instance}"

    def as_json(self) -> dict[str, JsonValue]:
        """For ``--json``."""
        return {
            "instance": self.instance,
            "process": self.process,
            "requester": self.requester,
            "variables": dict(self.variables),
            "operate": self.operate,
        }


def model_of(assembly: Assembly, process: str) -> Model:
    """The model of a process.

    Raises:
        NotFoundError: the project has none of that id.
    """
    models = read_models(assembly.context.project)
    if process in models:
        return models[process]
    close = get_close_matches(process, sorted(models), n=1, cutoff=0.4)
    known = ", ".join(sorted(models)) or "none"
    hint = f"Did you mean '{close[0]}'?" if close else f"There are: {known}."
    raise NotFoundError(f"{assembly.context.project / 'bpmn'} has no process '{process}'.", hint)


def prepare(assembly: Assembly, process: str, given: Given) -> dict[str, JsonValue]:
    """The variables to start ``process`` with, checked against its start form.

    Raises:
        NotFoundError: there is no such process.
        InputError: the variables do not fit.
    """
    return checked(given, model_of(assembly, process), environment_names(assembly.context.project))


async def start(
    assembly: Assembly, rest: OrchestrationRest, user: str, process: str, variables: Mapping[str, JsonValue]
) -> Started:
    """Start a process as ``user`` and record who asked for it.

    The engine gives the key out only with the instance already running, so the record follows it by the time of one
    file write. The first job that asks for the requester, ``policy.check``, comes after the plan, which takes hundreds
    of milliseconds; and a requester who is not found costs one approver more, so that the race cannot weaken anything.

    Args:
        assembly: the parts.
        rest: the engine as ``user`` sees it, signed in.
        user: in whose name.
        process: id of the process.
        variables: as `prepare` gave them.
    """
    return await start_for(assembly, rest, user, process, variables, evidence(assembly.settings, user))


async def start_for(
    assembly: Assembly, rest: OrchestrationRest, user: str, process: str, variables: Mapping[str, JsonValue], how: str
) -> Started:
    """Start a process in the name of somebody whom we authenticated ourselves.

    Args:
        assembly: the parts.
        rest: the engine as whoever may start it there.
        user: in whose name.
        process: id of the process.
        variables: as `prepare` gave them.
        how: how we know that it is them, for the record.
    """
    instance = await rest.start(process, variables)
    record = RequestRecord(process_instance=instance, process=process, requester=user, evidence=how, created=now())
    await assembly.context.requests.save(record)
    subject = _subject(process, variables)
    await assembly.context.audit.add(subject, user, "requested", process=process, instance=instance, evidence=how)
    return Started(instance, process, user, variables, assembly.settings.rest_address)


def _subject(process: str, variables: Mapping[str, JsonValue]) -> str:
    environment, name = variables.get("environment"), variables.get("name")
    if isinstance(environment, str) and isinstance(name, str) and is_name(environment) and is_name(name):
        return f"{environment}/{name}"
    return f"processes/{process}"
