"""Keeps the engine's Java processes no longer than the program that started them.

Run as a script (``python -I supervisor.py``), standard library only, in a session of its own. It reads one line of
JSON from standard input: the programs, in order. After that, the line ``next`` starts the next of them. Any other line,
or the end of standard input (the parent has exited or was killed), stops them in reverse order with SIGTERM, a grace
period and SIGKILL. What happens is told on standard output, one JSON object per line.

A killed supervisor takes its programs with it where the kernel can do that (Linux).
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

_TICK = 0.5
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Supervisor:
    """Starts programs when it is told to, reports their end, stops them.

    Args:
        spec: ``programs`` (each with ``name, argv, env, cwd, output, grace, nice``) and ``remove`` (files, at the end).
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._programs: list[dict[str, Any]] = spec["programs"]
        self._waiting = list(self._programs)
        self._remove = [Path(name) for name in spec["remove"]]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._parent = os.getppid()
        self._stopping = False

    def run(self) -> None:
        """Start what the parent asks for, wait for a reason to stop, stop everything."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        try:
            self._watch()
        finally:
            self._stop()

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def _start(self, program: dict[str, Any]) -> None:
        with Path(program["output"]).open("ab") as output:
            process = subprocess.Popen(
                program["argv"],
                env=program["env"],
                cwd=program["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(_begin, program["nice"]),  # noqa: PLW1509 - this process has one thread
            )
        self._running[program["name"]] = process
        _tell(event="started", name=program["name"], pid=process.pid)

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            while not self._stopping and os.getppid() == self._parent:
                if selector.select(_TICK) and not self._obey(os.read(0, 64).splitlines()):
                    return
                if self._reap():
                    return

    def _obey(self, lines: list[bytes]) -> bool:
        """Start a program for each ``next``; False for whatever else is said, and for the end: reasons to stop."""
        for line in lines:
            if line != b"next":
                return False
            self._start(self._waiting.pop(0))
        return bool(lines)

    def _reap(self) -> bool:
        ended = {name: process for name, process in self._running.items() if process.poll() is not None}
        for name, process in ended.items():
            del self._running[name]
            _tell(event="exited", name=name, status=process.returncode)
        return bool(ended)

    def _stop(self) -> None:
        for program in reversed(self._programs):
            process = self._running.pop(program["name"], None)
            if process is not None:
                _end(process, program["grace"])
                _tell(event="exited", name=program["name"], status=process.returncode)
        for path in self._remove:
            path.unlink(missing_ok=True)


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    # The group, once more: whatever the program left behind in its session goes too.
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _tell(**event: object) -> None:
    # A parent that is gone cannot be told, which must not keep us from stopping the programs.
    with suppress(OSError):
        os.write(1, json.dumps(event).encode() + b"\n")


def _begin(nice: int) -> None:
    """What a program does before it becomes itself: it dies with its parent, and stands back behind others."""
    os.nice(nice)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # Where the kernel shares the processor between sessions (sched(7), autogroup), that alone counts for nothing.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


if __name__ == "__main__":
    # Unbuffered: what follows the first line must stay in the pipe, where the selector sees it.
    with open(0, "rb", buffering=0, closefd=False) as pipe:
        first = pipe.readline()
    if first:
        Supervisor(json.loads(first)).run()
