"""``sluis audit verify|export``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from workers.cli.invocation import AsJson, opened, perform
from workers.core.errors import NotFoundError, UsageError
from workers.core.values import Record
from workers.runs.audit import Audit, Kept

group = typer.Typer(no_args_is_help=True, help="The audit trail: who asked, approved and applied.")
Subject = Annotated[str, typer.Argument(metavar="[SUBJECT]", help="A stack, ENV/NAME; all where left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="audit")


@group.command()
def verify(
    context: typer.Context,
    subject: Subject = "",
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `sluis audit export` printed before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that no entry of the audit trail was altered or removed. Exit code 1 where one was.

    Each entry carries the digest of the one before it. Entries cut off at the end show where the store keeps what is
    removed (a versioned bucket), and against an export that was kept elsewhere.

    JSON: {"subjects": [{"subject", "entries", "last", "problems"}]}.

    Example: [bold]sluis audit verify local/web1 --against audit.jsonl[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    found = perform(_verify(assembly.context.audit, subject, _read(against)))
    rows = [(f.subject, str(f.entries), f.last[:12], "; ".join(f.problems) or "whole") for f in found]
    screen.show(
        {"subjects": [f.model_dump(mode="json") for f in found]},
        lambda s: s.table(("SUBJECT", "ENTRIES", "LAST", "STATE"), rows, "There is no audit trail yet."),
    )
    if any(f.problems for f in found):
        raise typer.Exit(1)


@group.command()
def export(context: typer.Context, subject: Subject = "") -> None:
    """Print the audit trail as JSON lines: one entry a line, each with its digest.

    Keep it where those who run Sluis cannot change it; `sluis audit verify --against FILE` compares.

    Example: [bold]sluis audit export > audit.jsonl[/bold]
    """
    assembly, _ = opened(context)
    for line in perform(_lines(assembly.context.audit, subject)):
        sys.stdout.write(line + "\n")


class Verdict(Record):
    """What the check of one trail found.

    Attributes:
        last: digest of the newest entry.
        problems: what is wrong, in words.
    """

    subject: str
    entries: int
    last: str
    problems: tuple[str, ...]


async def _verify(trail: Audit, subject: str, kept: tuple[Kept, ...]) -> list[Verdict]:
    found = []
    for name in await _subjects(trail, subject, kept):
        entries, last = await trail.size(name)
        gone = await trail.missing([entry for entry in kept if entry.subject == name])
        problems = (*await trail.problems(name), *gone)
        found.append(Verdict(subject=name, entries=entries, last=last, problems=problems))
    return found


async def _lines(trail: Audit, subject: str) -> list[str]:
    return [
        json.dumps({**entry.model_dump(mode="json"), "digest": entry.digest}, ensure_ascii=False)
        for name in await _subjects(trail, subject)
        for entry in await trail.entries(name)
    ]


async def _subjects(trail: Audit, subject: str, kept: tuple[Kept, ...] = ()) -> list[str]:
    known = sorted({*await trail.subjects(), *(entry.subject for entry in kept)})
    if subject and subject not in known:
        raise NotFoundError(f"There is no audit trail of {subject}.", f"There are: {', '.join(known) or 'none'}.")
    return [subject] if subject else known


def _read(exported: Path | None) -> tuple[Kept, ...]:
    """The entries of an export.

    Raises:
        UsageError: the file cannot be read, or is no export.
    """
    if exported is None:
        return ()
    try:
        lines = exported.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--against: {exported} cannot be read: {error}") from error
    return tuple(_entry(exported, number, line) for number, line in enumerate(lines, 1) if line.strip())


def _entry(exported: Path, number: int, line: str) -> Kept:
    try:
        return Kept.model_validate_json(line)
    except ValidationError as error:
        raise UsageError(
            f"--against: line {number} of {exported} is no entry of an audit trail.",
            "Give a file that `sluis audit export` wrote.",
        ) from error
