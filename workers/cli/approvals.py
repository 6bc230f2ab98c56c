"""``sluis tasks``, ``sluis approve`` and ``sluis reject``."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Annotated

import typer

from workers.cli.invocation import AsJson, Yes, opened, perform
from workers.cli.processes import As, ask_password
from workers.cli.screen import Screen, moment
from workers.core.errors import NotFoundError, UsageError
from workers.core.records import Approval, Decision
from workers.core.values import JsonValue
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly, open_rest
from workers.service.decisions import OpenTask, decide, find_task, objection_to, open_tasks
from workers.service.people import signed_in

_RECORDED_SECONDS = 15.0
_NOTICE = "Notice"

Number = Annotated[int, typer.Argument(metavar="TASK|INSTANCE", help="Key of the task, or of its process instance.")]
Wait = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait so long for the task to appear.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(tasks)
    app.command()(approve)
    app.command()(reject)


def tasks(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Notices too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits for people: open approvals with their summary, and other decisions.

    JSON: [{"task", "element", "process", "instance", "root", "assignee", "groups", "created", "change", "stack",
    "summary", "markdown", "run", "requester", "approvals_needed", "tasklist"}].

    Example: [bold]sluis tasks[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = [t for t in perform(_tasks(assembly)) if all_ or t.process != _NOTICE]
    heads = ("TASK", "STACK", "SUMMARY", "REQUESTER", "GROUP", "CLAIMED BY", "SINCE", "TASKLIST")
    data: list[JsonValue] = [task.as_json() for task in found]
    screen.show(data, lambda s: s.table(heads, [_row(t) for t in found], "Nothing waits for people."))


def approve(
    context: typer.Context,
    number: Number,
    user: As = "act",
    reason: Annotated[str, typer.Option(help="A remark for the record.")] = "",
    wait: Wait = 0,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Approve exactly the change that a task shows. The change is shown first.

    Exit code 0 says that the decision was made; whether it counts (four eyes) is in the answer.

    JSON: {"task", "change", "decision", "approver", "counts", "note"}; counts is null where the record took too long.

    Example: [bold]sluis approve 2251799813685301 --as act[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    perform(_decide(assembly, screen, number, user, Decision.APPROVED, reason, wait=wait, yes=yes))


def reject(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; the requester reads it.")],
    user: As = "act",
    wait: Wait = 0,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Reject the change that a task shows, with a reason. Nothing is changed then.

    JSON: as for `approve`.

    Example: [bold]sluis reject 2251799813685301 --as act --reason 'Not before Monday.'[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    perform(_decide(assembly, screen, number, user, Decision.REJECTED, reason, wait=wait, yes=yes))


async def _tasks(assembly: Assembly) -> tuple[OpenTask, ...]:
    async with open_rest(assembly.settings) as rest:
        return await open_tasks(assembly, rest)


async def _decide(
    assembly: Assembly,
    screen: Screen,
    number: int,
    user: str,
    decision: Decision,
    reason: str,
    *,
    wait: float,
    yes: bool,
) -> None:
    async with await signed_in(assembly.settings, user, ask_password) as rest:
        task = await _find(assembly, rest, number, wait)
        _show_change(screen, task)
        if why_not := objection_to(assembly, task, user, decision):
            _object(screen, task, why_not, yes=yes)
        if screen.live and sys.stdin.isatty() and not yes:
            typer.confirm(f"{decision.value.capitalize()} as {user}?", abort=True, err=True)
        await decide(rest, task, user, decision, reason)
    recorded = await _recorded(assembly, task)
    screen.show(_outcome(task, user, decision, recorded), lambda s: _tell(s, task, user, decision, recorded))


def _object(screen: Screen, task: OpenTask, why_not: str, *, yes: bool) -> None:
    """Say beforehand that a decision will not count. With ``--yes`` it is made and recorded all the same."""
    if not (yes and task.change):
        raise UsageError(
            why_not, "With --yes it is recorded all the same, as one that does not count." * bool(task.change)
        )
    screen.note(f"It will not count: {why_not}", "yellow")


async def _find(assembly: Assembly, rest: OrchestrationRest, number: int, wait: float) -> OpenTask:
    deadline = time.monotonic() + wait
    while True:
        try:
            return await find_task(assembly, rest, number)
        except NotFoundError:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(0.5)


async def _recorded(assembly: Assembly, task: OpenTask) -> Approval | None:
    """What the worker wrote down about this decision; None where it has not yet."""
    deadline = time.monotonic() + _RECORDED_SECONDS
    while time.monotonic() < deadline:
        for approval in await assembly.context.changes.approvals(task.change):
            if approval.user_task == task.key:
                return approval
        await asyncio.sleep(0.2)
    return None


def _show_change(screen: Screen, task: OpenTask) -> None:
    screen.note(f"{task.stack or task.process}: {task.summary}", "bold")
    if screen.live:
        from rich.markdown import Markdown  # noqa: PLC0415 - slow to import, and few commands need it

        screen.err.print(Markdown(task.markdown))
    else:
        screen.note(task.markdown)
    asked = f"Asked for by {task.requester or 'somebody unknown'}; approvals needed: "
    screen.note(asked + str(task.policy.approvals if task.policy else "unknown"))
    screen.note(f"Change {task.change}")


def _outcome(task: OpenTask, user: str, decision: Decision, recorded: Approval | None) -> JsonValue:
    return {
        "task": task.key,
        "change": task.change,
        "decision": decision.value,
        "approver": user,
        "counts": recorded.counts if recorded else None,
        "note": recorded.note if recorded else "",
    }


def _tell(screen: Screen, task: OpenTask, user: str, decision: Decision, recorded: Approval | None) -> None:
    screen.line(f"{user} {decision.value} change {task.change[:12]}.")
    if recorded is None:
        screen.note("No worker has recorded it yet; `sluis status` shows whether one serves.", "yellow")
    elif not recorded.counts:
        screen.note(f"It does not count: {recorded.note}", "yellow")


def _row(task: OpenTask) -> tuple[str, ...]:
    return (
        str(task.key), task.stack or task.process, task.summary or task.element, task.requester,
        ", ".join(task.groups), task.assignee, moment(task.created), task.tasklist,
    )  # fmt: skip
