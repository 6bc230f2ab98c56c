"""An installation of Sluis for the benchmark: a copy of the project on the bench's engine, with a worker of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.report import PROJECT
from workers.core.settings import Settings
from workers.core.values import JsonValue
from workers.engine.grpc import ZeebeGateway
from workers.engine.rest import OrchestrationRest
from workers.service.assembly import Assembly, assemble, open_rest
from workers.setup import debian
from workers.setup.progress import Quiet
from workers.setup.tofu import Tofu, ensure_tofu

_PARTS: Final = ("bpmn", "terraform", "ansible", "environments")
_SECONDS: Final = 240


@dataclass(frozen=True)
class Installation:
    """One installation.

    Attributes:
        assembly: its parts, as seen by a command.
        environment: what its commands find it by.
        tofu: the program that its worker drives.
        gateway: the engine.
    """

    assembly: Assembly
    environment: Mapping[str, str]
    tofu: Tofu
    gateway: ZeebeGateway

    @property
    def folder(self) -> Path:
        """The copy of the project."""
        return self.assembly.settings.project

    def person(self, name: str) -> OrchestrationRest:
        """The engine as one of the embedded engine's people sees it."""
        return open_rest(self.assembly.settings, name, name)

    async def command(self, *words: str) -> None:
        """Run a command of ``sluis``; its failure ends the benchmark."""
        process = await asyncio.create_subprocess_exec(*_sluis(*words), cwd=self.folder, env=dict(self.environment))
        if await process.wait():
            raise RuntimeError(f"sluis {' '.join(words)} failed; its last words are above.")

    @asynccontextmanager
    async def worker(
        self, module: str = "", cores: tuple[int, ...] = (), **settings: JsonValue
    ) -> AsyncIterator[psutil.Process]:
        """A serving worker.

        Args:
            module: what to run in the place of ``sluis worker``.
            cores: those that it, and the tools that it starts, may use; all where left out.
            settings: more settings for it.
        """
        more = {f"SLUIS_{name.upper()}": str(value) for name, value in settings.items()}
        with (self.folder / "worker.log").open("a") as log:
            process = await asyncio.create_subprocess_exec(
                *((sys.executable, "-m", module) if module else _sluis("worker")),
                cwd=self.folder,
                env={**self.environment, **more},
                stdout=log,
                stderr=log,
            )
        try:
            if cores:
                os.sched_setaffinity(process.pid, cores)
            await self._serving(process)
            yield psutil.Process(process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def _serving(self, process: asyncio.subprocess.Process) -> None:
        beats = self.assembly.settings.data_folder / "workers"
        deadline = time.monotonic() + _SECONDS
        while not list(beats.glob(f"*-{process.pid}.json")):
            if process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The worker does not serve: {(self.folder / 'worker.log').read_text()}")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def installation(engine: Settings, gateway: ZeebeGateway, folder: Path) -> AsyncIterator[Installation]:
    """A fresh copy of the project with the tutorial's module in it, deployed; its machines are removed at the end."""
    for part in _PARTS:
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns(".terraform*", "__pycache__"))
    shutil.copytree(PROJECT / "docs" / "tutorial" / "note", folder, dirs_exist_ok=True)
    tofu = await ensure_tofu(engine, Quiet())
    await debian.ensure_host_image(engine, Quiet())
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "SLUIS_PROJECT": str(folder),
        "SLUIS_DATA": str(folder / ".sluis"),
        "SLUIS_ENGINE": "external",
        "SLUIS_GRPC_ADDRESS": engine.grpc_address,
        "SLUIS_REST_ADDRESS": engine.rest_address,
        "SLUIS_LOG_FORMAT": "json",
    }
    settings = engine.model_copy(update={"project": folder, "data": folder / ".sluis", "engine": "external"})
    found = Installation(assemble(settings), environment, tofu, gateway)
    await found.command("deploy")
    try:
        yield found
    finally:
        await found.command("clean", "--yes")


def _sluis(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "workers.cli", *words)
