"""What the demonstration asks of this machine before it starts anything."""

from __future__ import annotations

import shutil

import pytest

from workers.core.errors import MissingToolError
from workers.core.records import Approval, Decision, Run, RunState
from workers.service.demo import Scenario
from workers.service.demo_checks import _decided
from workers.setup import debian


@pytest.mark.parametrize(("lacking", "package"), [("nginx", "nginx-light"), ("sshd", "openssh-server")])
def test_without_root_and_what_a_machine_needs_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, lacking: str, package: str
) -> None:
    """Where the machine or its website could not be made the demonstration says what to install; else it goes on."""
    there = {"nginx", "sshd"}
    monkeypatch.setattr(debian, "missing", lambda: "not root")
    monkeypatch.setattr(shutil, "which", lambda program, path: f"/usr/sbin/{program}" if program in there else None)
    Scenario().check()
    there.remove(lacking)
    with pytest.raises(MissingToolError, match=f"not root.* has no {lacking}") as error:
        Scenario().check()
    assert f"apt-get install {package})" in error.value.hint


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
