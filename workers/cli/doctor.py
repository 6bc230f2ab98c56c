"""``sluis doctor``."""

from __future__ import annotations

import typer
from rich.text import Text

from workers.cli.invocation import AsJson, opened, perform
from workers.cli.screen import Cell, Screen
from workers.service.assembly import Assembly
from workers.service.checks import Check, Finding, check_engine, check_environments, check_project, has_problems
from workers.service.tools import check_tools

_STYLES = {Finding.OK: "green", Finding.WARNING: "yellow", Finding.PROBLEM: "bold red"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(doctor)


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what is there, what is missing and how to get it. Exit code 1 where something does not work.

    JSON: {"ok": bool, "checks": [{"part", "finding": "ok|warning|problem", "detail", "hint"}]}.

    Example: [bold]sluis doctor[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    show_checks(screen, perform(_checks(assembly)))


async def _checks(assembly: Assembly) -> tuple[Check, ...]:
    settings = assembly.settings
    return (
        *await check_tools(settings),
        *check_project(settings),
        *check_environments(assembly),
        await check_engine(settings),
    )


def show_checks(screen: Screen, checks: tuple[Check, ...]) -> None:
    """Print checks and end with exit code 1 where one found a problem."""
    good = not has_problems(checks)
    data = {"ok": good, "checks": [check.as_json() for check in checks]}
    rows = [_row(check) for check in checks]
    screen.show(data, lambda s: s.table(("PART", "STATE", "FOUND", "WHAT TO DO"), rows, "Nothing to check."))  # type: ignore[arg-type]
    if not good:
        raise typer.Exit(1)


def _row(check: Check) -> tuple[Cell, ...]:
    return (check.part, Text(check.finding.value, _STYLES[check.finding]), check.detail, check.hint)
