"""The supervisor, with small real programs in the place of the large ones: nothing outlives who started it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from workers.engine.embedded import supervisor as module

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
ORDERLY = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("flushed", flush=True)))
print("up", flush=True)
time.sleep(60)
"""


class Supervised:
    """A running supervisor with its programs, of which those named are started, or all."""

    def __init__(self, folder: Path, *started: str, **programs: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.write_text("")
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", module.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.tell(
            json.dumps({"programs": [self._program(*item) for item in programs.items()], "remove": [str(self.state)]})
        )
        self.pids: dict[str, int] = {}
        for name in started or programs:
            self.tell("next")
            event = self.event()
            self.pids[event["name"]] = event["pid"]
            until(lambda name=name: "up" in self.output(name))

    def _program(self, name: str, code: str) -> dict[str, Any]:
        output = str(self.folder / name)
        argv = [sys.executable, "-c", code]
        nice = 5 if name == "orderly" else 0
        fixed = {"env": {}, "cwd": str(self.folder), "output": output, "grace": 1.0}
        return {"name": name, "argv": argv, "nice": nice, **fixed}

    def tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def event(self) -> dict[str, Any]:
        assert self.process.stdout
        event: dict[str, Any] = json.loads(self.process.stdout.readline())
        return event

    def says(self, within: float) -> bool:
        """Whether an event comes in that many seconds."""
        assert self.process.stdout
        return bool(select.select([self.process.stdout], [], [], within)[0])

    def end(self) -> None:
        """Let the pipe end, and wait for all of it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def output(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def gone(self) -> bool:
        return not any(alive(pid) for pid in [self.process.pid, *self.pids.values()])


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    """A supervisor of one program that stops in an orderly way and one that does not."""
    running = Supervised(tmp_path, orderly=ORDERLY, stubborn=STUBBORN)
    yield running
    for pid in [running.process.pid, *running.pids.values()]:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    running.process.wait()
    for pipe in (running.process.stdin, running.process.stdout):
        assert pipe
        pipe.close()


def test_programs_end_with_the_pipe(supervised: Supervised) -> None:
    """When the parent's pipe ends, programs get SIGTERM and time to flush, and whoever ignores that SIGKILL."""
    assert supervised.process.stdin
    supervised.process.stdin.close()
    until(supervised.gone)
    assert "flushed" in supervised.output("orderly")
    assert not supervised.state.exists()


def test_programs_start_when_they_are_asked_for(tmp_path: Path) -> None:
    """No program starts before the word for it; two words in one breath start two, in order."""
    running = Supervised(tmp_path, "orderly", orderly=ORDERLY, stubborn=STUBBORN, more=ORDERLY)
    try:
        assert list(running.pids) == ["orderly"]
        assert not running.says(within=0.7)
        running.tell("next\nnext")
        assert [running.event()["name"], running.event()["name"]] == ["stubborn", "more"]
    finally:
        running.end()


def test_the_last_program_is_stopped_first(supervised: Supervised) -> None:
    """On the word, programs are stopped in reverse order, and each end is told."""
    supervised.tell("stop")
    ended = [supervised.event(), supervised.event()]
    assert [event["name"] for event in ended] == ["stubborn", "orderly"]
    assert [event["status"] for event in ended] == [-signal.SIGKILL, 0]
    assert supervised.process.wait(10) == 0


def test_ctrl_c_does_not_reach_the_programs(supervised: Supervised) -> None:
    """Supervisor and programs are in sessions of their own, and SIGINT to the supervisor changes nothing."""
    sessions = {os.getsid(pid) for pid in [os.getpid(), supervised.process.pid, *supervised.pids.values()]}
    assert len(sessions) == 4
    os.kill(supervised.process.pid, signal.SIGINT)
    time.sleep(0.3)
    assert all(alive(pid) for pid in [supervised.process.pid, *supervised.pids.values()])


def test_sigterm_to_the_supervisor_stops_all(supervised: Supervised) -> None:
    """`sluis down` sends SIGTERM to the supervisor, which stops the programs in an orderly way."""
    os.kill(supervised.process.pid, signal.SIGTERM)
    until(supervised.gone)
    assert "flushed" in supervised.output("orderly")


def test_a_program_stands_back_as_far_as_it_should(supervised: Supervised) -> None:
    """A program with a nice value has it, its session too where the kernel shares by sessions; the others have not."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    values = {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in supervised.pids.items()}
    assert values == {"orderly": min(before + 5, 19), "stubborn": before}
    for name, nice in (("orderly", 5), ("stubborn", 0)):
        group = Path(f"/proc/{supervised.pids[name]}/autogroup")
        assert not group.exists() or group.read_text().split()[-1] == str(nice)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a killed parent")
def test_a_killed_supervisor_takes_the_programs_along(supervised: Supervised) -> None:
    """On Linux no program outlives a supervisor that was killed."""
    os.kill(supervised.process.pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in supervised.pids.values()))


def test_one_end_is_the_end_of_all(tmp_path: Path) -> None:
    """When one program ends by itself, its status is told and the others are stopped."""
    running = Supervised(tmp_path, orderly=ORDERLY, brief="print('up', flush=True); raise SystemExit(3)")
    assert running.event() == {"event": "exited", "name": "brief", "status": 3}
    assert running.process.wait(10) == 0
    assert "flushed" in running.output("orderly")
    for pipe in (running.process.stdin, running.process.stdout):
        assert pipe
        pipe.close()
