"""What happens in a process, one line at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rich.status import Status
from rich.text import Text

from workers.cli.screen import Screen, duration
from workers.core.events import Event, EventKind
from workers.core.values import now
from workers.service.happenings import (
    ApprovalWaits,
    Ended,
    EngineSilent,
    Happening,
    IncidentFound,
    Step,
    StepBegan,
    StepEnded,
    ToolSaid,
)

_SHOWN: Final = (EventKind.RESOURCE, EventKind.TASK, EventKind.WARNING, EventKind.ERROR)
_QUIET: Final = ("started", "running", "skipped")
_STACK_PREFIX: Final = "module.stack."
"""Every resource of a catalogue module has it; the stack is known, so it says nothing."""
_WARNING_LENGTH: Final = 160
_STYLES: Final = {
    "ok": "green", "finished": "green", "changed": "yellow", "failed": "bold red", "unreachable": "bold red",
    "skipped": "dim", "started": "dim", "running": "dim",
}  # fmt: skip


@dataclass
class WatchView:
    """Shows happenings: lines on standard error, or one JSON object per line on standard output.

    Args:
        screen: where to.
        status: the spinner with the steps in work, at a terminal.
    """

    screen: Screen
    status: Status | None = None
    _working: dict[int, Step] = field(default_factory=dict)

    def __call__(self, happening: Happening) -> None:
        """Show one."""
        if self.screen.as_json:
            sys.stdout.write(json.dumps(happening.as_json(), ensure_ascii=False) + "\n")
            sys.stdout.flush()
            return
        self._show(happening)
        self._spin()

    def _show(self, happening: Happening) -> None:
        match happening:
            case StepBegan(step):
                self._working[step.key] = step
                self._line(step.start, _indent(step) + f"▸ {step.name}", "bold")
            case StepEnded(step):
                self._working.pop(step.key, None)
                self._line(step.end, _indent(step) + _ended(step), "green" if step.state == "COMPLETED" else "yellow")
            case ToolSaid(run, event):
                self._tool(event, self._working.get(run.element_instance))
            case ApprovalWaits():
                self._waits(happening)
            case IncidentFound():
                text = f"! {happening.name} is stuck ({happening.type}): {happening.message}"
                self._line(now(), text, "bold red")
                self._line(now(), f"  resolve it in Operate: {happening.address}", "red")
            case EngineSilent(message):
                self._line(now(), f"{message} Asking again …", "yellow")
            case Ended():
                self._line(now(), _end(happening), "bold green" if happening.good else "bold red")

    def _tool(self, event: Event, step: Step | None) -> None:
        if event.kind in _SHOWN and not (event.kind is EventKind.TASK and event.state in _QUIET):
            style = "bold red" if event.kind is EventKind.ERROR else _STYLES.get(event.state, "")
            text = event.text.rstrip().replace(_STACK_PREFIX, "")
            if event.kind is EventKind.WARNING:
                text = shortened(text, _WARNING_LENGTH)
            self._line(event.time, _indent(step) + "    " + text, style)

    def _waits(self, waits: ApprovalWaits) -> None:
        who = f" (somebody of {', '.join(waits.groups)})" if waits.groups else ""
        self._line(now(), f"{_indent(waits.step)}  waits for a person{who}: {waits.address}", "bold cyan")

    def _line(self, time: datetime | None, text: str, style: str) -> None:
        self.screen.err.print(Text.assemble((f"{time or now():%H:%M:%S} ", "dim"), (text, style)), soft_wrap=True)

    def _spin(self) -> None:
        if self.status is not None:
            names = [step.name for step in self._working.values() if step.type not in ("CALL_ACTIVITY", "SUB_PROCESS")]
            self.status.update(", ".join(names) or "between two steps")


@contextmanager
def watching(screen: Screen) -> Iterator[WatchView]:
    """A view with a spinner where there is a terminal."""
    if not screen.live or screen.as_json:
        yield WatchView(screen)
        return
    with screen.err.status("starting") as status:
        yield WatchView(screen, status)


def shortened(text: str, length: int) -> str:
    """A text on one line, cut where it is too long; the log has all of it."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _indent(step: Step | None) -> str:
    return "  " * len(step.path) if step else ""


def _ended(step: Step) -> str:
    mark, how = ("✔", "") if step.state == "COMPLETED" else ("✗", "left by an error or a cancellation, ")
    return f"{mark} {step.name} ({how}{duration(step.seconds)})"


def _end(ended: Ended) -> str:
    where = f" at “{ended.end}”" if ended.end else ""
    verb = "completed" if ended.state == "COMPLETED" else ended.state.lower()
    return f"{ended.process} {verb}{where} after {duration(ended.seconds)}"
