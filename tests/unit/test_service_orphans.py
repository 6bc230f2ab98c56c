"""What a killed tool has made and no state knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from aws_server import aws_server, use_aws
from service_kit import parts, project, stack
from workers.core.environment import Cloud
from workers.core.records import StackRecord
from workers.service.assembly import Assembly
from workers.service.machine import HOSTS_FOLDER
from workers.service.orphans import AwsResources, orphans
from workers.service.stacks import view
from workers.service.state_place import state_path


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return parts(project(tmp_path))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that speaks AWS's API, found as the worker finds AWS."""
    with aws_server() as address:
        use_aws(monkeypatch, address)
        yield


def machine(assembly: Assembly, generation: str, name: str = "box1") -> None:
    """A machine as the module leaves it behind."""
    folder = Path(assembly.context.variables[HOSTS_FOLDER]) / name
    folder.mkdir(parents=True)
    (folder / "host.json").write_text(json.dumps({"name": name, "generation": generation}))


def state(assembly: Assembly, record: StackRecord, text: str) -> None:
    """A state that holds this text."""
    path = state_path(assembly.context, record.id)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"resources": [text]}))


async def test_a_machine_that_no_state_knows_is_an_orphan(assembly: Assembly) -> None:
    """A machine of a making that is not in the state is listed; the one in the state is not."""
    record = await stack(assembly)
    machine(assembly, "made-by-a-killed-tool")
    [found] = (await view(assembly.context, record.id)).orphans
    assert "local machine box1" in found.id
    state(assembly, record, "made-by-a-killed-tool")
    assert (await view(assembly.context, record.id)).orphans == ()


async def test_a_tagged_resource_that_no_state_knows_is_an_orphan(assembly: Assembly, aws: None) -> None:
    """Over AWS's API: what carries the tag of the stack is found, with its run, and held against the state."""
    client = boto3.client("s3", region_name="us-east-1")
    for name, owner in {"lost": "local/box1", "kept": "local/box1", "other": "local/box2"}.items():
        client.create_bucket(Bucket=name)
        tags = [{"Key": "sluis:stack", "Value": owner}, {"Key": "sluis:run", "Value": "7-1"}]
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    file = assembly.context.project / "environments" / "local.yaml"
    file.write_text(file.read_text() + "cloud: {account: '123456789012', region: us-east-1}\n")
    record = await stack(assembly)
    state(assembly, record, "arn:aws:s3:::kept")
    found = await orphans(assembly.context, record)
    assert [(one.id, one.run) for one in found] == [("arn:aws:s3:::lost", "7-1")]


async def test_the_role_for_plans_is_taken(assembly: Assembly, aws: None) -> None:
    """Where the environment names a role for plans, AWS is asked under it."""
    asked: list[tuple[str, dict[str, str]]] = []

    def connect(service: str, **options: str):
        asked.append((service, options))
        return boto3.client(service, **options)

    role = "arn:aws:iam::123456789012:role/plan"
    cloud = Cloud(account="123456789012", region="us-east-1", plan_role_arn=role)
    assert list(AwsResources(cloud, connect)(await stack(assembly, "local/untagged"))) == []
    assert [service for service, _ in asked] == ["sts", "resourcegroupstaggingapi"]
    assert asked[1][1]["aws_session_token"]


async def test_a_provider_that_does_not_answer_is_told(
    assembly: Assembly, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack is shown all the same, with the reason why orphans are not known."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    file = assembly.context.project / "environments" / "local.yaml"
    file.write_text(file.read_text() + "cloud: {account: '123456789012', region: us-east-1}\n")
    record = await stack(assembly)
    assert "sluis:stack=local/box1" in (await view(assembly.context, record.id)).unasked
