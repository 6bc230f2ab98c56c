"""What people do in a compliance check: start it, decide on its findings, read its report; and what they did before."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acceptance.process_runs import Happenings
from needs import missing
from served import Served
from workers.core.errors import MissingToolError
from workers.core.settings import Settings
from workers.engine.rest import OrchestrationRest, UserTask
from workers.setup.scanners import scanner_command

ENVIRONMENT = "audited"
DECIDE = "Task_DecideOnFinding"
Answers = Sequence[Mapping[str, Any]]
"""What people enter in the forms, for the first task, the second, …; the last one for all others."""
IGNORE: Answers = ({"decision": "ignore"},)
REMEDY: Answers = ({"decision": "remediate"}, {"decision": "ignore"})


def prepare(project: Served) -> None:
    """An environment of its own, whose hosts are audited; people are asked about what Sluis itself can repair."""
    for name in ("checkov", "conftest"):
        try:
            scanner_command(Settings(), name)
        except MissingToolError as error:
            missing(error)
    file = project.folder / "environments" / f"{ENVIRONMENT}.yaml"
    if not file.exists():
        local = (project.folder / "environments" / "local.yaml").read_text()
        audit = f"compliance:\n  audits: [{{role: cis_audit, inputs: {{cis_audit_skip: {json.dumps(kernel())}}}}}]\n"
        file.write_text(local.replace("name: local\n", f"name: {ENVIRONMENT}\n") + audit)


def kernel() -> list[str]:
    """The audit's rules on what a machine in namespaces shares with the host that it runs on."""
    names = ("randomize_va_space", "dmesg_restrict", "protected_hardlinks", "protected_symlinks", "suid_dumpable",
             "accept_redirects", "accept_source_route", "tcp_syncookies")  # fmt: skip
    return [f"sysctl_{name}" for name in names]


def machine(project: Served, name: str) -> None:
    """A machine with a website in that environment, made and approved."""
    if any(s["id"]["name"] == name and s["state"] == "applied" for s in project.data_of("stacks", "-e", ENVIRONMENT)):
        return
    instance = project.start_process("VmProvisioning", environment=ENVIRONMENT, name=name, message="Audited")
    approved = project.approve(instance)
    assert approved.returncode == 0, approved.stderr
    assert project.watch(instance)[-1]["good"]


def pid(project: Served, name: str) -> int:
    """The first process of the machine."""
    return int(json.loads((project.data / "hosts" / name / "host.json").read_text())["pid"])


def kill(project: Served, name: str) -> None:
    """Let the machine die."""
    os.kill(pid(project, name), signal.SIGKILL)


def page(project: Served, name: str) -> Path:
    """The file of the machine's website, as this host sees it."""
    return Path(f"/proc/{pid(project, name)}/root/var/www/web_server/index.html")


def check(project: Served, answers: Answers = IGNORE, approvals: int = 0) -> tuple[Happenings, dict[str, Any]]:
    """A compliance check to its end, and its report.

    Args:
        project: the served project.
        answers: what people say on the findings that they are asked about.
        approvals: how many changes come of that, to be approved.
    """
    instance = project.start_process("ComplianceCheck", environment=ENVIRONMENT)
    asyncio.run(_decide(project, instance, answers))
    for _ in range(approvals):
        approved = project.approve(instance)
        assert approved.returncode == 0, approved.stderr
    happenings = project.watch(instance)
    return happenings, project.data_of("report", str(instance))


def of_kind(report: Mapping[str, Any], *kinds: str) -> list[dict[str, Any]]:
    """The findings of these scans, without those of audits."""
    listed = [f for f in report["findings"] if f["kind"] in kinds]
    return [f for f in listed if not f["rule"].startswith("cis_audit.")]


def _asked(project: Served, instance: int) -> int | None:
    """How many findings people are asked about; None while there is no report yet."""
    done = project.cli("report", str(instance), "--json")
    if done.returncode:
        return None
    matter = ("medium", "high", "critical")
    return sum(f["state"] == "open" and f["severity"] in matter for f in json.loads(done.stdout)["findings"])


async def _decide(project: Served, instance: int, answers: Answers) -> None:
    """As ``act``, answer the task on each finding, once all of them are open."""
    deadline = time.monotonic() + 400
    while (asked := _asked(project, instance)) is None:
        assert time.monotonic() < deadline, f"check {instance} has no report in time"
        await asyncio.sleep(1)
    async with OrchestrationRest.as_user(Settings(rest_address=project.rest), "act", "act") as people:
        while len(tasks := await _tasks(people, instance)) < asked:
            assert time.monotonic() < deadline, f"{len(tasks)} of {asked} findings of check {instance} are asked about"
            await asyncio.sleep(1)
        for number, task in enumerate(tasks):
            await people.assign(task.key, "act")
            await people.complete(task.key, dict(answers[min(number, len(answers) - 1)]))


async def _tasks(people: OrchestrationRest, instance: int) -> list[UserTask]:
    mine = {found.key for found in await people.tree(instance, within=30)}
    found = await people.user_tasks(element=DECIDE, state="CREATED")
    return sorted((t for t in found if t.process_instance in mine), key=lambda task: task.key)
