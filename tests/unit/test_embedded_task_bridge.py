"""The bridge from Tasklist to its engine passes on user tasks and nothing else."""

import httpx
import pytest

from workers.engine.embedded.task_bridge import TaskBridge


@pytest.fixture
def bridge():
    found = TaskBridge("http://127.0.0.1:9")  # nobody listens there
    yield found
    found.close()


@pytest.mark.parametrize(
    "path", ["/v2/process-instances", "/api/login", "/v2/user-tasks", "/v2/user-tasks/%2e./x/../y"]
)
def test_other_paths_are_not_passed_on(bridge, path):
    """Nobody gets more than user tasks without a sign-in of their own."""
    with httpx.Client(base_url=bridge.address, trust_env=False) as client:
        assert client.post(path, json={}).status_code == 404


def test_an_engine_that_is_away_is_said_so(bridge):
    """A call on a user task is passed on; without an engine the answer is 502 and not a hanging page."""
    with httpx.Client(base_url=bridge.address, trust_env=False) as client:
        answer = client.post("/v2/user-tasks/1/assignment", json={"assignee": "act"})
    assert answer.status_code == 502


def test_it_listens_on_loopback_only(bridge):
    """The bridge is for this machine."""
    assert bridge.address.startswith("http://127.0.0.1:")
