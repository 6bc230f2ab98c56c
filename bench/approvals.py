"""What open approvals cost the workers: memory, descriptors and locks with many of them, beside none."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from bench.installation import Installation
from workers.core.values import JsonValue
from workers.runs.locks import is_held
from workers.service.processes import start

_AT_ONCE: Final = 16
_SETTLE_SECONDS: Final = 45
"""Longer than a look at the open reviews takes to come round."""
_SECONDS: Final = 2400


async def measure(made: Installation, count: int) -> dict[str, Any]:
    """Open so many reviews of changes; the figures of a fresh worker without and with them."""
    before = await _settled(made)
    async with made.worker():
        await _open(made, count)
    after = await _settled(made)
    held = [str(path) for path in _locks(made) if is_held(path)]
    found = {
        "count": count,
        "memory_mb": {"none": before["memory_mb"], "open": after["memory_mb"]},
        "descriptors": {"none": before["descriptors"], "open": after["descriptors"]},
        "locks_held": len(held),
    }
    print(f"  {count} open approvals: {found}", flush=True)  # noqa: T201
    return found


async def _settled(made: Installation) -> dict[str, float]:
    """A fresh worker after some time."""
    async with made.worker() as worker:
        await asyncio.sleep(_SETTLE_SECONDS)
        return {"memory_mb": round(worker.memory_info().rss / 2**20, 1), "descriptors": worker.num_fds()}


async def _open(made: Installation, count: int) -> None:
    room = asyncio.Semaphore(_AT_ONCE)
    async with made.person("demo") as demo:

        async def begin(number: int) -> None:
            async with room:
                path = f"/tmp/bench-open-{number}.txt"  # noqa: S108 - planned, never written
                variables: dict[str, JsonValue] = {"environment": "local", "path": path, "name": f"open{number}"}
                await start(made.assembly, demo, "demo", "BenchReview", variables)

        before = await _decided(made)
        await made.gateway.deploy({"BenchReview.bpmn": REVIEW.encode()})
        await asyncio.gather(*(begin(number) for number in range(count)))
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if await _decided(made) - before >= count:
            return
        await asyncio.sleep(1)
    raise RuntimeError("Not all reviews are open.")


async def _decided(made: Installation) -> int:
    """Changes of which it is known who is to decide."""
    return sum(1 for key in await made.assembly.store.keys("changes") if key.endswith("/policy.json"))


def _locks(made: Installation) -> list[Path]:
    return [path for path in (made.assembly.context.data / "locks").rglob("*") if path.is_file()]


REVIEW: Final = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="Definitions_BenchReview"
    xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="BenchReview" isExecutable="true">
    <bpmn:startEvent id="StartEvent_Asked" />
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_Asked" targetRef="CallActivity_Change" />
    <bpmn:callActivity id="CallActivity_Change">
      <bpmn:extensionElements>
        <zeebe:calledElement processId="TerraformChange" propagateAllChildVariables="false" />
        <zeebe:ioMapping>
          <zeebe:input source="=environment" target="environment" />
          <zeebe:input source="=name" target="stack" />
          <zeebe:input source="=&#34;note&#34;" target="module" />
          <zeebe:input source="={path: path}" target="inputs" />
          <zeebe:input source="=&#34;apply&#34;" target="operation" />
          <zeebe:input source="=[]" target="configure" />
          <zeebe:input source="=null" target="cleanupOf" />
          <zeebe:input source="=false" target="cleansUp" />
          <zeebe:input source="=&#34;Measured.&#34;" target="purpose" />
        </zeebe:ioMapping>
      </bpmn:extensionElements>
    </bpmn:callActivity>
  </bpmn:process>
</bpmn:definitions>"""
