"""``sluis audit verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.cli.invocation import AsJson, opened, perform
from workers.core.errors import NotFoundError
from workers.core.values import JsonValue
from workers.service.assembly import Assembly

group = typer.Typer(no_args_is_help=True, help="The audit trail: who asked, approved and applied.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="audit")


@group.command()
def verify(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="[SUBJECT]", help="A stack, ENV/NAME; all where left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check that no entry of the audit trail was altered or removed. Exit code 1 where one was.

    Each entry carries the digest of the one before it. Entries cut off at the end do not show; keep the digest of the
    last entry elsewhere to notice that too.

    JSON: {"subjects": [{"subject", "entries", "last", "problems"}]}.

    Example: [bold]sluis audit verify local/web1[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = perform(_verify(assembly, subject))
    rows = [
        (
            str(f["subject"]),
            str(f["entries"]),
            str(f["last"])[:12],
            "; ".join(map(str, _list(f["problems"]))) or "whole",
        )
        for f in found
    ]
    screen.show(
        {"subjects": list(found)},
        lambda s: s.table(("SUBJECT", "ENTRIES", "LAST", "STATE"), rows, "There is no audit trail yet."),
    )
    if any(f["problems"] for f in found):
        raise typer.Exit(1)


async def _verify(assembly: Assembly, subject: str) -> list[dict[str, JsonValue]]:
    trail = assembly.context.audit
    known = await trail.subjects()
    if subject and subject not in known:
        raise NotFoundError(f"There is no audit trail of {subject}.", f"There are: {', '.join(known) or 'none'}.")
    found: list[dict[str, JsonValue]] = []
    for name in (subject,) if subject else known:
        entries = await trail.entries(name)
        problems: list[JsonValue] = list(await trail.problems(name))
        last = entries[-1].digest if entries else ""
        found.append({"subject": name, "entries": len(entries), "last": last, "problems": problems})
    return found


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
