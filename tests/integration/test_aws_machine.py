"""VM provisioning in AWS: the environment file is all that changes.

The real handlers plan and apply with the stand-in for the AWS provider; EC2 Instance Connect is moto's. What that
proves is in docs/explanation/verification-on-aws.md.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api import recorder

from aws_server import aws_server, use_aws
from docs_reading import PROJECT
from handlers_kit import Lease, context, job, rules
from needs import missing
from tools.aws_provider import AwsProvider, ensure_aws_provider
from workers.core.errors import MissingToolError
from workers.core.job import Done, Outcome
from workers.core.records import HostAddress, Policy, StackId
from workers.core.settings import Settings
from workers.core.values import now
from workers.execution.instance_connect import key_let_in
from workers.execution.keys import environment_key
from workers.execution.ssh import SshAccess
from workers.execution.terraform import TerraformTool
from workers.handlers.context import Context
from workers.handlers.decisions import decision_workers
from workers.handlers.terraform import terraform_workers
from workers.setup.tofu import Tofu

pytestmark = pytest.mark.tofu

EXAMPLE = PROJECT / "docs" / "examples" / "aws" / "environment.yaml"
_STATE = re.compile(r"^state:\n(  .*\n)+", re.MULTILINE)
_KEY = re.compile(r"^  private_key: .*\n", re.MULTILINE)


@pytest.fixture(scope="module")
def provider() -> AwsProvider:
    """The stand-in for the AWS provider; a plan with the real one needs an account."""
    try:
        found = ensure_aws_provider(Settings())
    except MissingToolError as error:
        missing(error)
        raise
    if not found.simulated:
        pytest.skip("a plan with the real provider needs an AWS account")
    return found


@dataclass
class Desk:
    """The handlers of a project whose environment is the example's."""

    context: Context
    key: int = 0

    async def do(self, kind: str, **variables: Any) -> Outcome:
        """The outcome of a job."""
        self.key += 1
        workers = (*terraform_workers(self.context, "aws_ec2_instance"), *self._decisions())
        worker = next(worker for worker in workers if worker.type == kind)
        return await worker.handler(job(kind, self.key, **variables), Lease())

    def _decisions(self) -> tuple[Any, ...]:
        return decision_workers(replace(rules(self.context.data), context=self.context))


@pytest.fixture
async def desk(tmp_path: Path, tofu: Tofu, provider: AwsProvider) -> Desk:
    """The example's environment beside the catalogue's module; its state is local, and its key Sluis's own."""
    tool = await TerraformTool.probe(tofu.path, provider.cli_config)
    found = replace(context(tmp_path), terraform=lambda: tool)
    module = "terraform/modules/aws_ec2_instance"
    shutil.copytree(PROJECT / module, found.project / module)
    text = _KEY.sub("", _STATE.sub("", EXAMPLE.read_text()))
    (found.project / "environments" / "example-test.yaml").write_text(text)
    return Desk(found)


async def test_a_machine_in_aws_needs_another_environment_only(desk: Desk) -> None:
    """Request, plan and apply of VM provisioning give an EC2 machine whose host the roles are run on."""
    stack = {"environment": "example-test", "stack": "web1", "module": "aws_ec2_instance"}
    asked = await desk.do("request.check", environment="example-test", name="web1", configure=[], inputs={})
    assert isinstance(asked, Done), asked
    request: Any = asked.variables["request"]
    assert request["module"] == "aws_ec2_instance"
    planned = await desk.do("terraform.aws_ec2_instance.plan", **stack, inputs=request["inputs"])
    assert isinstance(planned, Done), planned
    plan: Any = planned.variables["plan"]
    assert "aws_instance" in plan["markdown"]
    policy = Policy(change=plan["change"], approvals=0, group="approvers", created=now())
    await desk.context.changes.set_policy(policy)
    applied = await desk.do("terraform.aws_ec2_instance.apply", **stack, change=plan["change"])
    assert isinstance(applied, Done), applied
    record = await desk.context.stacks.get(StackId(environment="example-test", name="web1"))
    (host,) = record.hosts
    assert (host.name, host.user, host.port) == ("web1", "ubuntu", 22)
    assert re.fullmatch(r"eu-central-1/i-[0-9a-f]{17}", host.instance)


@pytest.fixture
def instance_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Moto's EC2 Instance Connect, as boto3 finds it; says how many keys were handed to it."""
    with aws_server() as address:
        use_aws(monkeypatch, address)
        monkeypatch.setattr(recorder, "_location", str(tmp_path / "recording"))
        recorder.start_recording()
        yield lambda: str(recorder.download_recording()).count("ec2-instance-connect")
        recorder.stop_recording()


def _within(count: Callable[[], int], least: int, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while count() < least:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def test_the_key_is_let_in_again_and_again(tmp_path: Path, instance_connect: Callable[[], int]) -> None:
    """While a host is worked on its key is pushed anew, and no longer afterwards; other hosts get none."""
    told: list[Any] = []
    access = SshAccess(user="ubuntu", private_key=environment_key(tmp_path, "example-test").private)
    hosts = (
        HostAddress(name="web1", address="10.30.64.7", instance="eu-central-1/i-0a1b2c3d4e5f60718"),
        HostAddress(name="old", address="10.30.64.8"),
    )
    async with key_let_in(hosts, access, told.append, every=0.05):
        assert await asyncio.to_thread(_within, instance_connect, 3)
    assert told == []
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "ec2-instance-connect"]


async def test_a_refused_key_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where AWS does not answer, the run's log says so once, and the work goes on."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    told: list[Any] = []
    access = SshAccess(user="ubuntu", private_key=environment_key(tmp_path, "example-test").private)
    host = HostAddress(name="web1", address="10.30.64.7", instance="eu-central-1/i-0a1b2c3d4e5f60718")
    async with key_let_in((host,), access, told.append):
        pass
    assert [event.kind for event in told] == ["warning"]
    assert "web1" in told[0].text
