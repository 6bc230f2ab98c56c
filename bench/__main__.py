"""``python -m bench``: measure everything in one run, print ratios, write JSON. Asserts nothing.

One engine is started for the job loop and one for the rest, and both are removed afterwards, unless SLUIS_ENGINE is
``external``; then take one that nobody else needs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from bench import approvals, plans, provisioning
from bench.installation import Installation, installation
from bench.job_loop import compare, idle_share
from bench.report import PROJECT
from bench.sides import JAVA_SIDES, PYTHON_SIDES, java_command
from bench.tables import ratios
from workers.core.errors import SluisError
from workers.core.settings import Settings
from workers.core.values import now
from workers.engine.embedded import EmbeddedEngine, EnginePaths, EnginePorts
from workers.engine.grpc import ZeebeGateway
from workers.setup.engine import engine_parts, ensure_engine
from workers.setup.progress import Quiet

ON_ENGINE: Final = ("provisioning", "plans", "approvals")
BY_THEMSELVES: Final = ("catalogue", "logs")
PARTS: Final = ("loop", *ON_ENGINE, *BY_THEMSELVES)


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Measure the wanted parts and give back everything that was found."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-of-sluis-") as name:
        folder = Path(name)
        java = await java_command(engine_parts(Settings()).camunda, folder) if "loop" in given.only else ()
        found: dict[str, Any] = {}
        if set(given.only) & set(ON_ENGINE):
            async with _engine(folder / "engine") as (settings, gateway, version):
                found["engine"] = version
                async with installation(settings, gateway, folder / "project") as made:
                    found |= await _whole(given, made, folder)
        if "loop" in given.only:
            # An engine of its own, set up like one in service: clients are to be compared, not to wait for the engine.
            # After so many jobs the search of the other one would be behind, and reviews would not show.
            async with _engine(folder / "engine-loop", lasting=True) as (_, gateway, version):
                found |= {"engine": version, **await _loop(given, gateway, java)}
        found |= {part: await _script(part, folder) for part in BY_THEMSELVES if part in given.only}
    return {"time": now().isoformat(), "machine": _machine(load), **found}


async def _loop(given: argparse.Namespace, gateway: ZeebeGateway, java: Sequence[str]) -> dict[str, Any]:
    names = (*PYTHON_SIDES, *(JAVA_SIDES if java else ()))
    sides = await compare(gateway, names, java, jobs=given.jobs, trips=given.trips, rounds=given.rounds)
    share = await idle_share(gateway, given.idle, given.idle_seconds)
    print(f"  {given.idle} idle job types: {share:.2%} of a core", flush=True)  # noqa: T201
    counts = {"jobs": given.jobs, "trips": given.trips, "rounds": given.rounds}
    return {**counts, "idle": {"types": given.idle, "core_share": round(share, 4)}, "sides": sides}


async def _whole(given: argparse.Namespace, made: Installation, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    measures = {
        "provisioning": lambda: provisioning.compare(made, folder / "provisioning", given.rounds),
        "plans": lambda: plans.compare(made, folder / "plans", given.plans, given.rounds),
        "approvals": lambda: approvals.measure(made, given.approvals),
    }
    for part in (part for part in ON_ENGINE if part in given.only):
        try:
            found[part] = await measures[part]()
        except (RuntimeError, SluisError) as error:  # what the other parts measured is not lost with it
            print(f"  {part} was not measured: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return found


async def _script(part: str, folder: Path) -> Any:
    """What a benchmark that needs no engine has found."""
    out = folder / f"{part}.json"
    script = PROJECT / "bench" / f"{'web_logs' if part == 'logs' else part}.py"
    process = await asyncio.create_subprocess_exec(sys.executable, str(script), "--out", str(out))
    if await process.wait():
        raise RuntimeError(f"{script} failed; its last words are above.")
    return json.loads(out.read_text(encoding="utf-8"))


def _machine(load_before: float) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load_before": round(load_before, 1),
        "load_after": round(os.getloadavg()[0], 1),
    }


@asynccontextmanager
async def _engine(data: Path, *, lasting: bool = False) -> AsyncIterator[tuple[Settings, ZeebeGateway, str]]:
    """An engine: settings with its addresses, its gateway, its version."""
    async with _served(data, lasting=lasting) as settings, ZeebeGateway.from_settings(settings) as gateway:
        yield settings, gateway, (await gateway.topology()).gateway_version


@asynccontextmanager
async def _served(data: Path, *, lasting: bool) -> AsyncIterator[Settings]:
    """Settings with the addresses of an engine."""
    settings = Settings()
    if settings.engine == "external":
        yield settings
        return
    ports = EnginePorts.free()
    parts = await ensure_engine(settings, Quiet())
    paths = EnginePaths(parts.java_home, parts.camunda, parts.opensearch)
    ready = settings.engine_ready_seconds
    async with EmbeddedEngine(paths, data, ports, ready_seconds=ready, lasting=lasting):
        yield settings.model_copy(update={"grpc_address": ports.grpc_address, "rest_address": ports.rest_address})


def main() -> None:
    """Measure, print the ratios, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1500, help="queued jobs per side and round")
    parser.add_argument("--trips", type=int, default=200, help="round trips per side and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=600, help="idle job types")
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--plans", type=int, default=20, help="plans on two cores")
    parser.add_argument("--approvals", type=int, default=1000, help="open approvals")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure only these")
    parser.add_argument("--out", type=Path, default=PROJECT / "results" / "bench" / "bench.json")
    given = parser.parse_args()
    result = asyncio.run(measure(given))
    for name, ratio in ratios(result).items() if "sides" in result else ():
        drain, trip = ratio["drain"].middle, ratio["round_trip"].middle
        print(f"Sluis against {name}: drains x{drain}, answers in x{trip} the time")  # noqa: T201
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
