"""Acts of a person on a stack."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws_server import aws_server, use_aws
from service_kit import parts, project, stack
from workers.core.errors import BusyError, NotFoundError, StoreError, UsageError
from workers.core.job import Job
from workers.core.records import RunState
from workers.handlers.attempt import lock_path
from workers.runs.locks import FileLock
from workers.runs.runs import Begun
from workers.service.assembly import Assembly
from workers.service.stacks import TOOL_LOCK, adopt, moved_to_stack, parse_stack, unlock, view
from workers.service.state_place import state_path

STATE: dict[str, Any] = {
    "version": 4,
    "terraform_version": "1.12.6",
    "serial": 3,
    "lineage": "a-b-c",
    "outputs": {},
    "resources": [
        {"mode": "managed", "type": "terraform_data", "name": "it", "instances": [{"dependencies": ["local_file.x"]}]},
        {"mode": "managed", "type": "local_file", "name": "x", "module": "module.inner", "instances": [{}]},
    ],
}


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return parts(project(tmp_path))


def job() -> Job:
    return Job(
        key=7, type="terraform.box.apply", process_instance=1, element_instance=2, element="Apply", process="P",
        process_version=1, retries=3,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["web1", "local/", "/web1", "local/../x", "Local/web1", "a/b/c"])
def test_what_is_no_stack_is_refused(text: str) -> None:
    """A stack is named ENVIRONMENT/NAME, and nothing else gets near a path."""
    with pytest.raises(UsageError, match="not a stack"):
        parse_stack(text)


async def test_an_adopted_state_is_where_the_stack_looks(assembly: Assembly, tmp_path: Path) -> None:
    """Adopting copies the state to the stack's place, private, below module.stack, and records who did it."""
    file = tmp_path / "old.tfstate"
    file.write_text(json.dumps(STATE))
    record = await adopt(assembly.context, parse_stack("local/db1"), "box", file, "anna")
    target = state_path(assembly.context, record.id)
    kept = json.loads(target.read_text())
    assert record.adopted
    assert [r["module"] for r in kept["resources"]] == ["module.stack", "module.stack.module.inner"]
    assert kept["resources"][0]["instances"][0]["dependencies"] == ["module.stack.local_file.x"]
    assert (kept["lineage"], kept["serial"]) == ("a-b-c", 3)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == STATE
    [entry] = (await view(assembly.context, record.id)).trail
    assert (entry.actor, entry.action) == ("anna", "adopted")


async def test_a_stack_that_exists_is_not_adopted(assembly: Assembly, tmp_path: Path) -> None:
    """Adopting never writes over a stack, nor over a state without a record."""
    file = tmp_path / "old.tfstate"
    file.write_text(json.dumps(STATE))
    await stack(assembly, "local/box1")
    with pytest.raises(BusyError, match="exists already"):
        await adopt(assembly.context, parse_stack("local/box1"), "box", file, "anna")
    orphan = state_path(assembly.context, parse_stack("local/box2"))
    orphan.parent.mkdir(parents=True)
    orphan.write_text("mine")
    with pytest.raises(BusyError, match="exists already"):
        await adopt(assembly.context, parse_stack("local/box2"), "box", file, "anna")
    assert orphan.read_text() == "mine"


