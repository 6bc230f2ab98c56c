"""``sluis demo``, which is ``make demo``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from enum import StrEnum
from typing import Annotated

import typer

from workers.cli.coming_up import listening
from workers.cli.invocation import of, perform
from workers.cli.life import addresses, until
from workers.cli.screen import Screen, duration, screen, short
from workers.cli.watching import WatchView, watching
from workers.core.errors import SluisError
from workers.core.settings import Settings
from workers.service.assembly import assemble
from workers.service.demo import APPROVER, Demo, Scenario, write_result
from workers.service.happenings import ApprovalWaits, Happening
from workers.service.local import Up, up
from workers.service.logs import log_file, log_to_file
from workers.service.running import find_up, located
from workers.service.signals import told_to_stop

_SLOW_STEP = 0.05


class Approve(StrEnum):
    """Who approves."""

    ASK = "ask"
    AUTO = "auto"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(demo)


def demo(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Name of the machine.")] = "web1",
    message: Annotated[str, typer.Option(help="Text of its web page.")] = "Hello from Sluis.",
    approve: Annotated[
        Approve | None,
        typer.Option(
            envvar="APPROVE", help="ask: a person approves in Tasklist; auto: the user act does, over the API."
        ),
    ] = None,
    stay: Annotated[
        bool | None, typer.Option("--stay/--no-stay", help="Stay up afterwards; as it is at a terminal.")
    ] = None,
) -> None:
    """Run VM provisioning once, from the request to a verified machine.

    Gets what is missing, starts the engine and the workers (or uses a running `sluis up` of this project), asks for a
    machine as the user demo, has the plan approved, and then looks at the machine itself. The result is kept in
    results/. Exit code 0 only where every step was verified.

    Example: [bold]sluis demo --approve auto[/bold]
    """
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    auto = approve is Approve.AUTO if approve else not at_terminal
    scenario = Scenario(name=name, message=message, auto=auto)
    good = perform(_demo(of(context).settings(), scenario, stay=at_terminal if stay is None else stay))
    if not good:
        raise typer.Exit(1)


async def _demo(settings: Settings, scenario: Scenario, *, stay: bool) -> bool:
    shown = screen()
    with told_to_stop() as told, log_to_file(settings):
        work = asyncio.create_task(_run(settings, scenario, shown, told, stay=stay), name="demo")
        asked = asyncio.create_task(told.wait(), name="told to stop")
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done() and not work.done() and not _is_staying(work):
            shown.say("stopping …")
            work.cancel()
        asked.cancel()
        with suppress(asyncio.CancelledError):
            return await work
    raise typer.Exit(130)


def _is_staying(work: asyncio.Task[bool]) -> bool:
    return work.get_name() == _STAYING


_STAYING = "demo, done and staying"


async def _run(settings: Settings, scenario: Scenario, shown: Screen, told: asyncio.Event, *, stay: bool) -> bool:
    scenario.check()
    async with AsyncExitStack() as stack:
        demo_, running = await _prepared(settings, scenario, shown, stack)
        with watching(shown) as view:
            demo_.tell = _Guide(view, shown, auto=scenario.auto)
            try:
                await demo_.run()
            except SluisError as error:
                demo_.errors.append(str(error))
            except BaseException as error:
                demo_.errors.append(f"{type(error).__name__}: {error}")
                write_result(demo_.assembly.context.project, demo_.as_json())
                raise
        path = write_result(demo_.assembly.context.project, demo_.as_json())
        _summary(shown, demo_)
        shown.note(f"  {'Result':12} {short(path)}")
        if stay and running is not None:
            await _stay(shown, running, told)
        return demo_.passed
    raise AssertionError


async def _prepared(
    settings: Settings, scenario: Scenario, shown: Screen, stack: AsyncExitStack
) -> tuple[Demo, Up | None]:
    """A demonstration with everything up: by us, or by a `sluis up` of this project that runs already."""
    state = find_up(settings)
    if state is not None:
        shown.say(f"using the running `sluis up` (process {state.pid}, {state.rest_address})")
        return Demo(assemble(located(settings)), scenario, lambda _: None), None
    with listening(shown) as listener:
        running = await stack.enter_async_context(up(settings, listener, move_ports=True))
    if running.settings.rest_address != settings.rest_address:
        shown.say(f"the usual ports are in use, so this Camunda is at {running.settings.rest_address}", "yellow")
    return Demo(running.assembly, scenario, lambda _: None, parts=dict(listener.parts)), running


async def _stay(shown: Screen, running: Up, told: asyncio.Event) -> None:
    task = asyncio.current_task()
    if task is not None:
        task.set_name(_STAYING)
    shown.note("")
    for name, value in addresses(running.settings):
        shown.note(f"  {name:12} {value}")
    shown.note("Everything stays up until Ctrl-C.")
    await until(running, told)


class _Guide:
    """Shows what happens, and tells the person at the terminal what to do at the approval."""

    def __init__(self, view: WatchView, shown: Screen, *, auto: bool) -> None:
        self._view, self._shown, self._auto = view, shown, auto

    def __call__(self, happening: Happening) -> None:
        self._view(happening)
        if not isinstance(happening, ApprovalWaits):
            return
        if self._auto:
            self._shown.say(f"approving as {APPROVER} over the engine's API")
        else:
            self._shown.note(f"\n  Open {happening.address}", "bold cyan")
            self._shown.note(
                f"  sign in as {APPROVER} with password {APPROVER}, assign the task to yourself, decide.\n"
            )


def _summary(shown: Screen, demo_: Demo) -> None:
    verified, passed = demo_.verified, demo_.passed
    shown.note("")
    shown.note("Verified." if passed else "NOT verified.", "bold green" if passed else "bold red")
    for text in demo_.errors:
        if text not in [check.text for check in verified.checks]:
            shown.note(f"  ✗ {text}", "red")
    for check in verified.checks:
        shown.note(f"  {'✔' if check.good else '✗'} {check.text}", "green" if check.good else "red")
    for name, value in _facts(demo_):
        if value:
            shown.note(f"  {name:12} {value}")
    _times(shown, demo_)


def _facts(demo_: Demo) -> tuple[tuple[str, str], ...]:
    settings, stack = demo_.assembly.settings, demo_.scenario.stack
    roles = ", ".join(f"{role} changed {changed}" for role, changed in demo_.verified.configured)
    return (
        ("Machine", _machine(demo_)),
        ("Kind", _kind(demo_)),
        ("Roles", roles),
        ("Approval", _approval(demo_)),
        ("Process", f"instance {demo_.instance}, {settings.rest_address}/operate/processes/{demo_.instance}"),
        ("Log", f"{short(log_file(settings))}; `sluis runs` and `sluis run log RUN` for each step"),
        ("Audit", f"`sluis audit verify {stack}`, `sluis stack show {stack}`"),
    )


def _machine(demo_: Demo) -> str:
    record = demo_.verified.stack
    hosts = ", ".join(f"{h.name} ({h.user}@{h.address}:{h.port})" for h in record.hosts) if record else ""
    return f"{hosts}; plan: {demo_.verified.counts or 'none'}" if hosts else demo_.verified.counts


def _kind(demo_: Demo) -> str:
    outputs = demo_.verified.stack.outputs if demo_.verified.stack else {}
    if outputs.get("kind") == "user_sshd":
        return f"an sshd of the present user, without root, in place of a whole machine: {outputs.get('reason', '')}"
    return str(outputs.get("reason", ""))


def _approval(demo_: Demo) -> str:
    if not demo_.verified.made:
        return "nothing to approve: no changes" if demo_.ended and demo_.ended.good else ""
    counting = [a for a in demo_.verified.approvals if a.counts]
    return "; ".join(
        f"{a.approver} {a.decision.value} change {a.change[:12]} (evidence: {a.evidence.value})" for a in counting
    )


def _times(shown: Screen, demo_: Demo) -> None:
    steps = sorted(demo_.watch.steps.values(), key=lambda s: s.key) if demo_.watch else []
    for step in steps:
        if step.seconds >= _SLOW_STEP:
            shown.note(f"  {duration(step.seconds):>12} {'  ' * len(step.path)}{step.name}")
    if demo_.finished:
        shown.note(f"  {duration((demo_.finished - demo_.began).total_seconds()):>12} in all")
