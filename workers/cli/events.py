"""One event of a tool as one line."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from workers.core.events import Event, EventKind

_STYLES: Final = {
    "ok": "green", "changed": "yellow", "skipped": "dim", "failed": "bold red", "unreachable": "bold red",
    "finished": "green",
}  # fmt: skip


def event_line(event: Event, *, indent: str = "", time: bool = True) -> Text:
    """The line: time, subject with its state, text."""
    style = "bold red" if event.kind is EventKind.ERROR else _STYLES.get(event.state, "")
    stamp = f"{event.time:%H:%M:%S} " if time else ""
    text = event.text.rstrip()
    return Text.assemble((indent + stamp, "dim"), (text, style))
