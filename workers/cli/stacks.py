"""``sluis stacks`` and ``sluis stack show|adopt|unlock``."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.invocation import AsJson, opened, perform
from workers.cli.runs import took
from workers.cli.screen import Screen, moment, plain
from workers.core.records import StackRecord
from workers.core.values import JsonValue
from workers.service import stacks as service
from workers.service.stacks import StackView, parse_stack

one = typer.Typer(no_args_is_help=True, help="One stack: what is known of it, taking over a state, freeing a lock.")
StackName = Annotated[str, typer.Argument(metavar="ENV/NAME", help="The stack, e.g. local/web1.")]
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(stacks)
    app.add_typer(one, name="stack")


def stacks(
    context: typer.Context,
    environment: Annotated[str, typer.Option("--environment", "-e", help="Only stacks of this environment.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the stacks: what was made, where, and in which state it is.

    JSON: a list of stack records, each with "holder" (who works on it now, or null).

    Example: [bold]sluis stacks --environment local[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = perform(assembly.context.stacks.all(environment))
    held = {str(r.id): service.holder(assembly.context, r.id) for r in found}
    data: list[JsonValue] = [
        {**r.model_dump(mode="json"), "holder": str(h) if (h := held[str(r.id)]) else None} for r in found
    ]
    rows = [_row(r, "busy: run " + h.run if (h := held[str(r.id)]) else "") for r in found]
    heads = ("STACK", "MODULE", "STATE", "HOSTS", "ENDS", "CHANGED", "NOW")
    screen.show(data, lambda s: s.table(heads, rows, "No stacks yet. `sluis start VmProvisioning` makes one."))


@one.command()
def show(context: typer.Context, stack: StackName, as_json: AsJson = False) -> None:
    """Show one stack: record, last plan, runs, audit trail, who holds its lock, and what no state knows.

    JSON: {"record", "plan", "runs", "audit", "holder", "orphans": [{"id", "run"}], "unasked"}.

    Example: [bold]sluis stack show local/web1[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = perform(service.view(assembly.context, parse_stack(stack)))
    screen.show(found.as_json(), lambda s: _show(s, found))


@one.command()
def adopt(
    context: typer.Context,
    stack: StackName,
    module: Annotated[str, typer.Option("--module", "-m", help="The module that the state belongs to.")],
    state: Annotated[Path, typer.Option("--state", metavar="FILE", help="The terraform.tfstate to take over.")],
    as_json: AsJson = False,
) -> None:
    """Take over a state that was made without Sluis. Refuses where the stack exists.

    The file is copied; the original stays as it is and must not be used any more. Nothing is applied: the next plan
    shows what differs, and people decide on it.

    JSON: the stack record.

    Example: [bold]sluis stack adopt local/db1 --module local_host --state old/terraform.tfstate[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    person = getpass.getuser()
    record = perform(service.adopt(assembly.context, parse_stack(stack), module, state, person))
    screen.show(plain(record), lambda s: s.line(f"{record.id} was taken over. The next plan shows what differs."))


@one.command()
def unlock(context: typer.Context, stack: StackName, as_json: AsJson = False) -> None:
    """Free what a dead worker left locked. Refuses while the holder is alive, and names it.

    JSON: {"stack", "done": [sentences]}.

    Example: [bold]sluis stack unlock local/web1[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    done = perform(service.unlock(assembly.context, parse_stack(stack), getpass.getuser()))
    text = "; ".join(done) or "Nothing was locked."
    screen.show({"stack": stack, "done": list(done)}, lambda s: s.line(f"{stack}: {text}"))


def _row(record: StackRecord, busy: str) -> tuple[str, ...]:
    hosts = ", ".join(f"{h.name} ({h.address}:{h.port})" for h in record.hosts)
    state = f"{record.state}, adopted" if record.adopted else record.state
    ends = moment(record.expires) if record.expires else ""
    return (str(record.id), record.module, state, hosts, ends, moment(record.updated), busy)


def _show(screen: Screen, found: StackView) -> None:
    record, plan = found.record, found.plan
    screen.facts(
        [
            ("Stack", str(record.id)),
            ("State", f"{record.state}, adopted" if record.adopted else record.state),
            ("Module", f"{record.module} ({record.module_digest[:12]})"),
            ("Ends", moment(record.expires) if record.expires else ""),
            ("Held by", str(found.holder) if found.holder else "nobody"),
            ("Hosts", "\n".join(f"{h.name}  {h.user}@{h.address}:{h.port}" for h in record.hosts)),
            ("Inputs", json.dumps(record.inputs, indent=2, ensure_ascii=False) if record.inputs else ""),
            ("Outputs", json.dumps(record.outputs, indent=2, ensure_ascii=False) if record.outputs else ""),
            ("Last plan", f"{plan.digest[:12]}: {plan.counts}, {moment(plan.created)}, run {plan.run}" if plan else ""),
            ("Last apply", record.last_apply),
            ("Changed", moment(record.updated)),
            ("Orphans", found.unasked and f"not looked for: {found.unasked}"),
        ]
    )
    _tables(screen, found)


def _tables(screen: Screen, found: StackView) -> None:
    if found.orphans:
        screen.line()
        orphans = [(one.id, one.run) for one in found.orphans]
        screen.table(("IN NO STATE (made by a killed tool; remove it, or import it)", "RUN"), orphans, "")
    screen.line()
    runs = [(r.id, r.job_type, r.state.value, moment(r.started), took(r)) for r in found.runs[:_SHOWN]]
    screen.table(("RUN", "JOB TYPE", "STATE", "STARTED", "TOOK"), runs, "No runs.")
    screen.line()
    trail = [(moment(e.time), e.actor, e.action, _details(e.details)) for e in found.trail[-_SHOWN:]]
    screen.table(("TIME", "WHO", "WHAT", "DETAILS"), trail, "No audit trail.")


def _details(details: dict[str, JsonValue]) -> str:
    shown = ((k, str(v)) for k, v in details.items() if v not in (None, "", []))
    return ", ".join(f"{k} {v[:12] if len(v) == 64 else v[:80]}" for k, v in shown)  # noqa: PLR2004 - a digest
