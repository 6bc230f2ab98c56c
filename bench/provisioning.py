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
from bench.shares import Line, moment, shares
from workers.core.records import HostAddress
from workers.core.values import JsonValue, now
from workers.service.processes import start
from workers.setup import debian

_SECONDS: Final = 300
_MESSAGE: Final = "Measured"


async def compare(made: Installation, folder: Path, rounds: int) -> dict[str, Any]:
    """Provision machines by Sluis and by script in turns; seconds of each, and where they go.

    Raises:
        RuntimeError: there can be no whole machine here, or it did not come to its end.
    """
    if why := debian.missing():
        raise RuntimeError(f"It needs a machine of its own, and there can be none here: {why}.")
    async with made.worker("bench.timed_worker"):
        await _by_sluis(made, "warm")
        pairs = []
        for number in range(rounds):
            ours = await _by_sluis(made, f"bench{number}")
            script = await _by_script(made, folder / str(number), f"script{number}")
            pairs.append({"sluis": ours, "script": script})
            whole = (ours["whole"], script["whole"])
            print("  provisioning    {:6.1f} s by Sluis  {:6.1f} s by script".format(*whole), flush=True)  # noqa: T201
    ratio = median(pair["sluis"]["whole"] / pair["script"]["whole"] for pair in pairs)
    middle = {
        side: {part: round(median(pair[side][part] for pair in pairs), 2) for part in pairs[0][side]}
        for side in ("sluis", "script")
    }
    return {"ratio": round(ratio, 3), **middle, "rounds": pairs}


async def _by_sluis(made: Installation, name: str) -> dict[str, float]:
    variables: dict[str, JsonValue] = {"environment": "local", "name": name, "message": _MESSAGE}
    log = made.folder / "worker.log"
    position = log.stat().st_size
    async with made.person("demo") as demo, made.person("act") as act:
        await demo.sign_in()  # both are signed in before the clock counts
        await act.sign_in()
        began = now()
        started = await start(made.assembly, demo, "demo", "VmProvisioning", variables)
        shown = await _approve(act, name, started.instance)
    lines = await _told(log, position)
    ended = moment(lines[-1])
    whole = (ended - began).total_seconds()
    return {"whole": round(whole, 3), **shares(lines, began, shown, ended)}


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


async def _told(log: Path, position: int) -> list[Line]:
    """The worker's log from that byte on, to where the last job, the notice that the machine is ready, is completed."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with log.open() as file:
            file.seek(position)
            lines = [json.loads(line) for line in file if line.startswith("{") and line.endswith("\n")]
        for number, line in enumerate(lines):
            if line["event"] == "job.completed" and line["type"] == "notify.send":
                return lines[: number + 1]
        await asyncio.sleep(0.05)
    raise RuntimeError("The process did not come to its end; see its incident.")


async def _by_script(made: Installation, folder: Path, name: str) -> dict[str, float]:
    key = made.assembly.context.key_pair(made.assembly.context.environment("local")).public
    script = Script(made, folder)
    began = time.perf_counter()
    script.write_root("local_host", name, {"name": name, "authorized_key": key})
    await script.tofu(*PLAN)
    outputs = json.loads(await script.tofu(*APPLY))
    host = HostAddress.model_validate(outputs["hosts"]["value"][0])
    waited = await reachable(host)
    await script.role("os_baseline", {}, host)
    await script.role("web_server", {"web_server_message": _MESSAGE}, host)
    if _MESSAGE not in await page(host):
        raise RuntimeError(f"The website of {name} does not say {_MESSAGE}.")
    whole = time.perf_counter() - began
    tool = script.seconds
    await script.tofu(*DESTROY)
    return {"whole": round(whole, 3), "tool": round(tool, 3), "machine": round(waited, 3)}
