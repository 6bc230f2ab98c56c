"""Tofu's and Terraform's ``-json`` event stream: progress for people, diagnostics for us."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workers.core.errors import ToolError
from workers.core.events import Event, EventKind, EventSink
from workers.core.redaction import Redactor
from workers.core.values import now
from workers.execution.errors import StalePlanError, StateLockedError, ToolInterruptedError
from workers.execution.process import ToolResult

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# What every init says; what is downloaded is said in other lines.
_ROUTINE: Final = re.compile(
    r"\s*(Initializing |- ?\S+ in module$|installing \S+ in module$|terraform\.io/builtin/"
    r"|Successfully configured the backend|use this backend unless|\S+ has been successfully initialized)"
)
_MESSAGE_CHARACTERS: Final = 1500
_STATES: Final = {
    "apply_start": "started",
    "apply_progress": "running",
    "apply_complete": "ok",
    "apply_errored": "failed",
    "provision_start": "started",
    "provision_progress": "running",
    "provision_complete": "running",
    "provision_errored": "failed",
    "refresh_start": "started",
    "refresh_complete": "ok",
    "ephemeral_op_start": "started",
    "ephemeral_op_complete": "ok",
    "ephemeral_op_errored": "failed",
}
_MADE: Final = ("apply", "destroy")
_STALE: Final = frozenset(
    {
        "Saved plan is stale",
        "Saved plan does not match the given state",
        "Inconsistent dependency lock file",
        "Can't change variable when applying a saved plan",
        "Mismatch between input and plan variable value",
    }
)
_LOCKED: Final = frozenset({"Error acquiring the state lock", "Error locking state"})

_OWN_LOCK: Final = "Incomplete lock file information for providers"
"""About other platforms than this one, for which a root that Sluis has generated is never used. It stays in the log."""


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning of the tool.

    Attributes:
        place: ``file:line``, where the tool names one.
        address: the resource that it is about, where it names one.
    """

    severity: str
    summary: str
    detail: str = ""
    place: str = ""
    address: str = ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.address, f"({self.place})" if self.place else "") if part)
        text = ": ".join(part for part in (self.summary, " ".join(self.detail.split())) if part)
        return f"{where}: {text}" if where else text


def read_diagnostic(entry: Mapping[str, Any]) -> Diagnostic:
    """A diagnostic as ``-json`` prints it."""
    span = entry.get("range") or {}
    place = f"{span['filename']}:{span['start']['line']}" if span.get("filename") else ""
    return Diagnostic(
        entry.get("severity", "error"),
        entry.get("summary", ""),
        entry.get("detail", ""),
        place,
        entry.get("address", ""),
    )


@dataclass
class Stream:
    """Takes the tool's lines: turns them into events and keeps its errors.

    Attributes:
        sink: where the events go.
        redactor: takes secret values out of them.
        errors: the tool's errors so far, not redacted.
        applied: it has said what an apply changed, which it does last and only where the apply went well.
    """

    sink: EventSink
    redactor: Redactor = field(default_factory=Redactor)
    errors: list[Diagnostic] = field(default_factory=list)
    applied: bool = False

    def line(self, line: str) -> None:
        """Take one line of standard output."""
        entry = _parse(line)
        if entry is None:
            self._plain(line)
        elif entry.get("type") == "diagnostic":
            self._diagnostic(read_diagnostic(entry.get("diagnostic") or {}))
        else:
            self._progress(entry)

    def _plain(self, line: str) -> None:
        text = _ANSI.sub("", line).strip()
        if not _ROUTINE.match(text):
            self._emit(EventKind.OUTPUT, text)

    def _diagnostic(self, diagnostic: Diagnostic) -> None:
        is_error = diagnostic.severity == "error"
        if is_error:
            self.errors.append(diagnostic)
        state = "failed" if is_error and diagnostic.address else ""
        usual = EventKind.OUTPUT if diagnostic.summary == _OWN_LOCK else EventKind.WARNING
        self._emit(EventKind.ERROR if is_error else usual, str(diagnostic), diagnostic.address, state)

    def _progress(self, entry: Mapping[str, Any]) -> None:
        kind, text = entry.get("type", ""), str(entry.get("@message", ""))
        hook = entry.get("hook") or entry.get("change") or {}
        address = (hook.get("resource") or {}).get("addr", "")
        if kind == "change_summary" and (entry.get("changes") or {}).get("operation") in _MADE:
            self.applied = True
        if kind == "version" or _ROUTINE.match(text):
            return
        if address:
            self._emit(EventKind.RESOURCE, text, address, _STATES.get(kind, ""), action=hook.get("action", ""))
        else:
            self._emit(EventKind.STATUS if kind == "change_summary" else EventKind.OUTPUT, _ANSI.sub("", text).strip())

    def _emit(self, kind: EventKind, text: str, subject: str = "", state: str = "", action: str = "") -> None:
        data = {"action": action} if action else {}
        if text:
            self.sink(
                self.redactor.event(Event(time=now(), kind=kind, text=text, subject=subject, state=state, data=data))
            )

    def failure(self, doing: str, result: ToolResult) -> ToolError:
        """The error that says why the tool, ``doing`` something, did not end well."""
        if result.interrupted or result.exit_status < 0:
            return _interrupted(doing, result)
        message = self.redactor.text(self._message(result))[:_MESSAGE_CHARACTERS]
        summaries = {diagnostic.summary for diagnostic in self.errors}
        if summaries & _STALE:
            return StalePlanError(f"{doing}: {message}", result.exit_status)
        if summaries & _LOCKED:
            return StateLockedError(
                f"{doing}: {message}",
                result.exit_status,
                "Wait for it to end; `sluis stack unlock` is for a holder that is dead.",
            )
        return ToolError(f"{doing} failed: {message}", result.exit_status)

    def _message(self, result: ToolResult) -> str:
        if not self.errors:
            return (
                _ANSI.sub("", " ".join(line.strip() for line in result.tail if line.strip()))
                or f"exit status {result.exit_status}"
            )
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        return f"{self.errors[0]}{more}"


def _interrupted(doing: str, result: ToolResult) -> ToolInterruptedError:
    unknown = result.killed or result.exit_status < 0
    why = (
        "its time was up"
        if result.timed_out
        else "it was asked to stop"
        if result.interrupted
        else f"signal {-result.exit_status}"
    )
    how = "was killed" if unknown else "stopped in order"
    return ToolInterruptedError(
        f"{doing} {how}: {why}.", result.exit_status, killed=unknown, timed_out=result.timed_out
    )


def _parse(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
