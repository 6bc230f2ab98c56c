"""Which jobs a worker serves, and what it writes down about those that its loop has reported."""

from __future__ import annotations

import pytest

from service_kit import project
from workers.catalogue.reading import read_catalogue
from workers.core.errors import SettingError
from workers.core.job import Pool
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import assemble
from workers.service.settings import load_settings
from workers.service.workers import Bookkeeper, job_workers
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


@pytest.mark.parametrize(
    ("pools", "served"),
    [
        ("light, terraform", {Pool.LIGHT, Pool.TERRAFORM}),
        ("terraform", {Pool.TERRAFORM}),
        ("light", {Pool.LIGHT}),
        (None, set(Pool)),
    ],
)
async def test_a_worker_serves_the_pools_that_are_set(tmp_path, monkeypatch, pools, served):
    """SLUIS_POOLS keeps a worker away from jobs of other pools; unset it serves all."""
    if pools:
        monkeypatch.setenv("SLUIS_POOLS", pools)
    assembly = assemble(load_settings(project=project(tmp_path), data=tmp_path / "data"))
    catalogue = read_catalogue(tmp_path)
    async with (
        ZeebeGateway.from_settings(assembly.settings) as gateway,
        OrchestrationRest.from_settings(assembly.settings) as rest,
    ):
        found = job_workers(assembly, catalogue, gateway, rest)
    assert {worker.pool for worker in found} == served


@pytest.mark.parametrize("pools", ["terrafrom", " , "])
def test_a_pool_that_there_is_not_is_named(monkeypatch, pools):
    """A typing error in SLUIS_POOLS stops the worker at its start rather than leave jobs unserved."""
    monkeypatch.setenv("SLUIS_POOLS", pools)
    with pytest.raises(SettingError, match="SLUIS_POOLS: .*give one or more of terraform, ansible, light"):
        load_settings()
