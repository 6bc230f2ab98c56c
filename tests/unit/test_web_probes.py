# ruff: noqa: ASYNC110 - the answer is polled as a probe does
"""Health and metrics over HTTP."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import httpx
import pytest

from service_kit import parts, project
from web_kit import client
from workers.core.errors import BusyError, EngineUnavailableError
from workers.engine.grpc import ZeebeGateway
from workers.service.web import Parts, health_of
from workers.web.app import build_app
from workers.web.health import Health
from workers.web.metrics import Load, Metrics
from workers.web.probes import probe_routes
from workers.web.server import listen, serving


async def good() -> None:
    """A part that is there."""


async def broken() -> None:
    raise EngineUnavailableError("No engine answers at secret-host:26500.")


async def slow() -> None:
    await asyncio.Event().wait()


def app(health: Health, metrics: Metrics | None = None):
    return build_app((probe_routes(health, metrics or Metrics()),))


async def test_health_is_503_before_the_first_look_and_200_after_a_good_one():
    """A worker that has not looked at its parts yet is not ready; one whose parts are there is."""
    health = Health({"engine": good})
    async with client(app(health)) as http:
        assert (await http.get("/api/health/ready")).status_code == 503
        assert (await http.get("/api/health/live")).status_code == 200
        await health.look()
        assert (await http.get("/api/health/ready")).status_code == 200
        assert (await http.get("/api/health")).json()["components"]["engine"]["status"] == "ok"


async def test_a_failing_part_is_named_without_its_reason():
    """The answer says which part fails; addresses and messages stay in the log."""
    health = Health({"engine": broken, "store": good})
    await health.look()
    async with client(app(health)) as http:
        answer = await http.get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["components"]["engine"]["status"] == "failing"
    assert answer.json()["components"]["store"]["status"] == "ok"
    assert "secret-host" not in answer.text


async def test_a_part_that_does_not_answer_is_slow_and_holds_nobody_up():
    """A check that hangs is given up after its limit, and requests are answered from memory meanwhile."""
    health = Health({"engine": slow, "store": good}, limit=0.05)
    watching = asyncio.create_task(health.watch(pause=0.01))
    async with client(app(health)) as http:
        async with asyncio.timeout(5):
            while (await http.get("/api/health")).json()["components"]["engine"]["status"] != "slow":
                await asyncio.sleep(0)
    watching.cancel()


async def test_a_part_that_hangs_is_not_asked_a_second_time_beside():
    """Looks at a part that never answers do not pile up, and its answer counts once it comes."""
    asked, answered = [], asyncio.Event()

    async def hanging() -> None:
        asked.append(1)
        await answered.wait()

    health = Health({"store": hanging}, limit=0.01)
    for _ in range(3):
        await health.look()
    assert asked == [1]
    answered.set()
    await health.look()
    assert health.ready


async def test_an_error_that_nobody_foresaw_is_a_failing_part():
    """Whatever a check raises, the part fails, the others are looked at, and the next look happens."""

    async def odd() -> None:
        raise RuntimeError("boom at secret-host")

    health = Health({"tools": odd, "store": good})
    watching = asyncio.create_task(health.watch(pause=0))
    async with asyncio.timeout(5), client(app(health)) as http:
        while (parts := (await http.get("/api/health")).json()["components"])["tools"]["status"] != "failing":
            await asyncio.sleep(0)
    assert parts["store"]["status"] == "ok"
    assert not watching.done()
    watching.cancel()


async def test_an_engine_that_takes_connections_and_says_nothing_is_seen(tmp_path):
    """A hung engine makes health say so within seconds, and the other parts are told as they are."""
    with socket.create_server(("127.0.0.1", 0)) as hung:
        host, port = hung.getsockname()
        assembly = parts(project(tmp_path))
        settings = assembly.settings.model_copy(update={"grpc_address": f"{host}:{port}"})
        async with ZeebeGateway.from_settings(settings) as gateway:
            made = Parts(assembly, gateway, None, Metrics(), None)
            health = health_of(made)
            async with asyncio.timeout(20):
                await health.look()
    async with client(app(health)) as http:
        answer = await http.get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["components"]["engine"]["status"] in ("failing", "slow")
    assert answer.json()["components"]["store"]["status"] == "ok"
    assert str(port) not in answer.text


async def test_a_stopping_worker_is_not_ready():
    """While running jobs end after SIGTERM, nobody is told that the worker takes more."""
    health = Health({"engine": good})
    await health.look()
    health.stopping = True
    async with client(app(health)) as http:
        assert (await http.get("/api/health/ready")).status_code == 503


async def test_metrics_count_jobs_by_type_and_outcome():
    """What the job loop tells is what Prometheus reads: outcomes, durations, leases, what runs, what waits."""
    metrics = Metrics()
    metrics.event("job.activated", job=1, type="terraform.box.plan")
    metrics.event("job.activated", job=2, type="terraform.box.plan")
    metrics.event("job.activated", job=3, type="approval.listen")
    metrics.event("job.denied", job=3, type="approval.listen", seconds=0.1)
    metrics.event("lease.renewed", job=1)
    metrics.event("job.completed", job=1, type="terraform.box.plan", seconds=2.0)
    metrics.show(Load(stacks_busy=3, approvals=4, oldest_approval=90.0))
    async with client(app(Health({}), metrics)) as http:
        text = (await http.get("/metrics")).text
    assert 'sluis_jobs_total{outcome="completed",type="terraform.box.plan"} 1.0' in text
    assert 'sluis_job_seconds_sum{type="terraform.box.plan"} 2.0' in text
    assert 'sluis_jobs_total{outcome="denied",type="approval.listen"} 1.0' in text
    assert "sluis_leases_renewed_total 1.0" in text
    assert "sluis_jobs_running 1.0" in text
    assert "sluis_stacks_busy 3.0" in text
    assert "sluis_approvals_waiting 4.0" in text
    assert "sluis_approvals_oldest_seconds 90.0" in text


def test_a_crash_is_one_outcome():
    """The engine is told of it as of a failure, and the alarm adds both up: it is counted once."""
    metrics = Metrics()
    for job in (1, 2):
        metrics.event("job.activated", job=job, type="t")
    metrics.event("job.crashed", job=1, type="t", error=KeyError("x"))
    for job in (1, 2):
        metrics.event("job.failed", job=job, type="t", seconds=1.0)
    count = partial(metrics.registry.get_sample_value, "sluis_jobs_total")
    assert (count({"type": "t", "outcome": "crashed"}), count({"type": "t", "outcome": "failed"})) == (1, 1)
    assert metrics.registry.get_sample_value("sluis_job_seconds_count", {"type": "t"}) == 2
    assert metrics.running == 0
    metrics.event("job.crashed", job=3, type="t", error=KeyError("in the report, so no failure follows"))
    metrics.event("job.activated", job=3, type="t")
    metrics.event("job.failed", job=3, type="t", seconds=1.0)
    assert (count({"type": "t", "outcome": "crashed"}), count({"type": "t", "outcome": "failed"})) == (2, 2)


async def test_every_answer_has_security_headers():
    """Also an answer that says 404 forbids foreign scripts, frames and guessing of types."""
    async with client(app(Health({}))) as http:
        answer = await http.get("/nothing")
    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_service_listens_until_its_block_ends():
    """A real request over a real socket is answered inside the block and by nobody after it."""
    sock = listen("127.0.0.1", 0, movable=False)
    address = f"http://127.0.0.1:{sock.getsockname()[1]}/api/health/live"
    async with httpx.AsyncClient() as http:
        async with serving(app(Health({})), sock):
            assert (await http.get(address)).json() == {"status": "ok"}
        with pytest.raises(httpx.ConnectError):
            await http.get(address)


def test_a_busy_port_is_moved_only_where_nobody_chose_it():
    """A port that the settings name is refused with a hint; a default one moves."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(BusyError, match="SLUIS_WEB_PORT"):
            listen("127.0.0.1", taken, movable=False)
        with listen("127.0.0.1", taken, movable=True) as moved:
            assert moved.getsockname()[1] != taken
