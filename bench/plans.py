"""Many plans on two cores: queued in the engine for our worker, and handed to ``xargs -P``."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

import psutil

from bench.installation import Installation
from bench.instances import instances
from bench.script import PLAN, Script
from workers.core.values import JsonValue

PROCESS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_BenchPlan"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="BenchPlan" isExecutable="true">
    <bpmn:startEvent id="StartEvent_Asked" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_Asked" targetRef="Task_Plan" />
    <bpmn:serviceTask id="Task_Plan">
      <bpmn:extensionElements><zeebe:taskDefinition type="terraform.note.plan" /></bpmn:extensionElements>
    </bpmn:serviceTask>
  </bpmn:process>
</bpmn:definitions>"""
_AT_ONCE: Final = (1, 2, 3, 4)
_SECONDS: Final = 300
_WARM_UP: Final = 3
"""Rounds that do not count: the engine compiles itself, as every engine in service has."""


@dataclass(frozen=True)
class _Spent:
    """Seconds of processor time until now.

    Attributes:
        machine: of everything on the machine.
        worker: of the worker itself, or of this process.
        tools: of what that one started and waited for.
    """

    machine: float
    worker: float
    tools: float

    @classmethod
    def now(cls, process: psutil.Process | None = None) -> Self:
        """Of a worker and its machine; of this process where none is given."""
        whole, own = psutil.cpu_times(), (process or psutil.Process()).cpu_times()
        busy = whole.user + whole.system + whole.nice + whole.irq + whole.softirq
        return cls(busy, own.user + own.system, own.children_user + own.children_system)

    def per_plan(self, before: _Spent, count: int) -> dict[str, int]:
        """Milliseconds of each plan since then; the rest of the machine is the engine and its search."""
        tools, worker = self.tools - before.tools, self.worker - before.worker
        rest = self.machine - before.machine - tools - worker
        return {name: round(1000 * s / count) for name, s in (("tools", tools), ("worker", worker), ("engine", rest))}


async def compare(made: Installation, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Seconds for so many plans, in turns; xargs with the best of several numbers of processes."""
    cores = tuple(sorted(os.sched_getaffinity(0))[:2])
    await made.gateway.deploy({"BenchPlan.bpmn": PROCESS.encode()})
    pairs: list[dict[str, Any]] = []
    async with made.worker(cores=cores) as worker:
        for number in range(_WARM_UP):
            await _by_sluis(made, f"warm{number}", count)
        for number in range(rounds):
            before = _Spent.now(worker)
            ours = await _by_sluis(made, f"round{number}", count)
            spent, before = _Spent.now(worker).per_plan(before, count), _Spent.now()
            others = {str(n): await _by_xargs(made, folder / f"{number}-{n}", count, n, cores) for n in _AT_ONCE}
            cpu = {**spent, "xargs": _Spent.now().per_plan(before, count * len(_AT_ONCE))["tools"]}
            best = min(others.values())
            pairs.append(
                {"sluis": round(ours, 2), "xargs": round(best, 2), "xargs_by_processes": others, "cpu_ms": cpu}
            )
            print(f"  {count} plans        {ours:6.1f} s by Sluis  {best:6.1f} s by xargs", flush=True)  # noqa: T201
    speed = median(pair["xargs"] / pair["sluis"] for pair in pairs)
    return {"count": count, "cores": len(cores), "speed": round(speed, 3), "rounds": pairs}


async def _by_sluis(made: Installation, name: str, count: int) -> float:
    """From the request for the first to the end of the last."""
    async with instances(made.gateway.address, _SECONDS) as run:
        began = time.perf_counter()
        await asyncio.gather(*(run("BenchPlan", _asked(f"{name}-{number}")) for number in range(count)))
        return time.perf_counter() - began


def _asked(stack: str) -> dict[str, JsonValue]:
    inputs: dict[str, JsonValue] = {"path": f"/tmp/bench-{stack}.txt", "text": "x"}  # noqa: S108 - planned, never written
    return {"environment": "local", "stack": stack, "inputs": inputs}


async def _by_xargs(made: Installation, folder: Path, count: int, processes: int, cores: tuple[int, ...]) -> float:
    began = time.perf_counter()
    roots = []
    for number in range(count):
        script = Script(made, folder / str(number))
        inputs = {"path": f"/tmp/bench-{number}.txt", "text": "x"}  # noqa: S108 - planned, never written
        roots.append(str(script.write_root("note", f"xargs{number}", inputs)))
    tofu = shlex.quote(str(made.tofu.path))
    line = " && ".join(f"{tofu} -chdir=$0 {' '.join(words)} >/dev/null" for words in PLAN)
    wanted = ["xargs", "-P", str(processes), "-n", "1", "sh", "-c", line]
    argv = ["taskset", "-c", ",".join(map(str, cores)), *wanted]
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, env=_environment(made), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate("\n".join(roots).encode())
    if process.returncode:
        raise RuntimeError(f"xargs failed: {said.decode()[-2000:]}")
    return time.perf_counter() - began


def _environment(made: Installation) -> dict[str, str]:
    own = {"TF_CLI_CONFIG_FILE": str(made.tofu.cli_config)} if made.tofu.cli_config else {}
    return {**os.environ, **own, "TF_IN_AUTOMATION": "1"}
