"""The directory store keeps what it was given, whole, and lets exactly one caller create a key."""

import asyncio

import pytest

from workers.core.errors import StoreError
from workers.runs.store import DirectoryStore


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "store")


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


async def test_files_are_for_the_owner_only(store):
    """Plans may hold secrets, so neither files nor folders are readable by others."""
    await store.write("plans/a/file", b"x")
    await store.append("runs/1/log.jsonl", b"x")
    modes = {oct(p.stat().st_mode & 0o077) for p in store.root.rglob("*")}
    assert modes == {"0o0"}


async def test_a_store_that_cannot_be_written_says_where_and_why(tmp_path):
    """The error names the path and the reason, not a stack trace."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot use .*file"):
        await DirectoryStore(tmp_path / "file").write("a", b"x")
