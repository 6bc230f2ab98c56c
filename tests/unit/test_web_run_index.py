"""The lines that lists of runs are made of."""

from __future__ import annotations

import sys
from pathlib import Path

from web_kit import RUN, SUMMARY, installation, save_run
from workers.core.records import RunState


async def test_a_line_says_what_a_list_shows_and_follows_the_run(tmp_path: Path):
    """The summary of a plan, and the newest state of a run that has not ended yet."""
    sluis = await installation(tmp_path)
    await save_run(sluis.assembly, "300-1", "local/web1", RunState.RUNNING, inputs={"big": "x" * 100_000})
    index = sluis.site.index
    running, plan = [next(line for line in await index.all() if line.id == run) for run in ("300-1", RUN)]
    assert (plan.summary, plan.settled) == (SUMMARY, True)
    assert (running.summary, running.state, running.settled) == ("", RunState.RUNNING, False)
    assert await index.busy_stacks() == 1
    await save_run(sluis.assembly, "300-1", "local/web1", RunState.FAILED, message="It broke.")
    index._looked = 0.0
    ended = next(line for line in await index.all() if line.id == "300-1")
    assert (ended.state, ended.message, ended.settled) == (RunState.FAILED, "It broke.", True)


async def test_many_runs_do_not_fill_the_memory(tmp_path: Path):
    """What stays of a run is its line: under a kilobyte, whatever its inputs and its result are."""
    sluis = await installation(tmp_path)
    await save_run(sluis.assembly, "300-1", "local/web1", inputs={"big": "x" * 100_000}, result={"more": ["y"] * 1000})
    line = next(line for line in await sluis.site.index.all() if line.id == "300-1")
    kept = [getattr(line, name) for name in line.__slots__]
    assert sys.getsizeof(line) + sum(sys.getsizeof(value) for value in kept) < 1024
