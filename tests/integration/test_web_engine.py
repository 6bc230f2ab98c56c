"""The web service of a real worker over a real engine: signing in, starting, deciding."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from results import Result
from served import Served

pytestmark = [pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]


def address(project: Served) -> str:
    return json.loads((project.data / "web.json").read_text())["address"]


@contextmanager
def signed_in(project: Served, user: str, password: str) -> Iterator[httpx.Client]:
    """A browser that tried to sign in."""
    with httpx.Client(base_url=address(project), timeout=30) as http:
        form = {"user": user, "password": password, "csrf": csrf_of(http.get("/sign-in"))}
        http.post("/sign-in", data=form)
        yield http


def csrf_of(answer: httpx.Response) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', answer.text)[1]


def test_health_sees_the_parts_of_a_serving_worker(project: Served):
    """A worker that serves says so of engine, store and tools, within seconds of its start."""
    deadline = time.monotonic() + 30
    while (answer := httpx.get(address(project) + "/api/health")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    assert {part["status"] for name, part in answer.json()["components"].items() if name != "last_success"} == {"ok"}


def test_the_engine_decides_who_signs_in(project: Served):
    """A name with another password than the engine's gets no session; the right one sees the runs."""
    with signed_in(project, "demo", "wrong") as http:
        assert http.get("/api/runs").status_code == 401
    with signed_in(project, "demo", "demo") as http:
        assert http.get("/api/runs").status_code == 200


def test_what_a_person_approves_on_our_page_is_made(project: Served):
    """Started and approved through the web service: the machine is made, the record says who and how we knew."""
    with Result("web-approve") as result:
        with signed_in(project, "demo", "demo") as http:
            texts = {"environment": "local", "name": "webpage1", "message": "Hello"}
            csrf = {"X-CSRF-Token": csrf_of(http.get("/runs"))}
            started = http.post("/api/processes/VmProvisioning", json={"texts": texts}, headers=csrf)
            assert started.status_code == 201, started.text
            instance = started.json()["instance"]
            own = decide(project, http, instance, "demo")
            assert own.status_code == 403, own.text
        with signed_in(project, "act", "act") as http:
            assert decide(project, http, instance, "wrong").status_code == 400
            answer = decide(project, http, instance, "act")
            assert answer.status_code == 200, answer.text
        happenings = project.watch(instance)
        result.steps(happenings)
    assert happenings[-1]["good"], happenings[-1]
    with signed_in(project, "act", "act") as http:
        runs = http.get("/api/runs", params={"environment": "local", "text": "webpage1"}).json()["runs"]
        planned = next(run for run in runs if run["job_type"].endswith(".plan"))
        approvals = http.get(f"/api/runs/{planned['id']}/plan").json()["approvals"]
        page = http.get(f"/runs/{planned['id']}").text
    counted = [a for a in approvals if a["counts"]]
    assert [(a["approver"], a["evidence"]) for a in counted] == [("act", "sluis")]
    assert "evidence: sluis" in page


def decide(project: Served, http: httpx.Client, instance: int, password: str) -> httpx.Response:
    """Approve what waits in an instance, once it is there."""
    deadline = time.monotonic() + 120
    while not (found := [w for w in http.get("/api/approvals").json()["waiting"] if w["instance"] == instance]):
        assert time.monotonic() < deadline, "nothing waits"
        time.sleep(0.5)
    wanted = {"change": found[0]["change"], "decision": "approved", "reason": "read", "password": password}
    csrf = {"X-CSRF-Token": csrf_of(http.get("/runs"))}
    return http.post(f"/api/approvals/{found[0]['task']}", json=wanted, headers=csrf)
