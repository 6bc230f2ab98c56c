"""``sluis new module|role``."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.catalogue import read_catalogue
from workers.catalogue.generating import generated, write
from workers.catalogue.new_folder import make_folder
from workers.cli.invocation import AsJson, of
from workers.cli.screen import Screen, screen, short
from workers.core.contract import Kind
from workers.core.values import JsonValue

group = typer.Typer(no_args_is_help=True, help="Begin a module or a role with a folder that passes every check.")

Name = Annotated[str, typer.Argument(help="A letter first, then a-z, 0-9 and _.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="new")


@group.command()
def module(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Make terraform/modules/NAME with variables, outputs, a test and a README; and what `sluis generate` writes.

    JSON: {"files": [path]}.

    Example: [bold]sluis new module queue[/bold]
    """
    _make(context, Kind.MODULE, name, screen(as_json=as_json))


@group.command()
def role(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Make ansible/roles/NAME with tasks, defaults, an argument specification and a README; and what follows from it.

    JSON: {"files": [path]}.

    Example: [bold]sluis new role log_rotation[/bold]
    """
    _make(context, Kind.ROLE, name, screen(as_json=as_json))


def _make(context: typer.Context, kind: Kind, name: str, shown: Screen) -> None:
    project = of(context).settings().project
    made = make_folder(project, kind, name)
    catalogue = read_catalogue(project)
    # A folder that cannot be read stays with what was generated from it before: `sluis generate` names it.
    derived = () if catalogue.problems else write(project, generated(catalogue)).stale
    files = [short(path) for path in (*made, *(project / file for file in derived))]
    data: dict[str, JsonValue] = {"files": [*files]}
    shown.show(data, lambda s: s.table(("FILE",), [(file,) for file in files], ""))
