"""What the worker stands on breaks: the broker, the search store, the disk. Minutes long."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from cases import ANSIBLE, Case
from engine_thread import EngineThread
from judging import judge
from scene import Scene, until
from workers.core.records import RunState
from workers.runs.locks import is_held

pytestmark = [pytest.mark.engine, pytest.mark.tofu, pytest.mark.slow]

UNREACHABLE_SECONDS = 120


def at_every_wait(fault: str) -> list[Case]:
    """Changes at work in plan, apply and Ansible, and one that people decide on."""
    return [
        Case("away-plan", f"{fault}: plan", "plan"),
        Case("away-review", f"{fault}: while people decide", "review"),
        Case("away-apply", f"{fault}: apply", "apply"),
        Case("away-check", f"{fault}: check of a role", "check", ANSIBLE),
        Case("away-run", f"{fault}: role", "run", ANSIBLE),
    ]


async def test_a_broker_that_is_killed_and_started_again_finds_the_work_done(
    stage: Scene, engine: EngineThread | None
) -> None:
    """Tools end while there is no broker; their outcomes reach it when it is back, and each change was made once."""
    if engine is None:
        pytest.skip("the engine is not ours to kill")
    stage.prepare(at_every_wait("broker killed"))
    stage.start_worker()
    for case in stage.cases:
        await stage.start(case)
    await stage.reach()
    engine.program("camunda").kill()
    stage.open(stage.cases)
    await asyncio.to_thread(engine.restart)
    await stage.finish()
    await judge(stage)


@pytest.mark.parametrize("program", ["camunda", "opensearch"])
async def test_a_part_of_the_engine_that_stands_still_for_two_minutes_costs_time_only(
    stage: Scene, engine: EngineThread | None, program: str
) -> None:
    """Longer than any lease, nobody answers; then every change comes to its end, made once."""
    if engine is None:
        pytest.skip("the engine is not ours to stop")
    names = {"camunda": "broker unreachable for two minutes", "opensearch": "search store down for two minutes"}
    stage.prepare(at_every_wait(names[program]))
    stage.start_worker()
    for case in stage.cases:
        await stage.start(case)
    await stage.reach()
    process = engine.program(program)
    process.suspend()
    try:
        stage.open(stage.cases)
        await asyncio.sleep(UNREACHABLE_SECONDS)
    finally:
        process.resume()
    await stage.finish()
    await judge(stage)


async def test_a_full_disk_stops_work_and_a_person_lets_it_go_on(stage: Scene) -> None:
    """Where the store has no room, jobs wait as incidents with the reason; with room again they end, made once."""
    cases = [
        Case("full-plan", "disk full: plan", "plan"),
        Case("full-apply", "disk full: apply", "apply"),
        Case("full-run", "disk full: role", "run", ANSIBLE),
    ]
    with small_disk(stage.project.data):
        assert stage.project.cli("deploy").returncode == 0
        stage.prepare(cases)
        stage.start_worker()
        for case in cases:
            await stage.start(case)
        await stage.reach()
        ballast = fill(stage.project.data)
        stage.open(cases)
        for case in cases:
            await until(partial(stage.incidents, case), f"{case.name} has an incident")
            assert "no space left" in str(await stage.incidents(case)).lower()
        ballast.unlink()
        for case in cases:
            await stage.resolve(case)
        await stage.finish()
        await judge(stage)
        await asyncio.to_thread(stage.project.worker.stop)


async def test_a_state_without_room_is_not_lost_with_its_worker(stage: Scene) -> None:
    """The worker is dead and the disk full when tofu ends: the state is put back, and nothing is made twice."""
    case = Case("full-orphan", "worker killed, then disk full: apply", "apply")
    with small_disk(stage.project.data):
        assert stage.project.cli("deploy").returncode == 0
        stage.prepare([case])
        stage.start_worker()
        await stage.start(case)
        await stage.reach()
        lock = stage.project.data / "locks" / "runs" / (await stage.runs(case))[-1].id
        stage.project.worker.kill()
        ballast = fill(stage.project.data)
        stage.open([case])
        await until(lambda: not is_held(lock), "tofu has ended")
        ballast.unlink()
        stage.start_worker()
        await stage.finish()
        await judge(stage)
        await asyncio.to_thread(stage.project.worker.stop)


async def test_a_failure_that_is_repaired_goes_on_where_it_stood(stage: Scene) -> None:
    """A module that nobody can read makes an incident; repaired and resolved, the change is made once."""
    case = Case("repaired", "incident resolved: plan", "")
    module = stage.project.folder / "terraform" / "modules" / "chaos_probe" / "main.tf"
    stage.prepare([case])
    stage.start_worker()
    whole = module.read_text()
    module.write_text(whole + "\nresource {")
    await stage.start(case)
    await until(partial(stage.incidents, case), "there is an incident")
    module.write_text(whole)
    await stage.resolve(case)
    await stage.finish()
    await judge(stage)


async def test_an_apply_that_a_person_lets_go_on_applies_the_plan_that_was_approved(stage: Scene) -> None:
    """A damaged record makes an incident; repaired and resolved, a new attempt applies without another approval."""
    case = Case("resumed", "incident resolved: apply", "review", approvals=1)
    stage.prepare([case])
    stage.start_worker()
    await stage.start(case)
    await stage.reach()
    plans = (stage.project.data / "store" / "plans").glob("*/plan.json")
    record = next(path for path in plans if str(stage.gate(case)) in path.read_text())
    whole = record.read_bytes()
    record.write_bytes(b"torn")
    await stage.approve({case.instance})
    await until(partial(stage.incidents, case), "there is an incident")
    record.write_bytes(whole)
    await stage.resolve(case)
    await stage.finish()
    await judge(stage)
    attempts = [run.state for run in await stage.runs(case) if run.job_type.endswith(".apply")]
    assert attempts == [RunState.FAILED, RunState.FINISHED]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 48 MB over a folder."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("a small disk takes root and mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk; gives back the file to remove."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            return ballast
