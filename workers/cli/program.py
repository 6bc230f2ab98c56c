"""The program ``sluis`` without commands: its name, the options before a command, its exit codes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workers import __version__
from workers.cli.failures import EXIT_CODES
from workers.cli.invocation import Invocation


def program() -> typer.Typer:
    """A program that commands can be added to."""
    app = typer.Typer(
        name="sluis",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EXIT_CODES,
    )
    app.callback()(options)
    return app


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"sluis {__version__}\n")
        raise typer.Exit


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
