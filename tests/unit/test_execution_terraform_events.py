"""Tofu's event stream: progress, diagnostics, and which error they come to."""

from __future__ import annotations

import json

import pytest

from workers.core.errors import ToolError
from workers.core.events import Event, EventKind
from workers.core.redaction import Redactor
from workers.execution.errors import StalePlanError, StateLockedError, ToolInterruptedError
from workers.execution.process import ToolResult
from workers.execution.terraform_events import Stream

FAILED = ToolResult(
    1, interrupted=False, timed_out=False, killed=False, seconds=1.0, tail=("\x1b[31mError: it broke\x1b[0m",)
)


def stream(*lines: object, secrets: tuple[str, ...] = ()) -> tuple[Stream, list[Event]]:
    """A stream that has taken the lines."""
    events: list[Event] = []
    taken = Stream(events.append, Redactor(secrets))
    for line in lines:
        taken.line(line if isinstance(line, str) else json.dumps(line))
    return taken, events


def diagnostic(summary: str, severity: str = "error", **more: object) -> dict:
    """A line with a diagnostic."""
    return {"type": "diagnostic", "@message": summary, "diagnostic": {"severity": severity, "summary": summary, **more}}


def test_progress_of_a_resource_is_an_event_with_its_address():
    """Start, progress, end and failure of a resource have the resource as subject and say where it is."""
    hook = {"resource": {"addr": "m.t.x"}, "action": "create"}
    types = ("apply_start", "apply_progress", "apply_complete", "apply_errored")
    _, events = stream(*({"type": kind, "@message": kind, "hook": hook} for kind in types))
    assert [event.state for event in events] == ["started", "running", "ok", "failed"]
    assert {(event.kind, event.subject, event.data["action"]) for event in events} == {
        (EventKind.RESOURCE, "m.t.x", "create")
    }


def test_diagnostics_name_place_and_address():
    """An error says which resource, which file and line, and why; a warning is no error."""
    place = {"filename": "module/main.tf", "start": {"line": 7}}
    taken, events = stream(
        diagnostic("Bad", detail="very\n  bad", range=place, address="t.x"), diagnostic("Old", "warning")
    )
    assert [(event.kind, event.text) for event in events] == [
        (EventKind.ERROR, "t.x (module/main.tf:7): Bad: very bad"),
        (EventKind.WARNING, "Old"),
    ]
    assert str(taken.failure("plan", FAILED)) == "plan failed: t.x (module/main.tf:7): Bad: very bad"


@pytest.mark.parametrize(
    ("summary", "error"),
    [
        ("Saved plan is stale", StalePlanError),
        ("Inconsistent dependency lock file", StalePlanError),
        ("Error acquiring the state lock", StateLockedError),
        ("Other", ToolError),
    ],
)
def test_errors_are_told_apart_by_their_summary(summary, error):
    """Stale plans and locked states have types of their own, found in the structured diagnostics."""
    taken, _ = stream(diagnostic(summary))
    assert type(taken.failure("apply", FAILED)) is error


def test_without_diagnostics_the_last_lines_are_the_error():
    """A tool that fails without saying so in JSON is quoted, without its colours."""
    taken, _ = stream()
    assert str(taken.failure("init", FAILED)) == "init failed: Error: it broke"


def test_a_signal_from_elsewhere_leaves_the_state_unknown():
    """A tool that the kernel killed counts as killed, though we never asked it to stop."""
    taken, _ = stream()
    error = taken.failure(
        "apply", ToolResult(-9, interrupted=False, timed_out=False, killed=False, seconds=1.0, tail=())
    )
    assert isinstance(error, ToolInterruptedError)
    assert error.killed


def test_a_warning_about_the_lock_file_that_sluis_made_stays_in_the_log():
    """What nobody can act on is no warning to people; every other warning is one."""
    summaries = ("Incomplete lock file information for providers", "Argument is deprecated")
    _, events = stream(*(diagnostic(summary, "warning") for summary in summaries))
    assert [event.kind for event in events] == [EventKind.OUTPUT, EventKind.WARNING]


def test_lines_that_are_no_json_are_passed_on():
    """Plain lines, broken JSON and JSON that is no object are lines of the tool; routine ones are left out."""
    _, events = stream(
        "plain \x1b[1mbold\x1b[0m",
        "{broken",
        "[1]",
        "",
        {"@message": "Initializing the backend..."},
        {"type": "version"},
    )
    assert [event.text for event in events] == ["plain bold", "{broken", "[1]"]


def test_secrets_are_taken_out_of_events_and_errors():
    """A known secret in a diagnostic reaches neither the log nor the error."""
    taken, events = stream(diagnostic("Login failed for hunter22"), secrets=("hunter22",))
    assert "hunter22" not in events[0].text
    assert "hunter22" not in str(taken.failure("apply", FAILED))
