"""The life of runs: whatever deliveries, deaths and reports come in whatever order, nothing is done twice unseen."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from workers.core.job import Abandoned, BpmnErrorCode, Done, Failed, Job, Refused, Stuck
from workers.core.records import RunState
from workers.runs.runs import Begun, Interrupted, Known, Runs
from workers.runs.store import DirectoryStore

outcomes = st.sampled_from([
    Done({"applied": {"run": "x"}}),
    Refused(BpmnErrorCode.APPLY_FAILED, "no", {"failure": {}}),
    Failed("later"),
    Stuck("a person, please"),
    Abandoned("cancelled"),
])  # fmt: skip
FINAL = (Done, Refused, Stuck)
JOB = Job(7, "terraform.m.apply", 1, 2, "Task", "P", 1, 3)


class LifeOfRuns(RuleBasedStateMachine):
    """One job of one engine: it is delivered, worked on, reported, and its workers die."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runs = Runs(DirectoryStore(self.folder / "store"), self.folder / "locks", "test")
        self.at_work: Begun | None = None
        self.unreported: object = None
        self.begun: list[str] = []
        self.ended: dict[str, RunState] = {}

    def teardown(self) -> None:
        if self.at_work:
            self.at_work.lock.free()
        shutil.rmtree(self.folder)

    @rule()
    def delivered(self) -> None:
        """The engine delivers the job, whoever may be at work on it."""
        found = asyncio.run(self.runs.begin(JOB, "local/one", {}))
        if self.at_work:
            assert isinstance(found, Known), "started beside a living worker"
        elif isinstance(found, Known):
            assert self.unreported is not None, "nothing is known and nothing was begun"
            assert found.outcome == self.unreported
        elif isinstance(found, Begun):
            assert not isinstance(self.unreported, FINAL), "done again although its outcome was kept"
            self._begins(found)

    @precondition(lambda self: not self.at_work)
    @rule()
    def delivered_and_repeated(self) -> None:
        """The engine delivers the job, and work that may be repeated is begun again after an interruption."""
        found = asyncio.run(self.runs.begin(JOB, "local/one", {}))
        if isinstance(found, Interrupted):
            again = asyncio.run(self.runs.begin_again(JOB, found.run))
            assert isinstance(again, Begun)
            assert again.run.deliveries > found.run.deliveries
            self._begins(again)
        elif isinstance(found, Begun):
            self._begins(found)

    @precondition(lambda self: self.at_work and self.at_work.run.state is RunState.CREATED)
    @rule()
    def starts(self) -> None:
        """The work of the attempt begins."""
        self.at_work = Begun(asyncio.run(self.runs.start(self.at_work.run)), self.at_work.lock)

    @precondition(lambda self: self.at_work and self.at_work.run.state is RunState.RUNNING)
    @rule(outcome=outcomes)
    def ends(self, outcome) -> None:
        """The work ends and its outcome is kept."""
        self.ended[self.at_work.run.id] = asyncio.run(self.runs.finish(self.at_work.run, outcome)).state
        self.at_work.lock.free()
        self.at_work, self.unreported = None, outcome

    @precondition(lambda self: self.at_work)
    @rule()
    def dies(self) -> None:
        """The worker dies with its tool, and keeps nothing."""
        self.at_work.lock.free()
        self.at_work, self.unreported = None, None

    @precondition(lambda self: self.unreported is not None)
    @rule()
    def reported(self) -> None:
        """The engine takes the outcome."""
        asyncio.run(self.runs.mark_reported(JOB.key))
        self.unreported = None

    @invariant()
    def every_run_is_on_record(self) -> None:
        """Each attempt has a record of its own, numbered in the order of their beginnings."""
        kept = {run.id for run in asyncio.run(self.runs.all())}
        assert set(self.begun) <= kept
        assert self.begun == [f"7-{n}" for n in range(1, len(self.begun) + 1)]

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        """No later delivery changes how an attempt ended."""
        for run, state in self.ended.items():
            assert asyncio.run(self.runs.find(run)).state is state

    def _begins(self, found: Begun) -> None:
        assert not self.at_work
        self.begun.append(found.run.id)
        self.at_work, self.unreported = found, None


LifeOfRuns.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class TestLifeOfRuns(LifeOfRuns.TestCase):
    """Hypothesis tells the story."""

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        """Whatever happens in whatever order, a kept outcome is never worked for again and no two work at once."""
        super().runTest()
