"""``sluis status``."""

from __future__ import annotations

import typer
from rich.text import Text

from workers.cli.invocation import AsJson, opened, perform
from workers.cli.screen import Cell, Screen
from workers.service.status import Status, WorkerSeen
from workers.service.status import status as look


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(status)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what runs: engine, workers with what they could not read, runs, open tasks, stacks.

    Exit code 1 where the engine does not answer or nobody serves.

    JSON: {"good", "engine": {"version", "address", "trouble"}, "up", "workers": [{"name", "pid", "since", "alive",
    "job_types", "problems"}], "runs": {state: count}, "stacks": {state: count}, "open_tasks", "problems",
    "untold"}.

    Example: [bold]sluis status --json[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = perform(look(assembly))
    screen.show(found.as_json(), lambda s: _show(s, found))
    if not found.good:
        raise typer.Exit(1)


def _show(screen: Screen, found: Status) -> None:
    engine: Cell = Text(f"Camunda {found.engine} at {found.address}", "green")
    if not found.engine:
        engine = Text(f"does not answer: {found.trouble}", "red")
    screen.facts(
        [
            ("Engine", engine),
            ("Up", f"process {found.up}; `sluis down` stops it" if found.up else ""),
            (
                "Workers",
                "\n".join(_worker(w) for w in found.workers) or "none; `sluis up` or `sluis worker` starts one",
            ),
            ("Problems", "\n".join(found.problems)),
            ("Not told", "\n".join(found.untold)),
            ("Runs", _counts(found.runs)),
            ("Stacks", _counts(found.stacks)),
            ("Open tasks", "unknown" if found.open_tasks is None else str(found.open_tasks)),
        ]
    )


def _worker(worker: WorkerSeen) -> str:
    state = "serves" if worker.alive else "dead, left its file behind; serves no more"
    return (
        f"{worker.name} {state} ({len(worker.job_types)} job types, process {worker.pid}, since {worker.since[:19]}Z)"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
