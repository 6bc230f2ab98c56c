"""Process instances that are waited for by the engine's own answer, so that waiting costs nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from pyzeebe import create_insecure_channel
from pyzeebe.proto import gateway_pb2 as pb
from pyzeebe.proto.gateway_pb2_grpc import GatewayStub

from workers.core.values import JsonValue

RunToEnd = Callable[[str, Mapping[str, JsonValue]], Awaitable[None]]
"""Start a process, by its id, with variables, and come back when it has ended."""


@asynccontextmanager
async def instances(address: str, seconds: float) -> AsyncIterator[RunToEnd]:
    """How to run an instance to its end.

    Args:
        address: host:port of the engine.
        seconds: how long one may take.
    """
    channel = create_insecure_channel(address)
    stub = GatewayStub(channel)

    async def run(process: str, variables: Mapping[str, JsonValue]) -> None:
        start = pb.CreateProcessInstanceRequest(bpmnProcessId=process, version=-1, variables=json.dumps(variables))
        request = pb.CreateProcessInstanceWithResultRequest(request=start, requestTimeout=round(seconds * 1000))
        await stub.CreateProcessInstanceWithResult(request, timeout=seconds + 10)

    try:
        yield run
    finally:
        await channel.close(None)
