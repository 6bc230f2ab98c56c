"""Checkov and Conftest, run and read into findings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from workers.core.compliance import Finding, ScanKind, Severity
from workers.core.errors import ToolError
from workers.core.events import Event, EventKind, EventSink
from workers.core.values import digest_bytes, now
from workers.execution.process import Control, run_tool, tool_environment

_LINE: Final = 64 * 1024 * 1024
_RULE: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


async def checkov_findings(
    command: Sequence[str], module: Path, stack: str, *, control: Control, sink: EventSink
) -> tuple[Finding, ...]:
    """What Checkov says of a module, its examples and tests left out.

    Raises:
        ToolError: it failed, or could not read a file of the module: then nothing is known.
    """
    options = ["--framework", "terraform", "--output", "json", "--compact", "--soft-fail",
               "--skip-download", "--skip-path", "examples", "--skip-path", "tests"]  # fmt: skip
    lines = await _lines([*command, "--directory", str(module), *options], module, control, sink, good=(0,))
    return read_checkov(_json("checkov", lines), stack)


def read_checkov(document: Any, stack: str) -> tuple[Finding, ...]:
    """The findings in Checkov's JSON. Where nothing of the module concerns it, that is a short object or an empty list.

    Raises:
        ToolError: it could not read a file, so it is not known what is in there.
    """
    reports = document if isinstance(document, list) else [document]
    results = [report.get("results", {}) for report in reports if isinstance(report, dict)]
    counts = [report.get("summary", report).get("parsing_errors", 0) for report in reports if isinstance(report, dict)]
    unread = [Path(str(path)).name for result in results for path in result.get("parsing_errors", [])]
    if unread or any(counts):
        raise ToolError(f"checkov cannot read {', '.join(unread)[:500] or 'a file of the module'}.")
    return tuple(_of_checkov(entry, stack) for result in results for entry in result.get("failed_checks", []))


def _of_checkov(entry: Mapping[str, Any], stack: str) -> Finding:
    lines = entry.get("file_line_range") or [0]
    return Finding(
        stack=stack,
        kind=ScanKind.MODULE,
        rule=str(entry["check_id"]),
        place=str(entry["resource"])[:1000],
        severity=_severity(entry.get("severity"), Severity.MEDIUM),
        title=str(entry["check_name"])[:300],
        detail=f"{entry['file_path'].lstrip('/')}, line {lines[0]}",
        help=str(entry.get("guideline") or "")[:500],
    )


async def conftest_findings(
    command: Sequence[str], policies: Path, plan: Path, stack: str, *, control: Control, sink: EventSink
) -> tuple[Finding, ...]:
    """What the policies in a folder say of a plan's JSON.

    Raises:
        ToolError: it failed, e.g. because a policy does not parse.
    """
    options = ["test", "--policy", str(policies), "--all-namespaces", "--no-color", "--output", "json", str(plan)]
    lines = await _lines([*command, *options], plan.parent, control, sink, good=(0, 1))
    return read_conftest(_json("conftest", lines), stack)


def read_conftest(document: Any, stack: str) -> tuple[Finding, ...]:
    """The findings in Conftest's JSON: failures, and warnings, which count less."""
    return tuple(finding for result in document for finding in _of_namespace(result, stack))


def _of_namespace(result: Mapping[str, Any], stack: str) -> Iterator[Finding]:
    namespace = str(result.get("namespace", "main"))
    for key, usual in (("failures", Severity.MEDIUM), ("warnings", Severity.LOW)):
        for entry in result.get(key) or []:
            yield _of_policy(entry, namespace, usual, stack)


def _of_policy(entry: Mapping[str, Any], namespace: str, usual: Severity, stack: str) -> Finding:
    """A rule may name itself, the place and the severity; else the words stand for the place."""
    message, more = str(entry.get("msg", "")), entry.get("metadata") or {}
    query = str(more.get("query", "")).rpartition(".")[2]
    rule = str(more.get("rule") or query or "policy")
    return Finding(
        stack=stack,
        kind=ScanKind.POLICY,
        rule=f"{namespace}.{rule if _RULE.fullmatch(rule) else digest_bytes(rule.encode())[:16]}",
        place=str(more.get("place") or message)[:1000],
        severity=_severity(more.get("severity"), usual),
        title=message[:300],
        help=str(more.get("help") or "")[:500],
    )


def _severity(said: object, usual: Severity) -> Severity:
    try:
        return Severity(str(said).lower())
    except ValueError:
        return usual


async def _lines(
    argv: Sequence[str], cwd: Path, control: Control, sink: EventSink, *, good: tuple[int, ...]
) -> list[str]:
    lines: list[str] = []
    errors: list[str] = []

    def complain(line: str) -> None:
        errors.append(line)
        if line.strip():
            sink(Event(time=now(), kind=EventKind.OUTPUT, text=line.strip()[:2000]))

    env = tool_environment({"PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "LOG_LEVEL": "ERROR"})
    result = await run_tool(
        argv, cwd=cwd, env=env, on_line=lines.append, on_error_line=complain, control=control, max_line=_LINE
    )
    if result.exit_status not in good or (result.exit_status and not any(lines)):
        words = " ".join(line.strip() for line in errors or result.tail)[:1000]
        raise ToolError(f"{Path(argv[0]).name} failed: {words}", result.exit_status)
    return lines


def _json(tool: str, lines: list[str]) -> Any:
    text = "\n".join(lines)
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    try:
        return json.JSONDecoder().raw_decode(text, min(starts))[0]
    except ValueError as error:
        raise ToolError(f"{tool} printed no JSON: {text[:300]}") from error
