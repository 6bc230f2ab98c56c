"""What a worker counts, in Prometheus' text format. Labels hold job types and outcomes only, never customers' names."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_OUTCOMES: Final = {
    "job.completed": "completed",
    "job.failed": "failed",
    "job.refused": "refused",
    "job.denied": "denied",
    "job.handed_back": "handed_back",
    "job.abandoned": "abandoned",
    "job.crashed": "crashed",
    "job.gone": "gone",
}
_SECONDS: Final = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400)


@dataclass(frozen=True)
class Load:
    """What is looked at from time to time rather than counted.

    Attributes:
        stacks_busy: stacks that some worker changes at this moment; None where that is not known.
        approvals: changes that wait for people; None where that is not known.
        oldest_approval: age of the oldest of them in seconds.
    """

    stacks_busy: int | None = None
    approvals: int | None = None
    oldest_approval: float = 0.0


class Metrics:
    """The counters of one worker; an observer of its job loop.

    Attributes:
        running: jobs that run at this moment.
        last_success: when a job was completed last, as seconds since 1970; zero where none was.
        engine_lost: the engine did not answer lately.
    """

    def __init__(self) -> None:
        self.registry = here = CollectorRegistry()
        self.last_success = 0.0
        self.engine_lost = False
        self._running: set[int] = set()
        self._crashed: set[object] = set()
        self._jobs = Counter("sluis_jobs", "Jobs by type and outcome.", ("type", "outcome"), registry=here)
        self._seconds = Histogram("sluis_job_seconds", "Duration of jobs.", ("type",), buckets=_SECONDS, registry=here)
        self._renewed = Counter("sluis_leases_renewed", "Job time-outs that were renewed.", registry=here)
        self._lost = Counter("sluis_leases_lost", "Jobs that the engine gave up while they ran.", registry=here)
        self._drift = Counter("sluis_drift_found", "Looks for drift that found some.", registry=here)
        self._redelivered = Counter("sluis_jobs_redelivered", "Jobs that came again.", ("type",), registry=here)
        Gauge("sluis_jobs_running", "Jobs that run here.", registry=here).set_function(lambda: float(self.running))
        success = Gauge("sluis_last_success_timestamp_seconds", "When a job was completed last.", registry=here)
        success.set_function(lambda: self.last_success)
        link = Gauge("sluis_engine_up", "Whether the engine answers this worker.", registry=here)
        link.set_function(lambda: 0.0 if self.engine_lost else 1.0)
        self._busy = Gauge("sluis_stacks_busy", "Stacks that a run of any worker holds.", registry=here)
        self._approvals = Gauge("sluis_approvals_waiting", "Changes that wait for people.", registry=here)
        self._age = Gauge("sluis_approvals_oldest_seconds", "Age of the oldest change that waits.", registry=here)

    @property
    def running(self) -> int:
        """Jobs that run here."""
        return len(self._running)

    def event(self, name: str, /, **fields: object) -> None:
        """Take an event of the job loop (see `workers.engine.observe.Observer`)."""
        kind, job = str(fields.get("type", "")), fields.get("job")
        if name == "job.activated" and isinstance(job, int):
            self._running.add(job)
            self._crashed.discard(job)
        elif name in _OUTCOMES:
            self._ended(kind, name, job, fields)
        elif name == "job.redelivered":
            self._redelivered.labels(kind).inc()
        elif name == "lease.renewed":
            self._renewed.inc()
        elif name == "lease.lost":
            self._lost.inc()
        elif name in ("engine.lost", "engine.back"):
            self.engine_lost = name == "engine.lost"
        if name in _OUTCOMES or name == "job.given_back":
            self._running.discard(job)

    def drift_found(self) -> None:
        """Count a stack that differs from what was made."""
        self._drift.inc()

    def show(self, load: Load) -> None:
        """Show what was looked at."""
        nothing = float("nan")
        self._busy.set(nothing if load.stacks_busy is None else load.stacks_busy)
        self._approvals.set(nothing if load.approvals is None else load.approvals)
        self._age.set(nothing if load.approvals is None else load.oldest_approval)

    def text(self) -> bytes:
        """Everything, in the text format."""
        return generate_latest(self.registry)

    def _ended(self, kind: str, name: str, job: object, fields: dict[str, object]) -> None:
        # The engine is told of a crash as of a failure; it is one outcome all the same.
        if name != "job.failed" or job not in self._crashed:
            self._jobs.labels(kind, _OUTCOMES[name]).inc()
        self._crashed.discard(job)
        if name == "job.crashed":
            self._crashed.add(job)
        seconds = fields.get("seconds")
        if isinstance(seconds, int | float):
            self._seconds.labels(kind).observe(seconds)
        if name == "job.completed":
            self.last_success = time.time()
