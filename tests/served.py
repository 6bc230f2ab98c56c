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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.core.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("bpmn", "terraform", "ansible", "environments")
SLUIS = (sys.executable, "-m", "workers.cli")


@dataclass(frozen=True)
class Served:
    """A served project.

    Attributes:
        folder: the project folder, a copy that tests may change.
        environment: what the CLI needs to find it.
        rest: base address of Tasklist and Operate.
    """

    folder: Path
    environment: dict[str, str]
    rest: str

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
        variables = ("--var", "environment=local", "--var", f"name={name}", "--var", f"message={message}")
        return int(self.data_of("start", "VmProvisioning", "--as", user, *variables)["instance"])

    def watch(self, instance: int, seconds: float = 420) -> list[dict[str, Any]]:
        """Follow an instance to its end; returns every happening."""
        return self.watch_until(instance, "ended", seconds)

    def watch_until(self, instance: int, kind: str, seconds: float = 240) -> list[dict[str, Any]]:
        """Follow an instance until something of that kind happens; a failure that waits for a person ends it too."""
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
                    if seen[-1]["happening"] == kind:
                        return seen
                    if seen[-1]["happening"] == "incident" or seen[-1].get("element") == "Task_DecideOnMachine":
                        break
            finally:
                timer.cancel()
                watch.terminate()
        raise AssertionError(f"no {kind} of {instance}; the last that happened: {seen[-3:]}")

    def approve(self, instance: int, user: str = "act") -> subprocess.CompletedProcess[str]:
        """Approve what waits in an instance."""
        return self.cli("approve", str(instance), "--as", user, "--wait", "120", "--yes")


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[Served]:
    """Copy the project, deploy its models, and run a worker on it until the end of the block; then remove it all."""
    for part in PARTS:
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns(".terraform*", "__pycache__"))
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
    }
    project = Served(folder, environment, settings.rest_address)
    deployed = project.cli("deploy")
    assert deployed.returncode == 0, deployed.stderr
    with (folder / "worker.log").open("w") as log:
        worker = subprocess.Popen([*SLUIS, "worker"], env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            _until_serving(project, worker)
            yield project
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(60)
            finally:
                worker.kill()
    cleaned = project.cli("clean", "--yes")
    assert cleaned.returncode == 0, f"machines may be left over: {cleaned.stderr}"


def _until_serving(project: Served, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not list((project.data / "workers").glob("*.json")):
        log = (project.folder / "worker.log").read_text()
        assert worker.poll() is None, f"the worker ended: {log}"
        assert time.monotonic() < deadline, f"the worker does not serve: {log}"
        time.sleep(0.2)
