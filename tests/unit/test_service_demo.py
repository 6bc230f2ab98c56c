"""What the demonstration asks of this machine before it starts anything."""

from __future__ import annotations

import shutil

import pytest

from workers.core.errors import MissingToolError
from workers.core.records import Approval, Decision, Run, RunState
from workers.service.demo import Scenario
from workers.service.demo_checks import _decided
from workers.setup import debian


def test_without_root_and_nginx_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the website could not be made the demonstration says what to install; with nginx it goes on."""
    monkeypatch.setattr(debian, "missing", lambda: "not root")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MissingToolError, match="not root") as error:
        Scenario().check()
    assert "nginx-light" in error.value.hint
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/sbin/nginx")
    Scenario().check()


def run(job_type: str) -> Run:
    return Run.model_construct(job_type=job_type, state=RunState.FINISHED)


def approval(approver: str) -> Approval:
    return Approval.model_construct(approver=approver, counts=True, decision=Decision.APPROVED, change="c" * 64)


@pytest.mark.parametrize(
    ("made", "approvers", "good"),
    [
        ((), (), True),
        (("terraform.local_host.apply",), ("act",), True),
        (("ansible.web_server.run",), ("act",), True),
        (("ansible.web_server.run",), (), False),
        (("terraform.local_host.apply",), ("demo",), False),
        ((), ("act",), False),
    ],
)
def test_what_was_changed_has_a_second_persons_approval(made, approvers, good) -> None:
    """An apply and a role alike; where nothing was changed nobody was asked."""
    runs = tuple(run(job_type) for job_type in made)
    assert _decided(runs, tuple(approval(name) for name in approvers), "demo").good is good
