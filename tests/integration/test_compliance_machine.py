"""A real machine under a compliance check: audited, tampered with, killed; real tofu, real Ansible over SSH."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs_reading import PROJECT
from handlers_kit import Lease, context, job
from needs import missing
from workers.core.compliance import Scan, ScanKind
from workers.core.job import Done, Outcome, Refused
from workers.core.records import Policy
from workers.core.settings import Settings
from workers.core.values import now
from workers.execution.terraform import TerraformTool
from workers.handlers.context import Context
from workers.handlers.scanning import scan_workers
from workers.handlers.terraform import terraform_workers
from workers.service.machine import host_variables

pytestmark = [pytest.mark.slow, pytest.mark.tofu, pytest.mark.ssh]

AUDIT = "compliance:\n  audits: [{role: cis_audit, inputs: {cis_audit_skip: [unattended_upgrades]}}]\n"
STACK = {"environment": "local", "stack": "watched"}


async def test_an_audit_finds_what_was_done_to_a_machine_and_drift_finds_it_dead(
    tmp_path: Path, tofu, host_image, host_folder
) -> None:
    """The same findings twice; more of them once a file is open to everybody; then no host, and all to be replaced."""
    if host_image is None:
        missing("the image of a local machine (Linux, root and debootstrap)")
    tool = await TerraformTool.probe(tofu.path, tofu.cli_config)
    hands = replace(context(tmp_path), terraform=lambda: tool, variables=host_variables(Settings()))
    for kind, name in (("terraform/modules", "local_host"), ("ansible/roles", "cis_audit")):
        shutil.copytree(
            PROJECT / kind / name, hands.project / kind / name, ignore=shutil.ignore_patterns(".terraform*")
        )
    file = hands.project / "environments" / "local.yaml"
    file.write_text(file.read_text() + AUDIT)
    key = hands.key_pair(hands.environment("local")).public
    try:
        await applied(hands, {"name": "watched", "authorized_key": key})
        first, again = await scanned(hands, 10), await scanned(hands, 11)
        assert first.scanner == "ansible check mode: cis_audit"
        assert {f.fingerprint for f in first.findings} == {f.fingerprint for f in again.findings}
        record = json.loads((host_folder / "watched" / "host.json").read_text())
        open_to_everybody(Path(f"/proc/{record['pid']}/root/etc/passwd"))
        opened = {f.rule: f for f in (await scanned(hands, 12)).findings}
        more = opened.keys() - {f.rule for f in first.findings}
        assert more == {"cis_audit.file_etc_passwd", "cis_audit.world_writable"}
        assert opened["cis_audit.file_etc_passwd"].title == "watched: /etc/passwd has mode 666 and belongs to root"
        assert not (await drift(hands, 13))["drifted"]
        os.kill(record["pid"], signal.SIGKILL)
        dead = await drift(hands, 14)
        assert {f["rule"] for f in dead["findings"]} == {"drift.replace"}
        outcome = await worked(hands, "compliance.scan", 15, check="7", kind="hosts")
        assert isinstance(outcome, Refused)
        kept = await hands.checks.scan("7", "local/watched", ScanKind.HOSTS)
        assert kept is not None
        assert "cis_audit" in kept.failed
    finally:
        await applied(hands, {}, operation="destroy", key=20)


def open_to_everybody(path: Path) -> None:
    """Let everybody write a file of the machine."""
    path.chmod(0o666)


async def worked(hands: Context, job_type: str, key: int, /, **variables: Any) -> Outcome:
    """The outcome of a job on the stack."""
    workers = (*terraform_workers(hands, "local_host"), *scan_workers(hands))
    worker = next(w for w in workers if w.type == job_type)
    last = replace(job(job_type, key, **STACK, module="local_host", **variables), retries=1)
    return await worker.handler(last, Lease())


async def applied(hands: Context, inputs: dict[str, Any], operation: str = "apply", key: int = 1) -> None:
    """Plan and apply with a policy that asks nobody."""
    planned = await worked(hands, "terraform.local_host.plan", key, inputs=inputs, operation=operation)
    assert isinstance(planned, Done), planned
    change = planned.variables["plan"]["change"]  # type: ignore[index,call-overload]
    policy = Policy(change=change, approvals=0, group="approvers", created=now())  # type: ignore[arg-type]
    await hands.changes.set_policy(policy)
    outcome = await worked(hands, "terraform.local_host.apply", key + 1, change=change)
    assert isinstance(outcome, Done), outcome


async def scanned(hands: Context, key: int) -> Scan:
    """What the hosts' scan of a check of its own found."""
    outcome = await worked(hands, "compliance.scan", key, check=str(key), kind="hosts")
    assert isinstance(outcome, Done), outcome
    scan = await hands.checks.scan(str(key), "local/watched", ScanKind.HOSTS)
    assert scan is not None
    return scan


async def drift(hands: Context, key: int) -> dict[str, Any]:
    """What a look for drift gives."""
    outcome = await worked(hands, "terraform.local_host.drift", key)
    assert isinstance(outcome, Done), outcome
    return outcome.variables["drift"]  # type: ignore[return-value]
