"""Every store keeps what it was given, whole, and lets exactly one caller create a key."""

import asyncio
import uuid

import pytest

from aws_server import aws_server, use_aws
from workers.core.errors import SettingError, StoreError
from workers.runs.s3 import S3Store, open_s3
from workers.runs.store import DirectoryStore


@pytest.fixture(scope="module")
def s3_address():
    with aws_server() as address:
        yield address


@pytest.fixture
def s3(s3_address, monkeypatch):
    use_aws(monkeypatch, s3_address, "S3", "eu-west-1")
    bucket = f"runs-{uuid.uuid4().hex}"
    store = open_s3(f"s3://{bucket}/one/two", kms_key="alias/runs")
    store.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return store


@pytest.fixture(params=["directory", "s3"])
def store(request, tmp_path):
    return DirectoryStore(tmp_path / "store") if request.param == "directory" else request.getfixturevalue("s3")


async def test_a_written_object_is_read_back_and_replaced_whole(store):
    """Writing twice leaves the second content only."""
    await store.write("plans/a/file", b"first, and longer")
    await store.write("plans/a/file", b"second")
    assert await store.read("plans/a/file") == b"second"


async def test_an_absent_object_reads_as_none(store):
    """Nothing is there until something was written; a folder is no object."""
    await store.write("a/b", b"")
    assert await store.read("a/c") is None
    assert await store.read("a") is None
    assert await store.read("a/b/c") is None


async def test_the_end_of_a_log_is_read_from_any_byte_before_and_after_it_is_sealed(store):
    """From every offset comes what a slice of the whole gives, and nothing from beyond the end or of an absent log."""
    for part in (b"one\n", b"three\n", b"five\n"):
        await store.append("logs/run", part)
    for _ in range(2):
        whole = await store.read("logs/run")
        assert [await store.read_from("logs/run", n) for n in range(18)] == [whole[n:] for n in range(18)]
        some = [(n, most) for n in (0, 3, 4, 9, 14, 20) for most in (0, 1, 5, 50)]
        assert [await store.read_from("logs/run", *one) for one in some] == [whole[n : n + most] for n, most in some]
        assert await store.size("logs/run") == len(whole)
        await store.seal("logs/run")
    assert await store.read_from("logs/absent", 0) == b""
    assert await store.size("logs/absent") == 0


async def test_one_level_of_keys_is_listed_without_what_is_below(store):
    """The runs are found by the folders that they have, without their logs and plans."""
    for key in ("runs/1-1/run.json", "runs/1-1/log.jsonl", "runs/2-1/run.json", "runs.txt", "other/3-1/x"):
        await store.write(key, b"x")
    assert await store.children("runs") == ("1-1", "2-1")
    assert await store.children("absent") == ()


async def test_exactly_one_of_many_creators_wins(store):
    """Creation is what makes a plan usable once and an approval recorded once."""
    wins = await asyncio.gather(*(store.create("used", str(n).encode()) for n in range(20)))
    assert wins.count(True) == 1
    assert await store.read("used") == str(wins.index(True)).encode()


async def test_replace_refuses_when_somebody_was_faster(store):
    """A conditional replacement keeps the other writer's content."""
    assert await store.replace("k", None, b"1")
    assert not await store.replace("k", None, b"2")
    assert await store.replace("k", b"1", b"3")
    assert await store.read("k") == b"3"


async def test_of_many_conditional_replacements_none_is_lost(store):
    """Twenty writers that count up by compare-and-replace reach twenty."""
    await store.write("n", b"0")

    async def count_up():
        while True:
            old = await store.read("n")
            if await store.replace("n", old, str(int(old) + 1).encode()):
                return

    await asyncio.gather(*(count_up() for _ in range(20)))
    assert await store.read("n") == b"20"


