"""How attempts are recorded, locked, repeated and reported."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers_kit import Lease, SharedDirectory, context, job
from workers.core.errors import BusyError, MissingToolError, ToolError
from workers.core.job import Abandoned, BpmnErrorCode, Done, Failed, HandedBack, Refused, Stuck
from workers.core.records import RunState, StackId, StackRecord
from workers.core.values import now
from workers.execution.errors import EndUnknownError, ToolInterruptedError
from workers.execution.kept import OUTPUT, KeptOutput
from workers.handlers.attempt import Recorded, lock_path
from workers.runs.locks import FileLock
from workers.runs.log import read_log
from workers.runs.records import encode
from workers.service.stacks import unlock

APPLY = BpmnErrorCode.APPLY_FAILED


@pytest.fixture
def ctx(tmp_path):
    return context(tmp_path)


def recorded(ctx, work, **more):
    return Recorded(ctx, work, APPLY, lambda _: ("local/web1",), **more)


def raising(error):
    async def work(attempt):
        raise error

    return work


async def well(attempt):
    attempt.log.say("half way")
    return Done({"applied": {"run": attempt.run.id}})


async def test_a_run_and_its_log_remain(ctx):
    """Afterwards the store tells what was done, when and with which result."""
    outcome = await recorded(ctx, well)(job("t"), Lease())
    run = await ctx.runs.find("1-1")
    assert outcome == Done({"applied": {"run": "1-1"}})
    assert (run.state, run.stack, run.outcome) == (RunState.FINISHED, "local/web1", "done")
    assert [event.text for event in await read_log(ctx.store, "1-1")] == ["t started", "half way", "t ended: done"]


async def test_the_same_delivery_does_no_work_twice(ctx):
    """The recorded result is given back."""
    done = []

    async def once(attempt):
        done.append(attempt)
        return Done({"n": len(done)})

    handler = recorded(ctx, once)
    assert await handler(job("t"), Lease()) == await handler(job("t"), Lease())
    assert len(done) == 1


async def test_a_busy_stack_is_handed_back_and_counts_as_no_attempt(ctx):
    """The other one's name is told, nothing was started, no run was recorded."""
    other = FileLock(lock_path(ctx, "local/web1"))
    other.take("run 9-1", "other-worker")
    outcome = await recorded(ctx, well)(job("t"), Lease())
    other.free()
    assert isinstance(outcome, HandedBack)
    assert "other-worker" in outcome.message
    assert await ctx.runs.all() == ()


@pytest.mark.parametrize(
    ("error", "repeatable", "retries", "kind"),
    [
        (ToolError("no route"), True, 3, Failed),
        (ToolError("no route"), True, 1, Refused),
        (ToolError("no route"), False, 3, Refused),
        (MissingToolError("no tofu"), True, 3, Stuck),
        (ToolInterruptedError("timed out", 130, killed=False, timed_out=True), False, 3, Refused),
    ],
)
async def test_each_kind_of_trouble_has_its_outcome(ctx, error, repeatable, retries, kind):
    """Transient: again. Known to the model: a BPMN error. Needs a person: an incident."""
    handler = recorded(ctx, raising(error), repeatable=repeatable)
    outcome = await handler(job("t").__class__(**{**job("t").__dict__, "retries": retries}), Lease())
    assert isinstance(outcome, kind)


async def test_a_bug_is_recorded_before_it_is_raised(ctx):
    """The run does not stay 'running' for ever when our own code breaks."""
    with pytest.raises(ZeroDivisionError):
        await recorded(ctx, raising(ZeroDivisionError("oh")))(job("t"), Lease())
    run = await ctx.runs.find("1-1")
    assert (run.state, "ZeroDivisionError" in run.message) == (RunState.FAILED, True)


async def test_a_cancelled_instance_ends_as_abandoned(ctx):
    """The tool was stopped because the engine no longer knows the job: nothing is reported."""
    lease = Lease()

    async def work(attempt):
        lease.lost.set()
        raise ToolInterruptedError("stopped", 130, killed=False, timed_out=False)

    outcome = await recorded(ctx, work)(job("t"), lease)
    assert isinstance(outcome, Abandoned)
    assert (await ctx.runs.find("1-1")).state is RunState.CANCELLED


async def test_a_killed_tool_leaves_the_state_unknown(ctx):
    """After SIGKILL nobody knows what was done; the record says so."""
    lease = Lease()

    async def work(attempt):
        lease.lost.set()
        raise ToolInterruptedError("killed", 130, killed=True, timed_out=False)

    await recorded(ctx, work)(job("t"), lease)
    assert (await ctx.runs.find("1-1")).state is RunState.STATE_UNKNOWN


async def test_an_interrupted_apply_is_told_to_the_model(ctx):
    """After the worker died in the middle, the model gets RUN_INTERRUPTED, and nothing is run."""
    await died(ctx)
    outcome = await recorded(ctx, well, repeatable=False)(job("t"), Lease())
    assert outcome.code is BpmnErrorCode.RUN_INTERRUPTED


async def test_an_apply_that_was_only_recorded_is_begun_again(ctx):
    """The worker died before the work began: nothing was done, so the next attempt does it, and the trail tells."""
    (await ctx.runs.begin(job("t"), "local/web1", {})).lock.free()
    outcome = await recorded(ctx, well, repeatable=False)(job("t"), Lease())
    assert outcome == Done({"applied": {"run": "1-2"}})
    assert (await ctx.runs.find("1-1")).state is RunState.INTERRUPTED
    assert [entry.details["run"] for entry in await ctx.audit.entries("local/web1")] == ["1-1"]


