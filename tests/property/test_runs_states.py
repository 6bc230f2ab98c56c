"""The states of a run: created, running, then one of five ends. Nothing else is ever on record."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.core.errors import StoreError
from workers.core.job import Done, Job
from workers.core.records import Run, RunState
from workers.runs.runs import Begun, Runs
from workers.runs.store import DirectoryStore

ENDS = ("finished", "failed", "interrupted", "cancelled", "state-unknown")
ALLOWED = {("created", "running"), ("created", "interrupted")} | {("running", end) for end in ENDS}
JOB = Job(7, "terraform.m.apply", 1, 2, "Task", "P", 1, 3)
Move = Callable[[Runs, Run], Awaitable[object]]


def move_to(state: RunState) -> Move:
    """What brings a run into a state; nothing brings it back to ``created``."""

    async def start(runs: Runs, run: Run) -> object:
        return await runs.start(run)

    async def finish(runs: Runs, run: Run) -> object:
        return await runs.finish(run, Done({}), state)

    return start if state is RunState.RUNNING else finish


@given(st.sampled_from(RunState), st.sampled_from(RunState))
def test_the_table_allows_what_the_life_of_a_run_has_and_no_more(before: RunState, after: RunState) -> None:
    """For every pair of states, the table agrees with the list that people read; what has ended has no successor."""
    assert before.may_become(after) == ((before.value, after.value) in ALLOWED)
    assert before.ended == (before.value in ENDS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([s for s in RunState if s is not RunState.CREATED]), st.booleans())))
def test_whatever_is_asked_for_the_record_only_moves_along_the_table(asked: list[tuple[RunState, bool]]) -> None:
    """Any sequence of changes, also from stale knowledge: each is made as the table says or refused without a trace."""

    async def scenario(folder: Path) -> None:
        runs = Runs(DirectoryStore(folder / "store"), folder / "locks", "test")
        begun = await runs.begin(JOB, "local/one", {})
        assert isinstance(begun, Begun)
        begun.lock.free()
        for state, from_stale in asked:
            before = await runs.find(begun.run.id)
            assert before is not None
            allowed = (before.state.value, state.value) in ALLOWED
            assert await changes(runs, begun.run if from_stale else before, state) == allowed
            after = await runs.find(begun.run.id)
            assert after is not None
            assert after.state is state if allowed else after == before

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


async def changes(runs: Runs, run: Run, state: RunState) -> bool:
    """Ask for a change; whether it was made."""
    try:
        await move_to(state)(runs, run)
    except StoreError:
        return False
    return True
