"""VM provisioning, whole: real Camunda, real OpenTofu, a real machine, real Ansible over SSH, the real CLI."""

from __future__ import annotations

import json

import pytest

from results import Result
from served import Served, page_of

pytestmark = [pytest.mark.engine, pytest.mark.tofu, pytest.mark.ssh]


def kinds(happenings: list[dict], kind: str) -> list[dict]:
    return [h for h in happenings if h["happening"] == kind]


def test_a_request_becomes_a_verified_machine_and_a_second_one_changes_nothing(project: Served):
    """The whole way with one approval; asked for again, nobody is asked and nothing is changed."""
    with Result("vm-provisioning") as result:
        first = project.start("web1", "Hello {{ 6*7 }} & <b>friends</b>")
        approved = project.approve(first)
        assert approved.returncode == 0, approved.stderr
        happenings = project.watch(first)
        result.steps(happenings)
        assert happenings[-1]["happening"] == "ended"
        assert happenings[-1]["good"], happenings[-1]
        assert "Hello {{ 6*7 }} &amp; &lt;b&gt;friends&lt;/b&gt;" in page_of(project, "local/web1")

        actions = [e["action"] for e in project.data_of("stack", "show", "local/web1")["audit"]]
        assert actions[:5] == ["requested", "planned", "policy", "approved", "applied"]
        traced = {"VM provisioning", "terraform.local_host.plan", "approval.verify", "terraform.local_host.apply"}
        traced |= {"tofu plan", "tofu apply", "ansible.web_server.run", "ansible-playbook"}
        trace = project.traces.wait(lambda found: found.whole(first))
        assert traced <= {s.name for s in trace}

    with Result("vm-provisioning-again") as result:
        before = {r["id"] for r in project.data_of("runs", "--stack", "local/web1")}
        second = project.start("web1", "Hello {{ 6*7 }} & <b>friends</b>")
        again = project.watch(second)
        result.steps(again)
        assert again[-1]["good"], again[-1]
        assert kinds(again, "approval-waits") == []
        runs = [r for r in project.data_of("runs", "--stack", "local/web1") if r["id"] not in before]
        assert {r["job_type"].rsplit(".", 1)[1] for r in runs} >= {"plan", "check"}
        assert not {r["job_type"] for r in runs} & {"terraform.local_host.apply", "ansible.web_server.run"}


def test_the_requester_cannot_approve_and_a_second_person_can(project: Served):
    """Four eyes: the requester's own approval leads back to the task, with the reason on it."""
    instance = project.start("web2")
    own = project.approve(instance, "demo")
    assert own.returncode == 0, own.stderr
    other = project.approve(instance, "act")
    assert other.returncode == 0, other.stderr
    happenings = project.watch(instance)
    assert happenings[-1]["good"], happenings[-1]
    audit = project.data_of("stack", "show", "local/web2")["audit"]
    decided = [(e["actor"], e["details"]["counts"]) for e in audit if e["action"] == "approved"]
    assert decided == [("demo", False), ("act", True)]


def test_a_rejected_request_ends_cleanly_and_makes_nothing(project: Served):
    """Rejection: a reason is needed, nothing was applied, the requester is told."""
    with Result("vm-provisioning-rejected") as result:
        instance = project.start("web3")
        rejected = project.cli(
            "reject", str(instance), "--as", "act", "--reason", "not this week", "--wait", "120", "--yes"
        )
        assert rejected.returncode == 0, rejected.stderr
        happenings = project.watch(instance)
        result.steps(happenings)
        end = happenings[-1]
        assert (end["happening"], end["good"]) == ("ended", False)
        assert "rejected" in json.dumps(end)
        assert project.data_of("stack", "show", "local/web3")["record"]["state"] == "planned"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (["--var", "environment=lokal", "--var", "name=web9", "--var", "message=x"], "lokal"),
        (["--var", "environment=local", "--var", "name=Web 9", "--var", "message=x"], "name"),
        (["--var", "environment=local", "--var", "nmae=web9", "--var", "message=x"], "did you mean"),
        (["--var", "environment=local"], "name"),
    ],
)
def test_wrong_variables_are_refused_before_anything_starts(project: Served, variables, words):
    """The command names the variable and starts nothing."""
    before = len(project.data_of("runs"))
    done = project.cli("start", "VmProvisioning", *variables, "--yes")
    assert done.returncode == 2, done.stderr
    assert words.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert len(project.data_of("runs")) == before


def test_a_module_that_does_not_parse_stops_only_its_own_workers(project: Served):
    """It is named with file and line in `sluis status`; everything else goes on being served."""
    broken = project.folder / "terraform" / "modules" / "broken"
    broken.mkdir()
    (broken / "variables.tf").write_text('variable "name" {\n  type = strin(\n')
    try:
        status = project.cli("status")
        assert "variables.tf" in status.stdout + status.stderr
        assert project.data_of("runs") is not None
        instance = project.start("web1", "Hello {{ 6*7 }} & <b>friends</b>")
        assert project.watch(instance)
    finally:
        (broken / "variables.tf").unlink()
        broken.rmdir()


def test_a_host_that_refuses_ssh_is_named_where_the_process_stands_still(project: Served):
    """A block started by itself has nobody to catch its error: the incident names the host and why."""
    environment = project.folder / "environments" / "local.yaml"
    before = environment.read_text()
    environment.write_text(before + "\nhosts:\n  gone: {address: 127.0.0.1, port: 9, host_keys: [ssh-ed25519 AAAA]}\n")
    try:
        variables = {"environment": "local", "role": "os_baseline", "inputs": {}, "hosts": ["gone"], "purpose": "test"}
        arguments = [f"--input={name}={json.dumps(value)}" for name, value in variables.items()]
        instance = int(project.data_of("start", "AnsibleChange", "--as", "demo", *arguments)["instance"])
        happenings = project.watch_until(instance, "incident")
        assert "gone" in json.dumps(happenings[-1])
        assert "refused" in json.dumps(happenings[-1]).lower()
    finally:
        environment.write_text(before)
