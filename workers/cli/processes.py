"""``sluis start`` and ``sluis watch``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.invocation import AsJson, Yes, opened, perform
from workers.cli.screen import Screen
from workers.cli.watching import watching
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.service.assembly import Assembly, open_rest
from workers.service.happenings import Ended
from workers.service.people import signed_in
from workers.service.processes import Started, prepare
from workers.service.processes import start as start_process
from workers.service.running import web_address
from workers.service.variables import given
from workers.service.watch import Watch

As = Annotated[
    str, typer.Option("--as", metavar="USER", help="In whose name. The password comes from SLUIS_PASSWORD_<USER>.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(start)
    app.command()(watch)


def start(
    context: typer.Context,
    process: Annotated[str, typer.Argument(help="Id of the process, e.g. VmProvisioning.")],
    var: Annotated[
        list[str] | None, typer.Option("--var", "-v", metavar="NAME=TEXT", help="A variable; repeat it.")
    ] = None,
    input_: Annotated[
        list[str] | None, typer.Option("--input", "-i", metavar="NAME=JSON", help="A variable as JSON; repeat it.")
    ] = None,
    vars_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Variables as one JSON object.")] = None,
    user: As = "demo",
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Follow it until it ends.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Start a process in your name. Variables are held against its start form first: nothing starts on a wrong one.

    JSON: {"instance", "process", "requester", "variables", "operate"}; with --watch followed by one happening per line.

    Example: [bold]sluis start VmProvisioning --var name=web1 --var message='Hello' --watch[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    variables = prepare(assembly, process, given(var or (), input_ or (), vars_file))
    if screen.live and sys.stdin.isatty() and not yes and not as_json:
        screen.note(f"{process} as {user} with {json.dumps(variables, ensure_ascii=False)}")
        if not typer.confirm("Start it?", default=True, err=True):
            raise typer.Exit(1)
    perform(_start(assembly, screen, process, user, variables, follow=follow))


def watch(
    context: typer.Context,
    instance: Annotated[int, typer.Argument(help="Key of the process instance, as `sluis start` and Operate show it.")],
    as_json: AsJson = False,
) -> None:
    """Follow a process until it ends: steps with their times, the tools' progress, who is asked, what is stuck.

    Exit code 1 where it ends otherwise than completed, or at an end that an error led to or that tells of a failure.

    JSON: one object per line, "happening": step-began, step-ended, tool-said, approval-waits, incident, engine-silent,
    ended.

    Example: [bold]sluis watch 2251799813685251[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    perform(_watch(assembly, screen, instance))


def ask_password(user: str) -> str:
    """Ask at the terminal; empty where there is none."""
    return str(typer.prompt(f"Password of {user}", hide_input=True, err=True)) if sys.stdin.isatty() else ""


async def _start(
    assembly: Assembly, screen: Screen, process: str, user: str, variables: dict[str, JsonValue], *, follow: bool
) -> None:
    async with await signed_in(assembly.settings, user, ask_password) as rest:
        started = await start_process(assembly, rest, user, process, variables)
    if follow and screen.as_json:
        sys.stdout.write(json.dumps({"happening": "started", **started.as_json()}, ensure_ascii=False) + "\n")
    else:
        screen.show(started.as_json(), lambda s: _show(s, assembly.settings, started, follow=follow))
    if follow:
        await _watch(assembly, screen, started.instance)


def _show(screen: Screen, settings: Settings, started: Started, *, follow: bool) -> None:
    screen.line(f"{started.process} was started as {started.requester}: instance {started.instance}")
    screen.note(f"Operate: {started.operate}")
    if not follow:
        if pages := web_address(settings):
            screen.note(f"Run pages: {pages}/runs?instance={started.instance}")
        screen.note(f"`sluis watch {started.instance}` follows it.")


async def _watch(assembly: Assembly, screen: Screen, instance: int) -> None:
    if (pages := web_address(assembly.settings)) and not screen.as_json:
        screen.note(f"Run pages: {pages}/runs?instance={instance}")
    async with open_rest(assembly.settings) as rest:
        with watching(screen) as view:
            async for happening in Watch(assembly, rest, instance).happenings():
                view(happening)
                if isinstance(happening, Ended) and not happening.good:
                    raise typer.Exit(1)