async def test_keys_are_listed_below_a_prefix_without_temporary_files(store):
    """Listing shows objects only, sorted, and none of the store's own bookkeeping."""
    for key in ("runs/2/run.json", "runs/1/run.json", "other"):
        await store.write(key, b"x")
    await store.replace("runs/1/run.json", b"x", b"y")
    assert await store.keys("runs") == ("runs/1/run.json", "runs/2/run.json")
    assert await store.keys("") == ("other", "runs/1/run.json", "runs/2/run.json")


@pytest.mark.parametrize("key", ["", "../x", "/etc/passwd", "a/../b", "a//b", ".locks/x", "a/.hidden", "a b"])
async def test_a_key_cannot_leave_the_store(store, key):
    """Keys are checked before they become paths."""
    with pytest.raises(StoreError, match="not a key"):
        await store.write(key, b"x")


async def test_a_log_grows_in_order_before_and_after_it_is_sealed(store):
    """What is appended is read back in the order of the calls, as one object among the keys."""
    for number in range(12):
        await store.append("runs/1/log.jsonl", f"{number}\n".encode())
    expected = "".join(f"{number}\n" for number in range(12)).encode()
    assert await store.read("runs/1/log.jsonl") == expected
    assert await store.keys("runs") == ("runs/1/log.jsonl",)
    await store.seal("runs/1/log.jsonl")
    await store.seal("runs/2/log.jsonl")
    assert await store.read("runs/1/log.jsonl") == expected
    assert await store.keys("") == ("runs/1/log.jsonl",)


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(store):
    """Deletion is for locks and the like; records are never deleted."""
    await store.write("a", b"x")
    await store.delete("a")
    await store.delete("a")
    assert await store.read("a") is None
    assert not await store.replace("a", b"x", b"y")
    assert await store.create("a", b"z")


async def test_a_prefix_is_a_whole_part_of_a_key(store):
    """Stack ``web1`` is not listed under ``web``."""
    await store.write("stacks/web1.json", b"1")
    await store.write("stacks/web/x.json", b"1")
    assert await store.keys("stacks/web") == ("stacks/web/x.json",)


async def test_objects_in_s3_are_encrypted_with_the_key_that_was_asked_for(s3):
    """Every way of writing asks S3 for KMS encryption."""
    await s3.write("a", b"x")
    await s3.create("b", b"x")
    await s3.replace("a", b"x", b"y")
    await s3.append("c", b"x")
    for name in [item["Key"] for item in s3.client.list_objects_v2(Bucket=s3.bucket)["Contents"]]:
        head = s3.client.head_object(Bucket=s3.bucket, Key=name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/runs")


async def test_a_bucket_that_is_not_there_is_named(s3):
    """The error names the bucket and the setting, not a stack trace of the library."""
    elsewhere = S3Store(s3.client, "no-such-bucket")
    with pytest.raises(StoreError, match="no-such-bucket") as error:
        await elsewhere.write("a", b"x")
    assert "SLUIS_STORE" in error.value.hint


@pytest.mark.parametrize("address", ["s3://", "s3:bucket", "https://bucket", "bucket", "s3://b/x?y=1"])
def test_what_is_no_address_is_refused(address):
    """A mistyped address is a wrong setting, told at the start."""
    with pytest.raises(SettingError, match="SLUIS_STORE"):
        open_s3(address)


async def test_files_are_for_the_owner_only(tmp_path):
    """Plans may hold secrets, so neither files nor folders are readable by others."""
    store = DirectoryStore(tmp_path / "store")
    await store.write("plans/a/file", b"x")
    await store.append("runs/1/log.jsonl", b"x")
    modes = {oct(p.stat().st_mode & 0o077) for p in store.root.rglob("*")}
    assert modes == {"0o0"}


async def test_a_store_that_cannot_be_written_says_where_and_why(tmp_path):
    """The error names the path and the reason, not a stack trace."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot use .*file"):
        await DirectoryStore(tmp_path / "file").write("a", b"x")
