"""The audit trail shows edits and gaps."""

import asyncio
import json

import pytest

from workers.runs.audit import Audit
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
