"""The report of a compliance check: what is open, accepted and unknown, as JSON, Markdown and SARIF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from workers.core.compliance import SCANS, Acceptance, CheckRecord, Finding, FindingDecision, Scan, ScanKind, Severity
from workers.core.values import JsonValue
from workers.execution.markdown import escape
from workers.runs.compliance import Checks

_LEVELS: Final = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}
_WORST_FIRST: Final = tuple(reversed(Severity))


@dataclass(frozen=True)
class Judged:
    """A finding with what people say of it.

    Attributes:
        acceptance: what covers it today.
        decision: what counted last in this check.
    """

    finding: Finding
    acceptance: Acceptance | None = None
    decision: FindingDecision | None = None

    @property
    def state(self) -> str:
        """``accepted``, ``remediate``, ``ignore`` or ``open``."""
        if self.acceptance:
            return "accepted"
        return self.decision.decision if self.decision and self.decision.decision != "accept" else "open"


@dataclass(frozen=True)
class Report:
    """All that one check has to say."""

    check: CheckRecord
    scans: tuple[Scan, ...]
    findings: tuple[Judged, ...]

    @property
    def failed(self) -> tuple[Scan, ...]:
        """The scans that say nothing, and so are not clean."""
        return tuple(scan for scan in self.scans if scan.failed)

    @property
    def open(self) -> tuple[Judged, ...]:
        """What nobody has accepted, the worst first."""
        return tuple(judged for judged in self.findings if judged.state != "accepted")

    @property
    def summary(self) -> str:
        """One line."""
        counts = Counter(judged.finding.severity for judged in self.open)
        words = ", ".join(f"{counts[s]} {s.value}" for s in _WORST_FIRST if counts[s]) or "nothing open"
        accepted = len(self.findings) - len(self.open)
        parts = [words, *([f"{accepted} accepted"] if accepted else [])]
        if self.failed:
            parts.append(f"{len(self.failed)} of {len(self.scans)} scans failed")
        return f"{'; '.join(parts)} in {len(self.check.stacks)} stacks"


async def read_report(checks: Checks, check: CheckRecord, today: date) -> Report:
    """Everything that was found in a check, with what was accepted until today. A scan that never ended has failed."""
    scans = [await _scan(checks, check, stack, kind) for stack in check.stacks for kind in SCANS]
    accepted = {a.finding.fingerprint: a for a in await checks.acceptances(check.environment)}
    found = {finding.fingerprint: finding for scan in scans for finding in scan.findings}
    judged = [await _judged(checks, check, finding, accepted, today) for finding in found.values()]
    order = sorted(judged, key=lambda j: (-j.finding.severity.rank, j.finding.stack, j.finding.rule, j.finding.place))
    return Report(check, tuple(scans), tuple(order))


async def _scan(checks: Checks, check: CheckRecord, stack: str, kind: ScanKind) -> Scan:
    name = f"{check.environment}/{stack}"
    found = await checks.scan(check.id, name, kind)
    unknown = "It did not come to an end; see the runs of the stack."
    return found or Scan(check=check.id, stack=name, kind=kind, failed=unknown, ended=check.created)


async def _judged(
    checks: Checks, check: CheckRecord, finding: Finding, accepted: dict[str, Acceptance], today: date
) -> Judged:
    acceptance = accepted.get(finding.fingerprint)
    covering = acceptance if acceptance and acceptance.covers(finding, today) else None
    decisions = [d for d in await checks.decisions(check.id, finding.fingerprint) if d.counts]
    return Judged(finding, covering, decisions[-1] if decisions else None)


def as_json(report: Report) -> dict[str, JsonValue]:
    """The report for programs."""
    return {
        "check": report.check.model_dump(mode="json"),
        "summary": report.summary,
        "scans": [{**s.model_dump(mode="json", exclude={"findings"}), "count": len(s.findings)} for s in report.scans],
        "findings": [entry(judged) for judged in report.findings],
    }


def entry(judged: Judged) -> dict[str, JsonValue]:
    """A finding with its state, for programs."""
    kept = judged.acceptance
    return {
        "fingerprint": judged.finding.fingerprint,
        "state": judged.state,
        **judged.finding.model_dump(mode="json"),
        "acceptance": kept.model_dump(mode="json", exclude={"finding"}) if kept else None,
        "decision": judged.decision.model_dump(mode="json") if judged.decision else None,
    }


def as_markdown(report: Report) -> str:
    """The report for people: what could not be looked at first, then what is open, then what is accepted."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    check = report.check
    yield f"# Compliance of {escape(check.environment)}"
    yield f"\nCheck {check.id}, {check.created:%Y-%m-%d %H:%M} UTC. **{escape(report.summary)}**"
    if report.failed:
        yield "\n## Not known, because a scan failed\n"
        yield from (f"- {escape(s.stack)}, {s.kind.value}: {escape(s.failed[:500])}" for s in report.failed)
    for severity in _WORST_FIRST:
        listed = [judged for judged in report.open if judged.finding.severity is severity]
        if listed:
            yield f"\n## {severity.value.title()}: {len(listed)}\n"
            yield from (_line(judged) for judged in listed)
    accepted = [judged for judged in report.findings if judged.acceptance]
    if accepted:
        yield f"\n## Accepted: {len(accepted)}\n"
        yield from (_line(judged) for judged in accepted)
    yield "\n## Scans\n"
    yield from (f"- {escape(s.stack)}, {s.kind.value}: {escape(_said(s))}" for s in report.scans)


def _said(scan: Scan) -> str:
    return "failed" if scan.failed else f"{len(scan.findings)} found ({scan.scanner})"


def _line(judged: Judged) -> str:
    finding, kept = judged.finding, judged.acceptance
    text = f"- {escape(finding.stack)}: {escape(finding.title)} ({escape(finding.rule)}, `{finding.fingerprint}`)"
    if kept:
        return f"{text}: accepted until {kept.until} by {escape(', '.join(kept.people))}: {escape(kept.reason)}"
    said = judged.decision
    return f"{text}: {said.decision} ({escape(said.person)})" if said and said.decision != "accept" else text


def as_sarif(report: Report) -> dict[str, JsonValue]:
    """The report as SARIF 2.1.0: one run per kind of scan; accepted findings are suppressed, with the reason."""
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(report, kind) for kind in SCANS],
    }


def _run(report: Report, kind: ScanKind) -> JsonValue:
    found = [judged for judged in report.findings if judged.finding.kind is kind]
    failed = [scan for scan in report.failed if scan.kind is kind]
    rules: list[JsonValue] = [{"id": rule} for rule in sorted({judged.finding.rule for judged in found})]
    notes: list[JsonValue] = [
        {"level": "error", "message": {"text": f"{scan.stack}: {scan.failed}"}} for scan in failed
    ]
    return {
        "tool": {"driver": {"name": f"sluis {kind.value}", "rules": rules}},
        "invocations": [{"executionSuccessful": not failed, "toolExecutionNotifications": notes}],
        "results": [_result(judged) for judged in found],
    }


def _result(judged: Judged) -> JsonValue:
    finding, kept = judged.finding, judged.acceptance
    result: dict[str, JsonValue] = {
        "ruleId": finding.rule,
        "level": _LEVELS.get(finding.severity, "note"),
        "message": {"text": f"{finding.title}. {finding.help}".strip()},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": f"{finding.stack}/{finding.place}"}]}],
        "partialFingerprints": {"sluis/v1": finding.fingerprint},
        "properties": {"severity": finding.severity.value, "state": judged.state},
    }
    if kept:
        why = f"{kept.reason} (until {kept.until}, {', '.join(kept.people)})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result
