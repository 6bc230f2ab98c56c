"""The durable record in S3: a change is planned, approved, applied and looked up with nothing but the bucket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from aws_server import aws_server, use_aws
from results import Result
from served import PROJECT, Served, served
from workers.core.settings import Settings

pytestmark = [pytest.mark.engine, pytest.mark.tofu]

BUCKET = "sluis-runs"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that speaks S3, and a bucket in it; the worker and the commands find both in their environment."""
    with aws_server() as address:
        use_aws(monkeypatch, address, "S3")
        monkeypatch.setenv("SLUIS_STORE", f"s3://{BUCKET}/secamo")
        monkeypatch.setenv("SLUIS_STORE_KMS_KEY", "alias/sluis")
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture
def in_s3(project: Served, bucket: None, settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """A served project whose record is in the bucket, with the tutorial's module and process.

    The other project's worker stands still: it would take jobs of ours and look for their records in its own store.
    """
    project.worker.stop()
    try:
        with served(settings, tmp_path) as ours:
            shutil.copytree(PROJECT / "docs/tutorial/note", ours.folder, dirs_exist_ok=True)
            deployed = ours.cli("deploy")
            assert deployed.returncode == 0, deployed.stderr
            yield ours
    finally:
        project.worker.start()


def test_a_change_lives_in_the_bucket_alone(in_s3: Served, tmp_path: Path):
    """Plan, approval, log, stack record and audit trail are read back from S3, encrypted; no folder holds them."""
    note = tmp_path / "note.txt"
    with Result("store-s3") as result:
        variables = ("--var", "environment=local", "--var", f"path={note}", "--var", "text=Hello")
        instance = in_s3.data_of("start", "WriteNote", "--as", "demo", *variables)["instance"]
        approved = in_s3.approve(instance)
        assert approved.returncode == 0, approved.stderr
        happenings = in_s3.watch(instance)
        result.steps(happenings)
        assert happenings[-1]["good"], happenings[-1]
    assert note.read_text() == "Hello\n"

    shown = in_s3.data_of("stack", "show", "local/note")
    assert [e["action"] for e in shown["audit"]] == ["planned", "policy", "approved", "applied"]
    assert shown["holder"] is None
    run = shown["record"]["last_apply"]
    assert "Creation complete" in in_s3.cli("run", "log", run).stdout
    assert in_s3.cli("audit", "verify", "local/note").returncode == 0
    assert not (in_s3.data / "store").exists()

    client = boto3.client("s3")
    objects = [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert all(key.startswith("secamo/") for key in objects)
    assert not [key for key in objects if ".part/" in key and run in key]
    heads = [client.head_object(Bucket=BUCKET, Key=key) for key in objects]
    assert {head["ServerSideEncryption"] for head in heads} == {"aws:kms"}
