"""What a serving worker writes down about the jobs that its loop has reported."""

from __future__ import annotations

from workers.service.workers import Bookkeeper
from workers.web.metrics import Metrics


class Noted:
    """Run records that remember which jobs were marked as reported."""

    def __init__(self) -> None:
        self.jobs: list[int] = []

    async def mark_reported(self, job_key: int) -> None:
        self.jobs.append(job_key)


async def test_a_taken_outcome_is_noted_for_the_types_that_keep_records_and_only_for_them():
    """A record learns that the engine has its outcome; for a light job nobody looks for a record."""
    runs = Noted()
    keeper = Bookkeeper(runs, Metrics())
    keeper.recorded.add("terraform.m.plan")
    for number, event in enumerate(("job.completed", "job.failed", "job.refused", "job.activated")):
        keeper.event(event, job=number, type="terraform.m.plan")
        keeper.event(event, job=number + 10, type="policy.check")
    await keeper.settle()
    assert runs.jobs == [0, 1, 2]
    assert keeper.log.counts["job.completed"] == 2
