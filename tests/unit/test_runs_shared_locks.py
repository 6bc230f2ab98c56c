# ruff: noqa: ASYNC110 - what is waited for is in a file
"""One change per stack at a time, also between machines that share nothing but the store."""

import asyncio
from datetime import timedelta

import pytest

from handlers_kit import SharedDirectory
from workers.core.values import now
from workers.runs.records import encode
from workers.runs.shared_locks import SharedLocks
from workers.runs.store import DirectoryStore

QUICKLY = timedelta(milliseconds=10)


@pytest.fixture
def store(tmp_path):
    return SharedDirectory(tmp_path / "store")


def machine(store, tmp_path, name, **more):
    return SharedLocks(store, tmp_path / name, f"worker-{name}", **more)


async def test_another_machine_finds_it_busy_until_it_is_free(store, tmp_path):
    """The second machine is told who holds the stack; afterwards it gets it."""
    one, two = machine(store, tmp_path, "one"), machine(store, tmp_path, "two")
    async with one.hold(("local/web1",), "job 1") as held:
        assert held.busy is None
        async with two.hold(("local/web1",), "job 2") as other:
            assert "job 1 of worker worker-one" in str(other.busy)
        async with two.hold(("local/web2",), "job 2") as other:
            assert other.busy is None
    async with two.hold(("local/web1",), "job 2") as other:
        assert other.busy is None
    assert await one.find("local/web1") is None


async def test_of_many_machines_exactly_one_gets_it(store, tmp_path):
    """Twenty machines that ask at the same moment."""

    async def ask(number):
        async with machine(store, tmp_path, f"m{number}").hold(("local/web1",), f"job {number}") as hold:
            await asyncio.sleep(0.3)
            return hold.busy is None

    assert (await asyncio.gather(*(ask(number) for number in range(20)))).count(True) == 1


async def test_a_lock_of_a_dead_worker_is_taken_over_on_its_own_machine_only(store, tmp_path):
    """There the file lock, which the caller holds, proves that nobody lives; elsewhere nothing does, however old."""
    one, two = machine(store, tmp_path, "one"), machine(store, tmp_path, "two")
    async with one.hold(("local/web1",), "job 1"):
        dead = await one.find("local/web1")
    old = dead.model_copy(update={"renewed": now() - timedelta(days=9)})
    await store.write("locks/local/web1", encode(old))
    async with two.hold(("local/web1",), "job 2") as hold:
        assert hold.busy == old
        assert not hold.busy.fresh
    async with machine(store, tmp_path, "one").hold(("local/web1",), "job 3") as hold:
        assert hold.busy is None


async def test_a_held_lock_is_renewed(store, tmp_path):
    """Others see that the holder is alive."""
    one = machine(store, tmp_path, "one", renew_every=QUICKLY)
    async with one.hold(("local/web1",), "job 1"), asyncio.timeout(10):
        first = await one.find("local/web1")
        while (await one.find("local/web1")).renewed == first.renewed:
            await asyncio.sleep(0.005)
    assert await one.find("local/web1") is None


async def test_a_lock_that_a_person_took_away_stops_its_holder(store, tmp_path):
    """The holder learns of it at the next renewal, and does not free what is somebody else's by then."""
    one, two = machine(store, tmp_path, "one", renew_every=QUICKLY), machine(store, tmp_path, "two")
    async with one.hold(("local/web1",), "job 1") as hold, asyncio.timeout(10):
        while not await two.clear(await two.find("local/web1")):
            pass
        async with two.hold(("local/web1",), "job 2") as other:
            assert other.busy is None
            await hold.lost.wait()
    assert await two.find("local/web1") is None


async def test_a_store_of_one_machine_keeps_no_locks(tmp_path):
    """There file locks say it all."""
    store = DirectoryStore(tmp_path / "store")
    async with machine(store, tmp_path, "one").hold(("local/web1",), "job 1") as hold:
        assert hold.busy is None
        assert await store.keys("") == ()