@pytest.fixture
def bucket(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The environment `local` keeps its state in a bucket of a server that speaks S3; the client."""
    file = assembly.context.project / "environments" / "local.yaml"
    with aws_server() as address:
        use_aws(monkeypatch, address)
        place = {"type": "s3", "bucket": "states", "region": "us-east-1", "endpoint": address}
        file.write_text(f"{file.read_text()}state: {json.dumps(place)}\n")
        client = boto3.client("s3")
        client.create_bucket(Bucket="states")
        yield client


async def test_a_state_is_adopted_into_a_bucket(assembly: Assembly, tmp_path: Path, bucket: Any) -> None:
    """In an environment with state in S3 the copy lies under the stack's key, and what lies there is never replaced."""
    file = tmp_path / "old.tfstate"
    file.write_text(json.dumps(STATE))
    assert (await adopt(assembly.context, parse_stack("local/db1"), "box", file, "anna")).adopted
    kept = json.loads(bucket.get_object(Bucket="states", Key="state/local/db1/terraform.tfstate")["Body"].read())
    assert [r["module"] for r in kept["resources"]] == ["module.stack", "module.stack.module.inner"]
    bucket.put_object(Bucket="states", Key="state/local/db2/terraform.tfstate", Body=b"mine")
    with pytest.raises(BusyError, match="exists already"):
        await adopt(assembly.context, parse_stack("local/db2"), "box", file, "anna")
    assert bucket.get_object(Bucket="states", Key="state/local/db2/terraform.tfstate")["Body"].read() == b"mine"


async def test_a_bucket_that_is_not_there_is_named(assembly: Assembly, tmp_path: Path, bucket: Any) -> None:
    """A state that cannot be put away leaves no record, and the message says where it should have gone."""
    bucket.delete_bucket(Bucket="states")
    file = tmp_path / "old.tfstate"
    file.write_text(json.dumps(STATE))
    with pytest.raises(StoreError, match="s3://states/state/local/db1/terraform.tfstate"):
        await adopt(assembly.context, parse_stack("local/db1"), "box", file, "anna")
    assert await assembly.context.stacks.all() == ()


@pytest.mark.parametrize(
    "content", ["", "root:x:0", "[]", '{"version": 3, "lineage": "l", "serial": 1, "resources": []}']
)
async def test_what_is_no_state_is_not_adopted(assembly: Assembly, tmp_path: Path, content: str) -> None:
    """A file that is no Terraform state of version 4 is refused, and nothing is recorded."""
    file = tmp_path / "f"
    file.write_text(content)
    with pytest.raises(UsageError, match="not a Terraform state"):
        await adopt(assembly.context, parse_stack("local/db1"), "box", file, "anna")
    assert await assembly.context.stacks.all() == ()


def test_a_state_of_a_generated_root_stays_as_it_is() -> None:
    """Resources that are below module.stack already are not moved twice."""
    moved = moved_to_stack(STATE)
    assert moved_to_stack(moved) == moved


async def test_unlock_refuses_while_the_holder_lives(assembly: Assembly) -> None:
    """A lock that a living process holds is never taken; the message names the holder."""
    record = await stack(assembly)
    lock = FileLock(lock_path(assembly.context, str(record.id)))
    assert lock.take("7-1", "worker-a")
    try:
        with pytest.raises(BusyError, match="7-1 of worker worker-a"):
            await unlock(assembly.context, record.id, "anna")
    finally:
        lock.free()


async def test_unlock_frees_what_a_dead_worker_left(assembly: Assembly) -> None:
    """The tool's lock file goes, and the dead worker's run is marked as interrupted, so that the model plans anew."""
    record = await stack(assembly)
    begun = await assembly.context.runs.begin(job(), str(record.id), {})
    assert isinstance(begun, Begun)
    begun.lock.free()  # the worker dies
    left = state_path(assembly.context, record.id).with_name(TOOL_LOCK)
    left.parent.mkdir(parents=True)
    left.write_text('{"Who": "root@vm"}')
    done = await unlock(assembly.context, record.id, "anna")
    assert not left.exists()
    assert any("root@vm" in text for text in done)
    run = await assembly.context.runs.find(begun.run.id)
    assert run is not None
    assert run.state is RunState.INTERRUPTED
    assert await unlock(assembly.context, record.id, "anna") == ()


async def test_unlock_leaves_a_living_run_alone(assembly: Assembly) -> None:
    """A run whose process still holds its lock is not marked."""
    record = await stack(assembly)
    begun = await assembly.context.runs.begin(job(), str(record.id), {})
    assert isinstance(begun, Begun)
    try:
        assert await unlock(assembly.context, record.id, "anna") == ()
    finally:
        begun.lock.free()


async def test_a_stack_that_is_not_there_is_named(assembly: Assembly) -> None:
    """Showing or unlocking an unknown stack says so."""
    with pytest.raises(NotFoundError, match="local/nope"):
        await view(assembly.context, parse_stack("local/nope"))
    with pytest.raises(NotFoundError, match="local/nope"):
        await unlock(assembly.context, parse_stack("local/nope"), "anna")
