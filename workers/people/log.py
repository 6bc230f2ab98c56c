"""Notices in the service's own log."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from workers.core.notice import Notice


@dataclass(frozen=True)
class LogChannel:
    """Writes each notice as the event ``notice.sent``."""

    name: str = "log"

    async def send(self, notice: Notice) -> None:
        """Log it."""
        structlog.get_logger().info(
            "notice.sent", about=notice.event, subject=notice.subject, message=notice.message, run=notice.run
        )
