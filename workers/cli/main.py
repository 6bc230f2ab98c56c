"""Where ``sluis`` starts. Commands that need neither engine nor tools load nothing of these, which takes seconds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import typer

from workers.cli import check, generate, new
from workers.cli.failures import guarded
from workers.cli.program import program
from workers.service.settings import load_settings

LIGHT: Final = {"check": check, "generate": generate, "new": new}
_WITH_VALUE: Final = ("-p", "--project")


def run() -> None:
    """Run the command line and exit."""
    sys.exit(guarded(_chosen(sys.argv[1:]), lambda: load_settings().data_folder / "errors"))


def named(arguments: Sequence[str]) -> str:
    """The command that the arguments name; empty where they name none."""
    waiting = iter(arguments)
    for argument in waiting:
        if argument in _WITH_VALUE:
            next(waiting, "")
        elif not argument.startswith("-"):
            return argument
    return ""


def _chosen(arguments: Sequence[str]) -> typer.Typer:
    command = named(arguments)
    if command not in LIGHT:
        from workers.cli.commands import app  # noqa: PLC0415 - it loads everything

        return app
    app = program()
    # With one command alone, Typer would make it the program itself.
    for group in LIGHT.values():
        group.register(app)
    return app
