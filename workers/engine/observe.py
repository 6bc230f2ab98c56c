"""What the job loop tells while it works.

Events and their fields::

    loop.started      types, slots            loop.draining    running
    engine.lost       error                   engine.back      seconds
    poll.busy         type                    poll.failed      type, error
    push.paused       type                                                    (no slot for long)
    job.activated     job, type               job.given_back   job, type      (more than we can run)
    job.redelivered   job, type               job.completed    job, type, seconds
    job.failed        job, type, retries, message, seconds     (retries 0: an incident)
    job.handed_back   job, type, message      job.refused      job, type, code, message, seconds
    job.abandoned     job, type, message      job.crashed      job, type, error
    job.gone          job, type               report.retried   job, type, error, attempt
    report.rejected   job, type, error        lease.renewed    job
    lease.lost        job                     lease.refused    job, error
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Protocol

import structlog

_LEVELS: Final = {
    "job.activated": "debug",
    "job.given_back": "debug",
    "job.handed_back": "debug",
    "lease.renewed": "debug",
    "poll.busy": "debug",
    "push.paused": "debug",
    "engine.lost": "warning",
    "poll.failed": "warning",
    "job.failed": "warning",
    "job.gone": "warning",
    "job.redelivered": "warning",
    "report.retried": "warning",
    "lease.lost": "warning",
    "lease.refused": "warning",
    "job.crashed": "error",
    "report.rejected": "error",
}


class Observer(Protocol):
    """Who is told what happens in the loop."""

    def event(self, name: str, /, **fields: object) -> None:
        """Take one event. Must not block. ``error`` holds an exception where there is one."""
        ...


class LogObserver:
    """Logs every event by structlog and counts them by name.

    Attributes:
        counts: how often each event happened; read by metrics.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._log = structlog.get_logger("sluis.engine")

    def event(self, name: str, /, **fields: object) -> None:
        """Count and log. A crash is logged with its traceback; other errors with their message."""
        self.counts[name] += 1
        error = fields.get("error")
        if isinstance(error, BaseException):
            fields["error"] = str(error) or type(error).__name__
        if name == "job.crashed":
            fields["exc_info"] = error
        getattr(self._log, _LEVELS.get(name, "info"))(name, **fields)


def tell(observer: Observer, name: str, /, **fields: object) -> None:
    """Tell the observer; an observer that raises must not stop the work."""
    try:
        observer.event(name, **fields)
    except Exception:  # noqa: BLE001 - logged with its traceback
        structlog.get_logger("sluis.engine").exception("observer.failed", told=name)
