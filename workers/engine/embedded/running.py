"""The engine that already runs on a data folder: found through its state file, stopped through its supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil

from workers.core.errors import EngineError
from workers.engine.embedded.layout import EngineFolder, EnginePorts

if TYPE_CHECKING:
    from pathlib import Path

_CLOCK_TOLERANCE = 2.0  # seconds; the system's boot time is not read to the same instant twice


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """An engine that somebody started.

    Attributes:
        pid: the process id of its supervisor; SIGTERM to it stops the engine in an orderly way.
        created: when that process started, in seconds of the epoch; tells it from a later process with the same id.
        starter: the process id of the program that started the engine and whose end stops it.
        ready: whether it had become ready.
        ports: where it listens.
    """

    pid: int
    created: float
    starter: int
    ready: bool
    ports: EnginePorts

    @property
    def grpc_address(self) -> str:
        """The gateway as ``host:port``."""
        return self.ports.grpc_address

    @property
    def rest_address(self) -> str:
        """The base address of REST, Operate and Tasklist."""
        return self.ports.rest_address


def find_running(data: Path) -> RunningEngine | None:
    """The engine that runs on a data folder, if there is one.

    A state file that an engine left behind when the machine went down is recognised: its process is not there any
    more, or started at another time.

    Args:
        data: the data folder (``Settings.data_folder``).
    """
    try:
        state = json.loads(EngineFolder(data / "engine").state.read_text(encoding="utf-8"))
        running = _parse(state)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return running if _alive(running) else None


async def stop_running(data: Path, seconds: float = 60) -> bool:
    """Stop the engine that runs on a data folder, and wait until all of it has ended.

    Args:
        data: the data folder.
        seconds: how long to wait.

    Returns:
        Whether there was one.

    Raises:
        EngineError: it has not ended in time.
    """
    running = find_running(data)
    if running is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(running.pid, 15)
    deadline = time.monotonic() + seconds
    while _alive(running):
        if time.monotonic() > deadline:
            raise EngineError(f"The engine (process {running.pid}) has not stopped within {seconds:.0f} s.")
        await asyncio.sleep(0.1)
    return True


def write_state(folder: EngineFolder, running: RunningEngine) -> None:
    """Record the engine in its state file, in one step."""
    partial = folder.state.with_suffix(".partial")
    content = asdict(running) | {"grpc": running.grpc_address, "rest": running.rest_address}
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder.state)


def _parse(state: dict[str, Any]) -> RunningEngine:
    return RunningEngine(
        pid=int(state["pid"]),
        created=float(state["created"]),
        starter=int(state["starter"]),
        ready=bool(state["ready"]),
        ports=EnginePorts(**state["ports"]),
    )


def _alive(running: RunningEngine) -> bool:
    try:
        process = psutil.Process(running.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - running.created) < _CLOCK_TOLERANCE
    except psutil.Error:
        return False
