"""The program ``sluis``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workers import __version__
from workers.cli import (
    approvals,
    audit,
    check,
    demo,
    doctor,
    environments,
    generate,
    life,
    new,
    processes,
    runs,
    sources,
    stacks,
    state,
    worker,
)
from workers.cli.failures import EXIT_CODES, guarded
from workers.cli.invocation import Invocation
from workers.service.assembly import load_settings

app = typer.Typer(
    name="sluis",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
for group in (
    doctor,
    demo,
    life,
    state,
    worker,
    check,
    generate,
    new,
    sources,
    processes,
    approvals,
    stacks,
    runs,
    environments,
    audit,
):
    group.register(app)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"sluis {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project", "-p", metavar="FOLDER", help="Folder with bpmn/, terraform/, ansible/ and environments/."
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - done by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """BPMN decides what happens when and who must agree; Terraform modules and Ansible roles make it happen.

    Settings are environment variables that start with SLUIS_. Every command that prints data takes --json; data goes
    to standard output, progress and messages to standard error.
    """
    context.obj = Invocation(project)


def run() -> None:
    """Run the command line and exit."""
    sys.exit(guarded(app, lambda: load_settings().data_folder / "errors"))
