"""The audit trail shows edits and gaps."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from aws_server import aws_server, use_aws
from workers.runs.audit import Audit, Kept
from workers.runs.s3 import open_s3
from workers.runs.store import DirectoryStore


@pytest.fixture
def audit(tmp_path):
    return Audit(DirectoryStore(tmp_path))


async def test_entries_written_at_once_form_one_chain(audit):
    """Ten writers, ten entries, no gap, nothing lost."""
    await asyncio.gather(*(audit.add("local/web1", f"p{n}", "applied") for n in range(10)))
    entries = await audit.entries("local/web1")
    assert sorted(e.actor for e in entries) == sorted(f"p{n}" for n in range(10))
    assert await audit.problems("local/web1") == ()


async def test_an_altered_entry_shows(audit):
    """Changing who approved breaks the chain at the next entry."""
    for actor in ("asker", "approver", "worker"):
        await audit.add("local/web1", actor, "did")
    path = audit.store.path("audit/local/web1/00000002.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"actor": "somebody-else"}))
    assert await audit.problems("local/web1") == ("local/web1: entry 2 was altered",)


async def test_what_is_no_entry_hides_nothing(audit):
    """A file that cannot be read is named, and the rest of the trail is checked all the same."""
    for actor in ("asker", "approver", "worker"):
        await audit.add("local/web1", actor, "did")
    audit.store.path("audit/local/web1/00000001.json").write_text("{}")
    audit.store.path("audit/local/web1/00000002.json").unlink()
    first, second = await audit.problems("local/web1")
    assert first == "local/web1: audit/local/web1/00000001.json is not the entry that its name says"
    assert "entry 1 is missing" in second
    assert (await audit.size("local/web1"))[0] == 1


async def test_a_removed_entry_shows(audit):
    """A gap in the numbers is named."""
    for actor in ("asker", "approver", "worker"):
        await audit.add("local/web1", actor, "did")
    audit.store.path("audit/local/web1/00000002.json").unlink()
    assert await audit.problems("local/web1") == ("local/web1: entry 2 is missing",)


async def test_trails_of_stacks_do_not_mix(audit):
    """Each stack has its own chain from its own start."""
    await audit.add("local/web1", "a", "x")
    entry = await audit.add("local/web10", "a", "x")
    assert entry.number == 1
    assert await audit.subjects() == ("local/web1", "local/web10")


async def test_an_entry_under_another_number_shows(audit):
    """Moving the last entry further back in time does not go unnoticed."""
    for actor in ("asker", "approver"):
        await audit.add("local/web1", actor, "did")
    last = audit.store.path("audit/local/web1/00000002.json")
    last.rename(last.with_name("00000003.json"))
    (problem,) = await audit.problems("local/web1")
    assert "00000003.json" in problem


async def test_a_trail_that_was_cut_short_shows_against_an_export(audit):
    """Entries removed at the end, which the chain cannot show, are missing beside what was kept of them."""
    for actor in ("asker", "approver", "worker"):
        await audit.add("local/web1", actor, "did")
    kept = [Kept(subject=e.subject, number=e.number, digest=e.digest) for e in await audit.entries("local/web1")]
    assert await audit.missing(kept) == ()
    audit.store.path("audit/local/web1/00000003.json").unlink()
    assert await audit.problems("local/web1") == ()
    assert await audit.missing(kept) == ("local/web1: entry 3 is not what was exported",)


@pytest.fixture
def locked(monkeypatch):
    """A trail in a bucket with Object Lock."""
    with aws_server() as address:
        use_aws(monkeypatch, address, "S3")
        store = open_s3("s3://locked/one", lock_days=30)
        store.client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        yield Audit(store)


async def test_the_end_of_a_locked_trail_cannot_be_cut_off_unseen(locked):
    """A removed, a hidden and an overwritten last entry: the first is refused, the others are named; all are kept."""
    for actor in ("asker", "worker"):
        await locked.add("local/web1", actor, "did")
        await locked.add("local/web2", actor, "did")
    client, bucket, last = locked.store.client, locked.store.bucket, "one/audit/local/web1/00000002.json"
    held = client.head_object(Bucket=bucket, Key=last)
    assert held["ObjectLockMode"] == "COMPLIANCE"
    assert held["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=29)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket, Key=last, VersionId=held["VersionId"], BypassGovernanceRetention=True)
    assert await locked.problems("local/web1") == ()

    client.delete_object(Bucket=bucket, Key=last)
    client.put_object(Bucket=bucket, Key=last.replace("web1", "web2"), Body=b"{}")
    assert await locked.problems("local/web1") == ("local/web1: audit/local/web1/00000002.json was removed",)
    assert "local/web2: audit/local/web2/00000002.json was overwritten" in await locked.problems("local/web2")


async def test_a_trail_that_was_removed_whole_is_still_known(locked):
    """Whoever hides all entries of a stack does not hide that there were any."""
    await locked.add("local/web1", "asker", "did")
    locked.store.client.delete_object(Bucket=locked.store.bucket, Key="one/audit/local/web1/00000001.json")
    assert await locked.subjects() == ("local/web1",)
    assert await locked.problems("local/web1")


async def test_only_the_trail_is_locked(locked):
    """Runs, plans and logs can be removed when their time is over."""
    await locked.store.create("runs/1.json", b"{}")
    assert "ObjectLockMode" not in locked.store.client.head_object(Bucket=locked.store.bucket, Key="one/runs/1.json")
