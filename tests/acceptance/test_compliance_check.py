"""A compliance check, whole: real tofu, Checkov, Conftest and Ansible on a real machine, decided on by people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acceptance.compliance_steps import REMEDY, check, kill, machine, of_kind, page, prepare
from served import Served
from workers.core.values import now

pytestmark = [pytest.mark.slow, pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]

NAME = "audited2"
UNTIL = (now().date() + timedelta(days=30)).isoformat()


def test_what_was_changed_is_found_accepted_remembered_and_put_right(project: Served):
    """Clean; a changed setting is accepted and not asked about again; a dead machine is found and made anew."""
    prepare(project)
    machine(project, NAME)
    happenings, clean = check(project)
    assert [scan["failed"] for scan in clean["scans"] if scan["stack"] == f"audited/{NAME}"] == [""] * 4
    assert of_kind(clean, "drift", "hosts") == []
    assert happenings[-1]["good"]

    page(project, NAME).write_text("Changed by hand.\n")
    reason = "The campaign ends soon."
    _, changed = check(project, ({"decision": "accept", "until": UNTIL, "reason": reason},))
    found = of_kind(changed, "hosts")
    assert [(f["state"], f["acceptance"]["people"], f["acceptance"]["reason"]) for f in found] == [
        ("accepted", ["act"], reason)
    ]
    assert page(project, NAME).read_text() == "Changed by hand.\n"
    _, remembered = check(project)
    assert [(f["fingerprint"], f["state"]) for f in of_kind(remembered, "hosts")] == [
        (found[0]["fingerprint"], "accepted")
    ]
    listed = project.data_of("findings", "audited", "--accepted")
    assert [f["acceptance"]["until"] for f in listed] == [UNTIL]

    kill(project, NAME)
    happenings, dead = check(project, REMEDY, approvals=1)
    assert {f["rule"] for f in of_kind(dead, "drift")} == {"drift.replace"}
    assert [scan["kind"] for scan in dead["scans"] if scan["failed"]] == ["hosts"]
    assert not happenings[-1]["good"]
    assert "Audited" in page(project, NAME).read_text()
    _, healed = check(project)
    assert of_kind(healed, "drift", "hosts") == []
    trail = [entry["action"] for entry in project.data_of("stack", "show", f"audited/{NAME}")["audit"]]
    assert {"finding-accepted", "finding-to-remediate", "finding-left-open"} <= set(trail)
