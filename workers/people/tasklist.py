"""Notices in Tasklist: a small process of its own per notice, so that the process that tells does not wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workers.core.notice import Notice
from workers.core.values import JsonValue

_PROCESS = "Notice"


class ProcessStarter(Protocol):
    """What starts a process instance."""

    async def create_instance(self, process_id: str, variables: dict[str, JsonValue], /) -> int:
        """Start an instance; returns its key."""
        ...


@dataclass(frozen=True)
class TasklistChannel:
    """Starts the process ``Notice``, which shows the text as a user task and ends by itself after a week.

    Args:
        starter: starts it.
        pages: address of the run pages; empty where none is known.
    """

    starter: ProcessStarter
    pages: str = ""
    name: str = "tasklist"

    async def send(self, notice: Notice) -> None:
        """Start it, addressed to the requester where one is known."""
        await self.starter.create_instance(
            _PROCESS,
            {
                "event": notice.event,
                "subject": notice.subject,
                "message": notice.message + self._link(notice.run),
                "run": notice.run,
                "environment": notice.environment,
                "assignee": notice.assignee or None,
                "group": notice.group or None,
            },
        )

    def _link(self, run: str) -> str:
        return f"\n\n[The run as a page]({self.pages}/runs/{run})" if self.pages and run else ""