async def died(ctx, wrote=None):
    """A run whose worker died, and what its tool wrote."""
    begun = await ctx.runs.begin(job("t"), "local/web1", {})
    await ctx.runs.start(begun.run)
    begun.lock.free()
    if wrote is not None:
        (KeptOutput(ctx.data).keep("1-1") / OUTPUT).write_text(wrote)


async def test_what_a_dead_workers_tool_has_done_is_taken_over(ctx):
    """The tool came to its end: its result ends the same run, and what it wrote does not stay around."""
    await died(ctx, "the end")

    async def take_over(attempt):
        assert (attempt.kept / OUTPUT).read_text() == "the end"
        return Done({"n": 1})

    handler = recorded(ctx, raising(AssertionError("done again")), repeatable=False, take_over=take_over)
    assert await handler(job("t"), Lease()) == Done({"n": 1})
    (run,) = await ctx.runs.all()
    assert (run.id, run.state) == ("1-1", RunState.FINISHED)
    assert KeptOutput(ctx.data).find("1-1") is None


async def test_a_tool_that_did_not_say_how_it_ended_is_told_to_the_model(ctx):
    """What it wrote goes into the log, the run counts as interrupted, and the model decides."""
    await died(ctx, "half of it")
    handler = recorded(ctx, well, repeatable=False, take_over=raising(EndUnknownError("unknown")))
    outcome = await handler(job("t"), Lease())
    assert outcome.code is BpmnErrorCode.RUN_INTERRUPTED
    assert (await ctx.runs.find("1-1")).state is RunState.INTERRUPTED


async def test_without_anything_written_there_is_nothing_to_take_over(ctx):
    """A worker that died before its tool was started leaves an interrupted run."""
    await died(ctx)
    handler = recorded(ctx, well, repeatable=False, take_over=raising(AssertionError("called")))
    assert (await handler(job("t"), Lease())).code is BpmnErrorCode.RUN_INTERRUPTED
    assert (await ctx.runs.find("1-1")).state is RunState.INTERRUPTED


async def test_installations_on_one_machine_do_not_mix_what_they_keep(ctx, tmp_path):
    """Two engines number their jobs alike."""
    KeptOutput(tmp_path / "one").keep("1-1").joinpath(OUTPUT).write_text("x")
    assert KeptOutput(tmp_path / "two").find("1-1") is None
    KeptOutput(tmp_path / "two").drop("1-1")
    assert KeptOutput(tmp_path / "one").find("1-1") is not None
    KeptOutput(tmp_path / "one").drop("1-1")


async def test_an_interrupted_plan_is_made_again_until_it_killed_too_many_workers(ctx):
    """What may be repeated is repeated, and after the settled number of dead workers a person is asked."""
    begun = await ctx.runs.begin(job("t"), "local/web1", {})
    begun.lock.free()
    assert isinstance(await recorded(ctx, well)(job("t"), Lease()), Done)

    other = job("t", 2)
    begun = await ctx.runs.begin(other, "local/web1", {})
    begun.lock.free()
    for _ in range(2):
        interrupted = await ctx.runs.begin(other, "local/web1", {})
        (await ctx.runs.begin_again(other, interrupted.run)).lock.free()
    outcome = await recorded(ctx, well)(other, Lease())
    assert isinstance(outcome, Stuck)
    assert "died 3 times" in outcome.message


async def test_two_workers_on_one_stack_do_not_run_at_once(ctx):
    """Of two jobs for one stack, the second is handed back while the first runs."""
    gate = asyncio.Event()

    async def slow(attempt):
        await gate.wait()
        return Done()

    first = asyncio.create_task(recorded(ctx, slow)(job("t", 1), Lease()))
    await asyncio.sleep(0.05)
    second = await recorded(ctx, slow)(job("t", 2), Lease())
    gate.set()
    assert isinstance(second, HandedBack)
    assert isinstance(await first, Done)


@pytest.fixture
def machines(tmp_path):
    """Two machines with a project and file locks of their own, and one store."""
    store = SharedDirectory(tmp_path / "store")

    def machine(name):
        alone = context(tmp_path / name)
        runs = replace(alone.runs, store=store, worker=f"worker-{name}")
        return replace(alone, store=store, runs=runs)

    return machine("one"), machine("two")


async def test_another_machine_that_works_on_the_stack_is_waited_for(machines):
    """While one machine works the other hands its job back, without a run of its own; afterwards it gets to work."""
    one, two = machines
    seen = []

    async def meanwhile(attempt):
        seen.append(await recorded(two, well)(job("t", 2), Lease()))
        return Done({})

    assert isinstance(await recorded(one, meanwhile)(job("t", 1), Lease()), Done)
    assert isinstance(seen[0], HandedBack)
    assert "worker-one" in seen[0].message
    assert await two.runs.latest(2) is None
    assert isinstance(await recorded(two, well)(job("t", 2), Lease()), Done)


async def test_a_machine_that_is_silent_for_long_needs_a_person(machines):
    """Its lock is never taken: an incident names it and the command, and after `sluis stack unlock` work goes on."""
    one, two = machines
    stack = StackId(environment="local", name="web1")
    await two.stacks.save(StackRecord(id=stack, module="box", module_digest="0" * 64, updated=now()))
    async with one.shared_locks.hold(("local/web1",), "job 1"):
        lock = await two.shared_locks.find("local/web1")
        with pytest.raises(BusyError, match="alive"):
            await unlock(two, stack, "ann")
        silent = lock.model_copy(update={"renewed": now() - timedelta(hours=1)})
        await two.store.write("locks/local/web1", encode(silent))
        outcome = await recorded(two, well)(job("t", 2), Lease())
        assert isinstance(outcome, Stuck)
        assert "sluis stack unlock local/web1" in outcome.message
        assert "worker-one" in (await unlock(two, stack, "ann"))[0]
        assert isinstance(await recorded(two, well)(job("t", 2), Lease()), Done)
