"""``sluis env list|check``."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.catalogue.environments import environment_names
from workers.cli.doctor import show_checks
from workers.cli.invocation import AsJson, opened
from workers.core.environment import Environment
from workers.core.errors import SluisError
from workers.core.values import JsonValue
from workers.handlers.context import Context
from workers.service.checks import check_environment

group = typer.Typer(no_args_is_help=True, help="Environments: where things are made, and who approves.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="env")


@group.command(name="list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the environments that have a file in environments/.

    JSON: [{"name", "description", "customer", "stage", "state", "module", "approvers", "error"}].

    Example: [bold]sluis env list[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    project = assembly.context.project
    found = [_entry(assembly.context, name) for name in environment_names(project)]
    rows = [[str(e[key]) for key in ("name", "stage", "module", "state", "approvers", "description")] for e in found]
    heads = ("NAME", "STAGE", "MACHINE", "STATE", "APPROVERS", "DESCRIPTION")
    empty = f"{project / 'environments'} holds no environment. Copy environments/local.yaml of Sluis itself."
    screen.show(list(found), lambda s: s.table(heads, rows, empty))


@group.command()
def check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The environment; all where left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say everything that an environment still lacks. Exit code 1 where something does not work.

    JSON: {"ok": bool, "checks": [{"part", "finding": "ok|warning|problem", "detail", "hint"}]}.

    Example: [bold]sluis env check local[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    names = (name,) if name else environment_names(assembly.context.project)
    show_checks(screen, tuple(c for n in names for c in check_environment(assembly.context, n)))


def _entry(context: Context, name: str) -> dict[str, JsonValue]:
    try:
        return _facts(context.environment(name))
    except SluisError as error:
        blank: dict[str, JsonValue] = dict.fromkeys(("customer", "stage", "state", "module", "approvers"), "")
        return {"name": name, "description": error.message, **blank, "error": error.message}


def _facts(environment: Environment) -> dict[str, JsonValue]:
    group = environment.people.approvers
    members = ", ".join(environment.people.groups.get(group, ()))
    return {
        "name": environment.name,
        "description": environment.description,
        "customer": environment.customer,
        "stage": environment.stage.value,
        "state": environment.state.type,
        "module": environment.machine.module if environment.machine else "",
        "approvers": f"{group}: {members}" if members else group,
        "error": "",
    }
