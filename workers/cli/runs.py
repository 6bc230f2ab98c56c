"""``sluis runs`` and ``sluis run show|log``."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated

import typer
from rich.text import Text

from workers.cli.events import event_line
from workers.cli.invocation import AsJson, opened, perform
from workers.cli.screen import Screen, duration, moment, plain
from workers.core.errors import NotFoundError
from workers.core.records import Run, RunState
from workers.core.values import JsonValue, now
from workers.runs.log import follow_log, read_log
from workers.service.assembly import Assembly

one = typer.Typer(no_args_is_help=True, help="One run: its record and its log.")
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Run id, as `sluis runs` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(runs)
    app.add_typer(one, name="run")


def runs(
    context: typer.Context,
    stack: Annotated[str, typer.Option(metavar="ENV/NAME", help="Only runs on this stack.")] = "",
    state: Annotated[RunState | None, typer.Option(help="Only runs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what the workers did, newest first.

    JSON: a list of run records (docs/reference/records.md).

    Example: [bold]sluis runs --stack local/web1 --state failed[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = [r for r in perform(assembly.context.runs.all()) if _wanted(r, stack, state)][:limit]
    heads = ("RUN", "JOB TYPE", "STACK", "STATE", "STARTED", "TOOK", "RESULT")
    screen.show(
        [plain(run) for run in found],
        lambda s: s.table(heads, [_row(r) for r in found], "No runs yet. `sluis start` starts a process."),
    )


@one.command()
def show(context: typer.Context, run: RunId, as_json: AsJson = False) -> None:
    """Show one run: what it worked on, how it ended and what came of it.

    JSON: the run record.

    Example: [bold]sluis run show 2251799813690000-1[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    record = perform(_find(assembly, run))
    screen.show(plain(record), lambda s: _show(s, record))


@one.command()
def log(
    context: typer.Context,
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the log of a run, secrets removed.

    JSON: one event per line.

    Example: [bold]sluis run log 2251799813690000-1 --follow[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    perform(_log(assembly, screen, run, follow=follow))


async def _log(assembly: Assembly, screen: Screen, run: str, *, follow: bool) -> None:
    await _find(assembly, run)
    if not follow:
        for event in await read_log(assembly.store, run):
            _print(screen, plain(event) if screen.as_json else event_line(event))
        return
    ended = asyncio.Event()
    watcher = asyncio.create_task(_until_ended(assembly, run, ended))
    try:
        async for event in follow_log(assembly.store, run, ended):
            _print(screen, plain(event) if screen.as_json else event_line(event))
    finally:
        watcher.cancel()


async def _until_ended(assembly: Assembly, run: str, ended: asyncio.Event) -> None:
    while not (await _find(assembly, run)).state.ended:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.5)
    ended.set()


def _print(screen: Screen, line: object) -> None:
    if isinstance(line, Text):
        screen.line(line)
    else:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()


async def _find(assembly: Assembly, run: str) -> Run:
    found = await assembly.context.runs.find(run)
    if found is None:
        raise NotFoundError(f"There is no run {run}.", "`sluis runs` lists what there is.")
    return found


def _wanted(run: Run, stack: str, state: RunState | None) -> bool:
    return (not stack or stack in run.stack.split()) and (state is None or run.state is state)


def _row(run: Run) -> tuple[str, ...]:
    result = run.message or run.code or run.outcome
    first = result.splitlines()[0] if result else ""
    return (run.id, run.job_type, run.stack, run.state.value, moment(run.started), took(run), first[:100])


def took(run: Run) -> str:
    """How long a run took, or has taken so far."""
    if run.started is None:
        return ""
    return duration(((run.ended or now()) - run.started).total_seconds())


def _show(screen: Screen, run: Run) -> None:
    screen.facts(
        [
            ("Run", run.id),
            ("Job type", run.job_type),
            ("Stack", run.stack),
            ("State", run.state.value),
            ("Code", run.code),
            ("Message", run.message),
            ("Process", f"{run.process}, step {run.element}, instance {run.process_instance}"),
            ("Attempt", f"{run.attempt} (deliveries {run.deliveries}, retries left {run.retries})"),
            ("Worker", run.worker),
            ("Started", moment(run.started)),
            ("Took", took(run)),
            ("Reported", "yes" if run.reported else "not yet"),
            ("Inputs", _indented(run.inputs)),
            ("Result", _indented(_without_text(run.result))),
            ("Log", f"sluis run log {run.id}"),
        ]
    )
    for result in run.result.values():
        if isinstance(result, dict) and result.get("markdown"):
            screen.line()
            screen.line(str(result["markdown"]))


def _without_text(result: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The result without the text for approvers, which is printed by itself."""
    return {k: {n: x for n, x in v.items() if n != "markdown"} if isinstance(v, dict) else v for k, v in result.items()}


def _indented(value: dict[str, JsonValue]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
