"""A whole VM provisioning with an approver who does not hesitate, beside a script of the same commands."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.installation import Installation
from bench.script import APPLY, DESTROY, PLAN, Script, page, reachable
from workers.core.records import HostAddress, Run
from workers.core.values import JsonValue, now
from workers.service.processes import start

_SECONDS: Final = 300
_MESSAGE: Final = "Measured"


async def compare(made: Installation, folder: Path, rounds: int) -> dict[str, Any]:
    """Provision machines by Sluis and by script in turns; seconds of each, and where Sluis's go."""
    async with made.worker():
        await _by_sluis(made, "warm")
        pairs = []
        for number in range(rounds):
            ours = await _by_sluis(made, f"bench{number}")
            script = await _by_script(made, folder / str(number), f"script{number}")
            pairs.append({"script": script, **ours})
            print(f"  provisioning    {ours['sluis']:6.1f} s by Sluis  {script:6.1f} s by script", flush=True)  # noqa: T201
    parts = {name: round(median(pair[name] for pair in pairs), 2) for name in pairs[0]}
    return {"ratio": round(median(pair["sluis"] / pair["script"] for pair in pairs), 3), **parts, "rounds": pairs}


async def _by_sluis(made: Installation, name: str) -> dict[str, float]:
    variables: dict[str, JsonValue] = {"environment": "local", "name": name, "message": _MESSAGE}
    log = made.folder / "worker.log"
    began, position = now(), log.stat().st_size
    async with made.person("demo") as demo, made.person("act") as act:
        await demo.user_tasks(limit=1)  # both are signed in before the clock counts
        started = await start(made.assembly, demo, "demo", "VmProvisioning", variables)
        shown = await _approve(act, name, started.instance)
    ended = await _told(log, position)
    runs = [run for run in await made.assembly.context.runs.all() if run.created >= began]
    return _parts(began, shown, ended, runs)


async def _approve(act: Any, name: str, instance: int) -> datetime:
    """Approve the only review as soon as it shows; when it did."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        for task in await act.user_tasks(state="CREATED", element="Task_ReviewChange"):
            shown = now()
            await act.assign(task.key, "act")
            await act.complete(task.key, {"decision": "approved", "reason": ""})
            return shown
        await asyncio.sleep(0.05)
    raise RuntimeError(f"No review of {name} (instance {instance}) has shown.")


async def _told(log: Path, position: int) -> datetime:
    """When the last job of the process, the notice that the machine is ready, was completed."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with log.open() as file:
            file.seek(position)
            lines = [json.loads(line) for line in file if line.startswith("{") and line.endswith("\n")]
        done = [e for e in lines if e.get("event") == "job.completed" and e.get("type") == "notify.send"]
        if done:
            return datetime.fromisoformat(done[-1]["timestamp"])
        await asyncio.sleep(0.05)
    raise RuntimeError("The process did not come to its end; see its incident.")


def _parts(began: datetime, shown: datetime, ended: datetime, runs: list[Run]) -> dict[str, float]:
    """Seconds in all, in recorded runs, and from the end of the plan until the review showed."""
    plan = next(run for run in runs if run.job_type.endswith(".plan"))
    in_runs = sum((run.ended - run.started).total_seconds() for run in runs if run.ended and run.started)
    review = (shown - plan.ended).total_seconds() if plan.ended else 0.0
    whole = (ended - began).total_seconds()
    return {"sluis": whole, "runs": in_runs, "review": review, "engine": whole - in_runs - review}


async def _by_script(made: Installation, folder: Path, name: str) -> float:
    key = made.assembly.context.key_pair(made.assembly.context.environment("local")).public
    script = Script(made, folder)
    began = time.perf_counter()
    script.write_root("local_host", name, {"name": name, "authorized_key": key})
    await script.tofu(*PLAN)
    outputs = json.loads(await script.tofu(*APPLY))
    host = HostAddress.model_validate(outputs["hosts"]["value"][0])
    await reachable(host)
    await script.role("os_baseline", {}, host)
    await script.role("web_server", {"web_server_message": _MESSAGE}, host)
    if _MESSAGE not in await page(host):
        raise RuntimeError(f"The website of {name} does not say {_MESSAGE}.")
    seconds = time.perf_counter() - began
    await script.tofu(*DESTROY)
    return seconds
