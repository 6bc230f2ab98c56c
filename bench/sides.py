"""The sides of the benchmark as processes of their own, and which of them this machine can run."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

HERE: Final = Path(__file__).resolve().parent
PYTHON_SIDES: Final = ("ours", "pyzeebe", "pyzeebe-tuned")
JAVA_SIDES: Final = ("java-polling", "java-streaming")
_END_SECONDS: Final = 10


@dataclass(frozen=True)
class Drain:
    """What one side did with a queue.

    Attributes:
        jobs: how many it completed.
        seconds: in which time.
        cpu: processor seconds of its process meanwhile.
    """

    jobs: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


class Side:
    """One process that obeys lines (see ``contender.py``)."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._seen = psutil.Process(process.pid)

    async def drain(self, job_type: str, count: int, limit: float) -> Drain:
        """Complete the queued jobs of a type; stop after ``limit`` seconds."""
        before = self._cpu()
        answer = await self._ask(f"drain {job_type} {count} {limit}")
        return Drain(int(answer["jobs"]), answer["seconds"], self._cpu() - before)

    async def serve(self, job_type: str) -> None:
        """Begin to serve a type."""
        await self._ask(f"serve {job_type}")

    async def stop(self) -> None:
        """End serving."""
        await self._ask("stop")

    async def _ask(self, line: str) -> dict[str, float]:
        assert self._process.stdin  # noqa: S101 - piped
        assert self._process.stdout  # noqa: S101 - piped
        self._process.stdin.write(f"{line}\n".encode())
        answer = await self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The side {self.name} of the benchmark ended; its last words are above.")
        return dict(json.loads(answer))

    def _cpu(self) -> float:
        times = self._seen.cpu_times()
        return times.user + times.system


@asynccontextmanager
async def side(name: str, address: str, java: Sequence[str]) -> AsyncIterator[Side]:
    """A side as a running process.

    Args:
        name: one of the names above.
        address: host:port of the engine.
        java: the command line of the Java client (see `java_command`).
    """
    python = (sys.executable, "-m", "bench.contender")
    command = (*(java if name in JAVA_SIDES else python), address, name)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=HERE.parent)
    try:
        yield Side(name, process)
    finally:
        if process.stdin:
            process.stdin.close()  # no more lines: it clears up and ends
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            process.terminate()
            await process.wait()


async def java_command(camunda: Path, into: Path) -> tuple[str, ...]:
    """Compile the Java client; nothing where this machine has no JDK.

    The official client and all that it needs are part of the Camunda distribution, so nothing is downloaded.
    """
    compiler, runtime = shutil.which("javac"), shutil.which("java")
    if compiler is None or runtime is None:
        return ()
    jars = f"{camunda}/lib/*"
    source = HERE / "java" / "JavaClient.java"
    process = await asyncio.create_subprocess_exec(compiler, "-cp", jars, "-d", str(into), str(source))
    if await process.wait():
        raise RuntimeError(f"{source} does not compile against {camunda}; javac says why above.")
    return (runtime, "-cp", f"{into}:{jars}", "JavaClient")
