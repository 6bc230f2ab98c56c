"""``sluis findings`` and ``sluis report``: what compliance checks found."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from workers.cli.invocation import AsJson, opened, perform
from workers.core.compliance import CheckRecord, Severity
from workers.core.errors import NotFoundError
from workers.core.values import now
from workers.handlers.report import Judged, Report, entry, read_report
from workers.runs.compliance import Checks

_HINT = "`sluis start ComplianceCheck --var environment=NAME` begins one."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(findings)
    app.command()(report)


def findings(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="[ENV]", help="Only findings of this environment.")] = "",
    severity: Annotated[Severity, typer.Option("--severity", "-s", help="The least severity.")] = Severity.INFO,
    accepted: Annotated[bool, typer.Option("--accepted", help="Only what is accepted.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what the last compliance check of each environment found.

    JSON: a list of findings, each with "environment", "check", "fingerprint", "state", "acceptance" and "decision".

    Example: [bold]sluis findings local --severity high[/bold]
    """
    assembly, screen = opened(context, as_json=as_json)
    reports = perform(_last_reports(assembly.context.checks, environment))
    kept = [(r, j) for r in reports for j in r.findings if j.finding.severity.rank >= severity.rank]
    shown = [(r, j) for r, j in kept if j.acceptance or not accepted]
    rows = [_row(judged) for _, judged in shown]
    heads = ("SEVERITY", "STATE", "STACK", "SCAN", "RULE", "FINDING", "FINGERPRINT")
    for unknown in (scan for found in reports for scan in found.failed):
        screen.note(f"Not known: {unknown.stack}, {unknown.kind.value}: {unknown.failed}", "yellow")
    empty = "Nothing found." if reports else f"No compliance check yet. {_HINT}"
    entries = [{"environment": r.check.environment, "check": r.check.id, **entry(j)} for r, j in shown]
    screen.show([dict(e) for e in entries], lambda s: s.table(heads, rows, empty))


def report(
    context: typer.Context,
    check: Annotated[str, typer.Argument(metavar="[CHECK]", help="Its id, or an environment; default: the last.")] = "",
    form: Annotated[Literal["md", "json", "sarif"], typer.Option("--form", "-f", help="Which form to print.")] = "md",
    as_json: AsJson = False,
) -> None:
    """Print the report of a compliance check: the last one, that of an environment, or that with an id.

    JSON: {"check", "summary", "scans", "findings"}; the same as --form json.

    Example: [bold]sluis report local --form sarif > compliance.sarif[/bold]
    """
    assembly, _ = opened(context, as_json=as_json)
    checks = assembly.context.checks
    record = perform(_check(checks, check))
    content = perform(checks.report(record.id, "json" if as_json else form))
    if content is None:
        raise NotFoundError(f"Check {record.id} has no report yet.", f"`sluis watch {record.id}` shows how far it is.")
    sys.stdout.write(content.decode())


async def _check(checks: Checks, wanted: str) -> CheckRecord:
    found = await checks.find(wanted) if wanted.isdecimal() else None
    if found is None and not wanted.isdecimal():
        found = next(iter(await checks.all(wanted)), None)
    if found is None:
        raise NotFoundError(f"There is no compliance check {wanted}".rstrip() + ".", _HINT)
    return found


async def _last_reports(checks: Checks, environment: str) -> list[Report]:
    """The newest check of each environment, judged by what is accepted today."""
    newest: dict[str, CheckRecord] = {}
    for check in await checks.all(environment):
        newest.setdefault(check.environment, check)
    return [await read_report(checks, check, now().date()) for check in newest.values()]


def _row(judged: Judged) -> tuple[str, ...]:
    finding, kept = judged.finding, judged.acceptance
    state = f"accepted until {kept.until} by {', '.join(kept.people)}" if kept else judged.state
    return (
        finding.severity.value, state, finding.stack, finding.kind.value, finding.rule, finding.title,
        finding.fingerprint,
    )  # fmt: skip
