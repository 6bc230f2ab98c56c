"""The life of the embedded engine: ``start → ready → stop``."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import psutil

from workers.core.errors import BusyError, EngineError
from workers.engine.embedded import programs
from workers.engine.embedded.layout import EngineFolder, EnginePaths, EnginePorts
from workers.engine.embedded.ports import check_free
from workers.engine.embedded.readiness import last_lines, wait_for_camunda, wait_for_indices, wait_for_opensearch
from workers.engine.embedded.running import RunningEngine, find_running, write_state
from workers.engine.embedded.task_bridge import TaskBridge

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from types import TracebackType

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_STOP_SECONDS = 60.0


class Stage(Protocol):
    """Told when a part of the engine has come up."""

    def __call__(self, name: str, seconds: float) -> None:
        """Take the name of the part (``opensearch``, ``camunda``) and the seconds since the start."""
        ...


@dataclass(frozen=True, slots=True)
class _Ended:
    """A program of the engine that has ended."""

    name: str
    status: int


class EmbeddedEngine:
    """A Camunda 8.6 with Operate and Tasklist on loopback, its data in ``<data>/engine``.

    Use it as an asynchronous context manager, or call ``start`` and ``stop``. However the program ends that started
    it, the engine ends too: a supervisor process holds a pipe from us and stops the Java processes at its end.

    Args:
        paths: the programs.
        data: the data folder (``Settings.data_folder``).
        ports: where to listen; see ``EnginePorts.from_settings`` and ``EnginePorts.free``.
        ready_seconds: how long the engine may take to become ready.
        stage: told of each part that has come up.
        lasting: it is to work hard for minutes: it starts more slowly, works faster once it is warm, and exports in
            larger batches, which the web pages and the search show later.
    """

    def __init__(
        self,
        paths: EnginePaths,
        data: Path,
        ports: EnginePorts,
        *,
        ready_seconds: float = 180,
        stage: Stage | None = None,
        lasting: bool = False,
    ) -> None:
        self.ports = ports
        self._paths = paths
        self._data = data
        self._folder = EngineFolder(data / "engine")
        self._ready_seconds = ready_seconds
        self._stage = stage
        self._lasting = lasting
        self._token = secrets.token_hex(8)
        self._kept = False
        self._supervisor: asyncio.subprocess.Process | None = None
        self._bridge: TaskBridge | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[_Ended] | None = None

    @property
    def logs(self) -> Path:
        """The folder with the engine's log files."""
        return self._folder.logs

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the engine and return when it is ready to work.

        Raises:
            BusyError: a port is taken, or an engine already runs on this data folder. Nothing has been started.
            EngineError: it ended while starting, or was not ready in time. Nothing is left running.
        """
        began = time.monotonic()
        with self._locked() as lock:
            check_free(self.ports)
            self._kept = programs.has_data(self._folder)
            programs.prepare(self._paths, self.ports, self._folder, self._token)
            try:
                running = await self._launch(lock)
            except BaseException:
                await self.stop()
                raise
        try:
            async with asyncio.timeout(self._ready_seconds):
                await self._or_ended(self._until_ready(began))
        except TimeoutError:
            await self.stop()
            raise EngineError(
                f"The engine was not ready after {self._ready_seconds:.0f} s.\n{last_lines(self.logs, 'camunda')}",
                f"See {self._folder.logs}; a slow machine may need a higher SLUIS_ENGINE_READY_SECONDS.",
            ) from None
        except BaseException:
            await self.stop()
            raise
        write_state(self._folder, replace(running, ready=True))

    async def stop(self) -> None:
        """Stop the engine in an orderly way: Camunda first, so that it can flush, then OpenSearch. May be repeated."""
        supervisor, self._supervisor = self._supervisor, None
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()
        if supervisor is None:
            return
        # A cancelled caller still gets its engine stopped: the wait goes on, the cancellation follows.
        await _finish(self._end(supervisor))

    async def ended(self) -> None:
        """Wait until a part of the engine ends that was not told to.

        Raises:
            EngineError: it has, with its last log lines.
        """
        if self._ended is not None:
            raise self._failure(await asyncio.shield(self._ended))

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the data folder; the supervisor inherits the lock and holds it until its end."""
        self._folder.root.mkdir(parents=True, exist_ok=True)
        with self._folder.lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._busy() from None
            yield lock.fileno()

    def _busy(self) -> BusyError:
        running = find_running(self._data)
        who = f"process {running.starter}, {running.rest_address}" if running else "it is starting or stopping"
        return BusyError(
            f"An engine already runs on {self._folder.root} ({who}).", "Stop it with `sluis down`, or use it as it is."
        )

    async def _launch(self, lock: int) -> RunningEngine:
        self._bridge = TaskBridge(self.ports.rest_address)
        spec = self._spec(self._bridge.address)
        with (self._folder.logs / "supervisor.out").open("ab") as errors:
            self._supervisor = supervisor = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_SUPERVISOR)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                pass_fds=(lock,),
                start_new_session=True,
            )
        running = RunningEngine(
            pid=supervisor.pid,
            created=psutil.Process(supervisor.pid).create_time(),
            starter=os.getpid(),
            ready=False,
            ports=self.ports,
        )
        write_state(self._folder, running)
        self._ended = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(supervisor, self._ended), name="embedded-engine-events")
        await _send(supervisor, json.dumps(spec).encode() + b"\n")
        return running

    def _spec(self, tasks_address: str) -> dict[str, Any]:
        parts = (
            programs.opensearch(self._paths, self.ports, self._folder, lasting=self._lasting),
            programs.camunda(self._paths, self.ports, self._folder, self._token, tasks_address, lasting=self._lasting),
        )
        return {"programs": [_plain(part) for part in parts], "remove": [str(self._folder.state)]}

    async def _until_ready(self, began: float) -> None:
        """Start both programs, at once where there is no data yet.

        On data, OpenSearch answers before it has read its indices, and Camunda ends when it asks for one meanwhile.
        """
        await self._start_next()
        if not self._kept:
            await self._start_next()
        await wait_for_opensearch(self.ports, self._token)
        if self._kept:
            await wait_for_indices(self.ports)
            await self._start_next()
        self._tell("opensearch", began)
        await wait_for_camunda(self.ports)
        self._tell("camunda", began)

    async def _start_next(self) -> None:
        if self._supervisor is not None:
            await _send(self._supervisor, b"next\n")

    def _tell(self, name: str, began: float) -> None:
        if self._stage is not None:
            self._stage(name, time.monotonic() - began)

    async def _or_ended(self, ready: Coroutine[Any, Any, None]) -> None:
        """Wait for readiness, or raise as soon as a program has ended."""
        if self._ended is None:
            raise RuntimeError("not launched")
        waiting = asyncio.ensure_future(ready)
        first: set[asyncio.Future[Any]] = {waiting, self._ended}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                raise self._failure(self._ended.result())
            await waiting
        finally:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting

    async def _read(self, supervisor: asyncio.subprocess.Process, ended: asyncio.Future[_Ended]) -> None:
        """Follow the supervisor's events; its own end counts as one."""
        if supervisor.stdout is None:
            raise RuntimeError("no pipe")
        async for line in supervisor.stdout:
            event = json.loads(line)
            if event["event"] == "exited" and not ended.done():
                ended.set_result(_Ended(event["name"], event["status"]))
        if not ended.done():
            ended.set_result(_Ended("supervisor", await supervisor.wait()))

    def _failure(self, ended: _Ended) -> EngineError:
        log = self._folder.logs
        return EngineError(
            f"The engine's {ended.name} has ended (status {ended.status}).\n{last_lines(log, ended.name)}",
            f"See the files in {log}.",
        )

    async def _end(self, supervisor: asyncio.subprocess.Process) -> None:
        await _send(supervisor, b"stop\n")
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await supervisor.wait()
        except TimeoutError:
            supervisor.kill()
            await supervisor.wait()
        if self._reader is not None:
            await self._reader


def _plain(program: programs.Program) -> dict[str, Any]:
    return asdict(program) | {"cwd": str(program.cwd), "output": str(program.output)}


async def _send(supervisor: asyncio.subprocess.Process, line: bytes) -> None:
    if supervisor.stdin is None:
        raise RuntimeError("no pipe")
    with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: its exit status says why
        supervisor.stdin.write(line)
        await supervisor.stdin.drain()


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` to its end even when we are cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
