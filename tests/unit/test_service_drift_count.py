"""What is counted of looks for drift."""

from __future__ import annotations

import pytest

from handlers_kit import Lease, job
from workers.core.job import Done, Failed, JobWorker
from workers.service.drift_count import counting_drift
from workers.web.metrics import Metrics


@pytest.mark.parametrize(
    ("kind", "outcome", "counted"),
    [
        ("terraform.box.drift", Done({"drift": {"drifted": True}}), 1),
        ("terraform.box.drift", Done({"drift": {"drifted": False}}), 0),
        ("terraform.box.drift", Failed("no"), 0),
        ("terraform.box.plan", Done({"drift": {"drifted": True}}), 0),
    ],
)
async def test_only_drift_that_was_found_is_counted(kind, outcome, counted):
    """A look that finds drift counts, once; others do not, and the outcome is handed on as it is."""

    async def handler(_job, _lease):
        return outcome

    metrics = Metrics()
    (worker,) = counting_drift([JobWorker(kind, handler)], metrics)
    assert await worker.handler(job(kind), Lease()) is outcome
    assert f"sluis_drift_found_total {counted}.0" in metrics.text().decode()
