"""When the parts of the engine can be used, and what they last said when they cannot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from workers.core.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workers.engine.embedded.layout import EnginePorts

_INTERVAL = 0.25
_LINES = 20
_TAIL_BYTES = 32_768


async def wait_for_opensearch(ports: EnginePorts, token: str) -> None:
    """Wait until our OpenSearch answers.

    Its runner moves to another port when somebody takes the one it was given, so that what answers might be another
    engine's: the token of this start tells.

    Raises:
        BusyError: somebody else's OpenSearch answers.
    """

    def ours(answer: httpx.Response) -> bool:
        if answer.is_success and "attributes" in answer.text and token not in answer.text:
            raise BusyError(f"Another OpenSearch has taken port {ports.search}.", "Set SLUIS_SEARCH_PORT to another.")
        return answer.is_success and token in answer.text

    await _until(f"{ports.search_address}/_nodes/_local?filter_path=nodes.*.attributes", ours)


async def wait_for_indices(ports: EnginePorts) -> None:
    """Wait until OpenSearch has read all indices that it has on disk."""
    await _until_ok(f"{ports.search_address}/_cluster/health?wait_for_status=yellow&timeout=1s")


async def wait_for_camunda(ports: EnginePorts) -> None:
    """Wait until the broker leads its partition, the indices are there and the web applications answer.

    The health endpoint covers the first two; Operate and Tasklist are asked for themselves.
    """
    await _until_ok(f"{ports.monitoring_address}/actuator/health")
    await _until_ok(f"{ports.rest_address}/tasklist")
    await _until_ok(f"{ports.rest_address}/operate")


def last_lines(logs: Path, name: str, count: int = _LINES) -> str:
    """The last lines that a program wrote: of its log, or of its plain output where it has not come that far."""
    for suffix in ("log", "out"):
        lines = _tail(logs / f"{name}.{suffix}", count)
        if lines:
            return "\n".join(lines)
    return "(it has written nothing)"


async def _until_ok(address: str) -> None:
    await _until(address, lambda answer: answer.is_success)


async def _until(address: str, good: Callable[[httpx.Response], bool]) -> None:
    async with httpx.AsyncClient(timeout=5, trust_env=False, follow_redirects=True) as client:
        while True:
            try:
                if good(await client.get(address)):
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_INTERVAL)


def _tail(path: Path, count: int) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
