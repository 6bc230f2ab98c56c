"""``sluis up``, ``sluis down`` and ``sluis clean``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from typing import Annotated

import typer

from workers.cli.coming_up import listening
from workers.cli.invocation import AsJson, Yes, of, perform
from workers.cli.screen import Screen, duration, screen, short
from workers.core.errors import EngineError, UsageError
from workers.core.settings import Settings
from workers.service.assembly import assemble
from workers.service.clean import clean as clean_all
from workers.service.clean import what_there_is
from workers.service.local import Up
from workers.service.local import down as stop_up
from workers.service.local import up as bring_up
from workers.service.log_control import LogControl
from workers.service.logs import log_file, log_to_file
from workers.service.running import find_up, web_address
from workers.service.signals import told_to_stop
from workers.service.tools import prepare_tools

_DETACHED_SECONDS = 900


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(down)
    app.command()(clean)


def up(
    context: typer.Context,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Go on in the background; `sluis down` stops it.")
    ] = False,
) -> None:
    """Start the engine and the workers here, deploy the models, and stay until Ctrl-C.

    Downloads what is missing, once per machine. Ctrl-C and SIGTERM let running jobs end, then stop all; a second one
    does not wait for them.

    Example: [bold]sluis up[/bold]
    """
    settings = of(context).settings()
    if detach:
        perform(_detach(settings))
    else:
        perform(_up(settings, screen()))


def down(context: typer.Context, as_json: AsJson = False) -> None:
    """Stop a running `sluis up`, and wait until it has ended.

    JSON: {"stopped": process id or null}.

    Example: [bold]sluis down[/bold]
    """
    settings = of(context).settings()
    state = perform(stop_up(settings, settings.drain_seconds + 90))
    text = f"Process {state.pid} has stopped." if state else "Nothing was running."
    screen(as_json=as_json).show({"stopped": state.pid if state else None}, lambda s: s.line(text))


def clean(context: typer.Context, yes: Yes = False) -> None:
    """Remove what was made here: local machines (by a destroy of their stacks), the engine's data, the data folder.

    Downloads in the cache stay.

    Example: [bold]sluis clean --yes[/bold]
    """
    settings, shown = of(context).settings(), screen()
    if not settings.data_folder.exists():
        shown.note(f"{settings.data_folder} is not there, so there is nothing to remove.")
        return
    found = perform(what_there_is(assemble(settings)))
    shown.note(f"{settings.data_folder}: {found}")
    _ask("Remove all of it?", yes=yes)
    perform(_clean(settings, shown))


async def _clean(settings: Settings, shown: Screen) -> None:
    tool = await prepare_tools(settings)
    await clean_all(assemble(settings, tool), shown.say)
    shown.note(f"{short(settings.data_folder)} is gone. Downloads stay in {settings.cache}.")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("This needs a confirmation.", "Add --yes.")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


async def _up(settings: Settings, shown: Screen) -> None:
    control = LogControl(settings)
    with told_to_stop() as told, log_to_file(settings, control) as log:
        coming = asyncio.create_task(_stay(settings, shown, told, control), name="up")
        asked = asyncio.create_task(told.wait(), name="told to stop")
        await asyncio.wait({coming, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            shown.say(f"stopping; running jobs may end first (log: {short(log)}) …")
            # Before it is up there is nothing to let end: cancelling stops the engine and removes half downloads.
            if find_up(settings) is None:
                coming.cancel()
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await coming
        shown.say("stopped")


async def _stay(settings: Settings, shown: Screen, told: asyncio.Event, control: LogControl) -> None:
    began = time.monotonic()
    with listening(shown) as listener:
        manager = bring_up(settings, listener, log=control)
        running = await manager.__aenter__()
    try:
        _tell(shown, running, time.monotonic() - began)
        await until(running, told)
    finally:
        await manager.__aexit__(*sys.exc_info())


async def until(running: Up, told: asyncio.Event) -> None:
    """Wait until we are told to stop, or something of it ends by itself, which is an error."""
    failed = asyncio.create_task(running.failed(), name="something ended")
    asked = asyncio.create_task(told.wait(), name="told to stop")
    try:
        await asyncio.wait({failed, asked}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            failed.result()
    finally:
        failed.cancel()
        asked.cancel()
        await asyncio.gather(failed, asked, return_exceptions=True)


def _tell(shown: Screen, running: Up, seconds: float) -> None:
    shown.say(f"Sluis is up ({duration(seconds)}).")
    for name, value in addresses(running.settings):
        shown.note(f"  {name:10} {value}")
    shown.note("Ctrl-C stops it." if shown.live else "SIGTERM stops it.")


def addresses(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Where people find what is up, and as whom they sign in."""
    users = "demo/demo (requests), act/act (approves), view/view (looks)"
    return (
        *((("Run pages", pages),) if (pages := web_address(settings)) else ()),
        ("Tasklist", f"{settings.rest_address}/tasklist"),
        ("Operate", f"{settings.rest_address}/operate"),
        *((("Users", users),) if settings.engine == "embedded" else ()),
        ("gRPC", settings.grpc_address),
        ("Log", short(log_file(settings))),
    )


async def _detach(settings: Settings) -> None:
    """Start ``sluis up`` in a session of its own and wait until it is up."""
    shown = screen()
    log = log_file(settings).with_name("up.out")
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: ASYNC220 - it has to outlive us
            [sys.executable, "-m", "workers.cli", "--project", str(settings.project.resolve()), "up"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + _DETACHED_SECONDS
    while (state := find_up(settings)) is None or state.pid != child.pid:
        if child.poll() is not None or time.monotonic() > deadline:
            raise EngineError(f"`sluis up` did not come up.\n{log.read_text(errors='replace')[-2000:]}", f"See {log}.")
        await asyncio.sleep(0.2)
    shown.note(f"Sluis is up in the background (process {child.pid}); `sluis down` stops it, `sluis status` shows it.")
