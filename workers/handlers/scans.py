"""What every scan has in common: what it found, or why it found out nothing, is kept for the report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workers.core.compliance import Finding, Scan, ScanKind
from workers.core.errors import ContractError, MissingToolError, SluisError, UsageError
from workers.core.values import now
from workers.handlers.attempt import Attempt
from workers.handlers.context import Context

_SHORT = 2000


@dataclass(frozen=True)
class Scanned:
    """What a scanner found.

    Attributes:
        scanner: program and version.
    """

    scanner: str
    findings: tuple[Finding, ...]


async def keep_scan(
    context: Context,
    check: str | None,
    stack: str,
    kind: ScanKind,
    attempt: Attempt,
    look: Callable[[], Awaitable[Scanned]],
) -> Scan:
    """Look, and keep what was found for the report of the check, where there is one.

    Raises:
        SluisError: the scan failed; that and why is kept too, so that no report takes silence for a clean bill.
    """
    record = Scan(check=check or "0", stack=stack, kind=kind, run=attempt.run.id, ended=now())
    try:
        scanned = await look()
    except SluisError as error:
        await _keep(context, check, record.model_copy(update={"failed": str(error)[:_SHORT], "ended": now()}))
        if check and isinstance(error, MissingToolError | ContractError):
            # By itself it would be an incident, and one stack's incident holds up the report on all of them.
            raise UsageError(error.message, error.hint) from error
        raise
    scan = record.model_copy(update={"scanner": scanned.scanner, "findings": scanned.findings, "ended": now()})
    await _keep(context, check, scan)
    return scan


async def _keep(context: Context, check: str | None, scan: Scan) -> None:
    if check:
        await context.checks.save_scan(scan)
