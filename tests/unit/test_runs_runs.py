"""What follows when a job is delivered, again, or after its worker died."""

import asyncio
from datetime import timedelta

import pytest

from workers.core.errors import StoreError
from workers.core.job import BpmnErrorCode, Done, Failed, HandedBack, Job, Refused, Stuck
from workers.core.records import RunState
from workers.runs.runs import Begun, Interrupted, Known, Runs
from workers.runs.store import DirectoryStore

JOB = Job(
    key=7,
    type="terraform.x.apply",
    process_instance=1,
    element_instance=2,
    element="Task_Apply",
    process="TerraformChange",
    process_version=1,
    retries=3,
)


@pytest.fixture
def runs(tmp_path):
    return Runs(DirectoryStore(tmp_path / "store"), tmp_path / "locks", "tester")


async def begun(runs, job=JOB):
    result = await runs.begin(job, "local/web1", {})
    assert isinstance(result, Begun)
    return Begun(await runs.start(result.run), result.lock)


async def test_a_finished_run_answers_a_second_delivery_with_its_result(runs):
    """Work whose completion got lost is not done again."""
    first = await begun(runs)
    await runs.finish(first.run, Done({"applied": {"run": "7-1"}}))
    first.lock.free()
    again = await runs.begin(JOB, "local/web1", {})
    assert isinstance(again, Known)
    assert again.outcome == Done({"applied": {"run": "7-1"}})


async def test_a_refused_run_answers_a_second_delivery_with_the_same_error(runs):
    """A BPMN error whose report got lost is reported again as it was."""
    first = await begun(runs)
    outcome = Refused(BpmnErrorCode.APPLY_FAILED, "no", {"failure": {"code": "APPLY_FAILED"}})
    await runs.finish(first.run, outcome)
    first.lock.free()
    again = await runs.begin(JOB, "local/web1", {})
    assert isinstance(again, Known)
    assert again.outcome == outcome


async def test_a_run_whose_tool_still_lives_is_not_started_twice(runs):
    """While the lock is held, a second delivery is handed back with its retries."""
    first = await begun(runs)
    again = await runs.begin(JOB, "local/web1", {})
    assert isinstance(again, Known)
    assert isinstance(again.outcome, HandedBack)
    assert "7-1" in again.outcome.message
    first.lock.free()


async def test_a_run_whose_worker_died_is_marked_and_told(runs):
    """A record without an end and without a holder means an interruption, also when it is asked twice."""
    (await begun(runs)).lock.free()
    for _ in range(2):
        again = await runs.begin(JOB, "local/web1", {})
        assert isinstance(again, Interrupted)
        await runs.interrupt(again.run)
    assert (await runs.find("7-1")).state is RunState.INTERRUPTED


async def test_what_a_person_has_ended_is_not_ended_otherwise_by_its_worker(runs):
    """The record that a person made of a run stays; the worker that comes with its own end is told."""
    first = await begun(runs)
    await runs.interrupt(first.run)
    with pytest.raises(StoreError, match="7-1 is interrupted and cannot become finished"):
        await runs.finish(first.run, Done({}))
    assert (await runs.find("7-1")).state is RunState.INTERRUPTED
    first.lock.free()


async def test_two_who_end_one_run_at_once_do_not_both_succeed(runs):
    """One end is kept, the other is refused."""
    first = await begun(runs)
    outcomes = (Done({}), Failed("no route"))
    ends = await asyncio.gather(*(runs.finish(first.run, o) for o in outcomes), return_exceptions=True)
    assert sorted(isinstance(end, StoreError) for end in ends) == [False, True]
    first.lock.free()


async def test_deliveries_that_end_in_a_dead_worker_are_counted(runs):
    """The engine does not count time-outs, so the record does."""
    (await begun(runs)).lock.free()
    for expected in (2, 3):
        interrupted = await runs.begin(JOB, "local/web1", {})
        next_one = await runs.begin_again(JOB, interrupted.run)
        assert next_one.run.deliveries == expected
        next_one.lock.free()


async def test_a_reported_failure_makes_room_for_a_new_attempt(runs):
    """After the engine has taken a failure, the next delivery is a new attempt."""
    first = await begun(runs)
    await runs.finish(first.run, Failed("no route", timedelta(seconds=1)))
    first.lock.free()
    await runs.mark_reported(JOB.key)
    assert (await begun(runs)).run.attempt == 2


async def test_a_resolved_incident_is_a_new_attempt(runs):
    """Resolving an incident is a person's decision; the recorded reason is not repeated."""
    first = await begun(runs)
    await runs.finish(first.run, Stuck("tofu is not there"))
    first.lock.free()
    await runs.mark_reported(JOB.key)
    assert (await begun(runs)).run.id == "7-2"


async def test_an_unreported_incident_is_raised_again(runs):
    """Where the report got lost, the same incident is raised."""
    first = await begun(runs)
    await runs.finish(first.run, Stuck("tofu is not there"))
    first.lock.free()
    again = await runs.begin(JOB, "local/web1", {})
    assert again.outcome == Stuck("tofu is not there")


async def test_runs_are_listed_newest_first(runs):
    """`sluis runs` shows the last run at the top."""
    first = await begun(runs)
    first.lock.free()
    other = await begun(runs, Job(**{**JOB.__dict__, "key": 8}))
    other.lock.free()
    assert {r.id for r in await runs.all()} == {"7-1", "8-1"}
