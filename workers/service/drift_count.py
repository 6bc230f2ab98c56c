"""Count what jobs find rather than how they end: a stack that differs from what was made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workers.core.job import Done, Handler, Job, JobWorker, Lease, Outcome
from workers.web.metrics import Metrics


def counting_drift(workers: list[JobWorker], metrics: Metrics) -> list[JobWorker]:
    """The same job workers; those that look for drift count what they find."""
    return [
        replace(worker, handler=_Counting(worker.handler, metrics)) if worker.type.endswith(".drift") else worker
        for worker in workers
    ]


@dataclass(frozen=True)
class _Counting:
    """A handler of drift jobs, counted."""

    handler: Handler
    metrics: Metrics

    async def __call__(self, job: Job, lease: Lease) -> Outcome:
        outcome = await self.handler(job, lease)
        if isinstance(outcome, Done):
            drift = outcome.variables.get("drift")
            if isinstance(drift, dict) and drift.get("drifted"):
                self.metrics.drift_found()
        return outcome
