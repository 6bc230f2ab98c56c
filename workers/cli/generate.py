"""``sluis generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.catalogue import read_catalogue
from workers.catalogue.generating import differences, generated, write
from workers.cli.invocation import AsJson, of
from workers.cli.screen import screen
from workers.core.errors import ContractError
from workers.core.values import JsonValue


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(generate)


def generate(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 where a file differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write what follows from the contracts: element templates for Camunda Modeler, start forms, pages, JSON Schema.

    They go to .camunda/element-templates/, .camunda/start-forms/ and docs/reference/catalogue/. Files of modules and
    roles that are gone are removed.

    JSON: {"files": number, "stale": [path], "left": [path]}.

    Example: [bold]sluis generate --check[/bold]
    """
    project = of(context).settings().project
    catalogue = read_catalogue(project)
    if catalogue.problems:
        first = catalogue.problems[0]
        raise ContractError(f"{first.path}:{first.line}: {first.message}", "Mend it; nothing was written.")
    files = generated(catalogue)
    found = differences(project, files) if check else write(project, files)
    data: dict[str, JsonValue] = {"files": len(files), "stale": list(found.stale), "left": list(found.left)}
    shown = screen(as_json=as_json)
    said = ("is out of date; run `sluis generate`", "is left over") if check else ("written", "removed")
    pairs = ((found.stale, said[0]), (found.left, said[1]))
    rows = [(name, word) for names, word in pairs for name in names]
    shown.show(data, lambda s: s.table(("FILE", ""), rows, f"{len(files)} files are up to date."))
    if check and rows:
        raise typer.Exit(1)
