"""A project of its own, served by a real `sluis worker` on the engine of the test session, driven by the real CLI."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otlp_kit import Collector, collector
from workers.core.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("bpmn", "terraform", "ansible", "environments", "policy")
SLUIS = (sys.executable, "-m", "workers.cli")

PATIENCE_SECONDS = 240
"""How long anything may take that is waited for. Much more than it takes: a busy machine is no fault."""


class Worker:
    """A worker process of a project, to be started, stopped and killed.

    Args:
        folder: the project folder.
        environment: the process's environment.
        log: the file that its log goes to.
    """

    def __init__(self, folder: Path, environment: dict[str, str], log: str = "worker.log") -> None:
        self.folder = folder
        self.environment = environment
        self.log = folder / log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "the worker was not started"
        return self._process.pid

    def start(self, command: Sequence[str] = (*SLUIS, "worker"), **more: str) -> None:
        """Start it, ``sluis worker`` where no other command is given, and wait until it serves."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                command, env={**self.environment, **more}, cwd=self.folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._beats():
            assert self._process.poll() is None, f"the worker ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, f"the worker does not serve: {self.log.read_text()}"
            time.sleep(0.2)

    def stop(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Ask it to end with SIGTERM and wait; kill it where it does not."""
        if self._process is not None:
            self.signal(signal.SIGTERM)
            self.wait(seconds)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it has ended; kill it where it does not."""
        assert self._process is not None, "the worker was not started"
        try:
            self._process.wait(seconds)
        finally:
            self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None, "the worker was not started"
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _beats(self) -> list[Path]:
        folder = Path(self.environment["SLUIS_DATA"]) / "workers"
        return list(folder.glob(f"*-{self.pid}.json"))


@dataclass(frozen=True)
class Served:
    """A served project.

    Attributes:
        folder: the project folder, a copy that tests may change.
        environment: what the CLI needs to find it.
        rest: base address of Tasklist and Operate.
        worker: the process that serves it.
        traces: where its traces go.
    """

    folder: Path
    environment: dict[str, str]
    rest: str
    worker: Worker
    traces: Collector

    @property
    def data(self) -> Path:
        """Its data folder."""
        return Path(self.environment["SLUIS_DATA"])

    def cli(self, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run one `sluis` command."""
        return subprocess.run(
            [*SLUIS, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def data_of(self, *arguments: str, seconds: float = 300) -> Any:
        """What a `sluis` command gives as JSON; its failure is the test's."""
        done = self.cli(*arguments, "--json", seconds=seconds)
        assert done.returncode == 0, f"sluis {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def start(self, name: str, message: str = "Hello", user: str = "demo") -> int:
        """Start VM provisioning; returns the instance."""
        return self.start_process("VmProvisioning", user, environment="local", name=name, message=message)

    def start_process(self, process: str, user: str = "demo", /, **variables: Any) -> int:
        """Start any process with these variables; returns the instance."""
        given = [f"--input={name}={json.dumps(value)}" for name, value in variables.items()]
        return int(self.data_of("start", process, "--as", user, *given)["instance"])

    def watch(self, instance: int, seconds: float = 420) -> list[dict[str, Any]]:
        """Follow an instance to its end; returns every happening."""
        return self.watch_until(instance, "ended", seconds)

    def watch_until(self, instance: int, kind: str, seconds: float = 240) -> list[dict[str, Any]]:
        """Follow an instance until something of that kind happens; a failure that waits for a person ends it too."""
        return self.watch_for(instance, {"happening": kind}, seconds)

    def watch_for(self, instance: int, wanted: dict[str, Any], seconds: float = 240) -> list[dict[str, Any]]:
        """Follow an instance until something happens that has all of that."""
        seen: list[dict[str, Any]] = []
        command = [*SLUIS, "watch", str(instance), "--json"]
        with subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as watch:
            timer = threading.Timer(seconds, watch.terminate)
            timer.start()
            try:
                for line in watch.stdout or ():
                    seen.append(json.loads(line))
                    if wanted.items() <= seen[-1].items():
                        return seen
                    if seen[-1]["happening"] == "incident" or seen[-1].get("element") == "Task_DecideOnMachine":
                        break
            finally:
                timer.cancel()
                watch.terminate()
        raise AssertionError(f"no {wanted} of {instance}; the last that happened: {seen[-3:]}")

    def approve(self, instance: int, user: str = "act") -> subprocess.CompletedProcess[str]:
        """Approve what waits in an instance."""
        return self.cli("approve", str(instance), "--as", user, "--wait", "120", "--yes")


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[Served]:
    """Copy the project, deploy its models, and run a worker on it until the end of the block; then remove it all."""
    for part in PARTS:
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns(".terraform*", "__pycache__"))
    with collector() as traces:
        yield from _served(settings, folder, traces)


def _served(settings: Settings, folder: Path, traces: Collector) -> Iterator[Served]:
    data = folder / ".sluis"
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "SLUIS_PROJECT": str(folder),
        "SLUIS_DATA": str(data),
        "SLUIS_ENGINE": "external",
        "SLUIS_GRPC_ADDRESS": settings.grpc_address,
        "SLUIS_REST_ADDRESS": settings.rest_address,
        "SLUIS_LOG_FORMAT": "json",
        **{f"SLUIS_PASSWORD_{user.upper()}": user for user in ("demo", "act")},
        "NO_COLOR": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.address,
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    project = Served(folder, environment, settings.rest_address, Worker(folder, environment), traces)
    deployed = project.cli("deploy")
    assert deployed.returncode == 0, deployed.stderr
    try:
        project.worker.start()
        yield project
    finally:
        project.worker.stop()
    cleaned = project.cli("clean", "--yes")
    assert cleaned.returncode == 0, f"machines may be left over: {cleaned.stderr}"


def page_of(project: Served, stack: str) -> str:
    """The page that the stack's machine serves."""
    host = project.data_of("stack", "show", stack)["record"]["hosts"][0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{host['address']}/", timeout=10) as answer:
        return answer.read().decode()
